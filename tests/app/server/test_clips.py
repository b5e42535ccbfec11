"""Clips are read by a process of their own, and long jobs end when they are cancelled or take too long."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from app.server.clips import read_clip
from app.server.job_queue import DisconnectedError
from app.server.jobs import Jobs
from rbvae import ConfigError, ImageError
from rbvae.images.clips import Clip
from tests.clips import click, write_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A second of changing grey with a click in the middle."""
    pictures = [np.full((48, 64, 3), 20 * number, np.uint8) for number in range(10)]
    return write_clip(tmp_path_factory.mktemp("clips") / "grey.mp4", pictures, np.arange(10) / 10, click(1, 0.5))


def test_another_process_gives_the_same_frames_and_the_same_sound(clip):
    own = Clip(clip, 20)
    with read_clip(clip.read_bytes()) as safe:
        for _ in range(2):  # as for landmarks, and for expressions
            for ours, theirs in zip(own.frames(32), safe.frames(32), strict=True):
                assert ours.time == theirs.time and np.array_equal(ours.pixels, theirs.pixels)
        assert np.array_equal(own.sound(0, 1).samples, safe.sound(0, 1).samples)
        assert safe.length == own.length
    assert safe._process.returncode is not None


def test_what_is_no_clip_of_20_seconds_is_refused_in_words(clip, tmp_path):
    still = [np.zeros((32, 32, 3), np.uint8)] * 25
    long = write_clip(tmp_path / "long.mp4", still, np.arange(25.0)).read_bytes()
    for content, words in ((b"words", "not a film"), (long, "Trim it first"), (clip.read_bytes()[:2000], "not a film")):
        with pytest.raises(ImageError, match=words), read_clip(content) as safe:
            list(safe.frames(32))


def test_a_clip_that_takes_too_long_to_read_is_given_up(clip):
    with pytest.raises(ImageError, match="cannot be read here"), read_clip(clip.read_bytes(), seconds=0.01) as safe:
        safe._process.wait()
        list(safe.frames(32))


def test_a_job_tells_its_progress_until_it_is_cancelled():
    jobs, cancelled = Jobs(), threading.Event()
    with pytest.raises(DisconnectedError), jobs.running("mine", cancelled) as report:
        report(0.5)
        assert jobs.share("mine") == 0.5 and jobs.share("another") == 0
        cancelled.set()
        report(0.6)
    assert jobs.share("mine") == 0


def test_a_job_that_takes_too_long_ends_with_advice():
    with pytest.raises(ConfigError, match="a shorter clip"), Jobs(0).running("slow", threading.Event()) as report:
        report(0.1)
