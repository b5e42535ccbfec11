"""Claims about driven films: the photo's face does what the clip's face does, at its times and with its sound."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from rbvae import ConfigError, FaceNotFoundError, PortraitEditor
from rbvae.editing import performance
from rbvae.editing.driving import Drive, drive
from rbvae.editing.performance import in_threads, most_neutral, perform
from rbvae.editing.smoothing import OneEuro
from rbvae.images.ai_metadata import AI_NOTE
from rbvae.images.clips import Clip
from tests.clips import click, write_clip

FACES = Path(__file__).parents[3] / "checkpoints" / "faces"
CROP = (96, 0, 352, 256)  # of the astronaut: her head
TIMES = np.arange(16) / 20
SMILES = [0, 0, 0, 0, 0.5, 1, 1.5, 1.5, 1.5, 1.5, 1, 0.5, 0, 0, 0, 0]  # sigmas in each frame
HIDDEN = (5, 6)  # frames without a face


@pytest.fixture(scope="module")
def editor():
    return PortraitEditor.from_pretrained(FACES)


@pytest.fixture(scope="module")
def portrait(editor):
    return editor.infer(np.ascontiguousarray(Image.fromarray(data.astronaut()).crop(CROP)))


@pytest.fixture(scope="module")
def acting(editor, portrait, tmp_path_factory):
    """A clip in which the astronaut opens her mouth and smiles, with a click as the smile begins."""
    es = [editor.moved(portrait.e, {"smile": smile, "mouth open": 2 * smile}) for smile in SMILES]
    pictures = [np.asarray(edit.photo).copy() for edit in editor.edits(portrait, es)]
    for hidden in HIDDEN:
        pictures[hidden][:] = 90
    return write_clip(tmp_path_factory.mktemp("clips") / "acting.mp4", pictures, TIMES, click(0.8, 0.4))


@pytest.fixture(scope="module")
def acted(editor, acting):
    return perform(editor, Clip(acting, 20))


@pytest.fixture(scope="module")
def film(editor, acting, portrait):
    return drive(editor, acting, portrait, Drive(size=200))


def along(editor, name: str, es: np.ndarray) -> np.ndarray:
    return es @ editor.direction(name).vector / editor.direction(name).sigma


def test_the_film_has_the_clips_times_its_sound_and_the_note(film):
    clip = Clip(film, 20)
    frames = list(clip.frames(1280))
    assert np.allclose([frame.time for frame in frames], TIMES, atol=0.002) and abs(clip.length - 0.8) < 0.03
    assert frames[0].pixels.shape == (200, 200, 3) and AI_NOTE.encode() in film
    loud = np.flatnonzero(np.abs(clip.sound(0, 0.8).samples[0]) > 0.4)
    assert abs(loud[0] / 48_000 - 0.4) < 0.01


def test_the_face_follows_and_rests_where_the_clip_rests(editor, film, portrait):
    pictures = [frame.pixels for frame in Clip(film, 20).frames(1280)]
    smiles = along(editor, "mouth open", np.array([editor.infer(pictures[number]).e for number in (0, 8, 15)]))
    assert smiles[1] > smiles[0] + 0.7 and smiles[1] > smiles[2] + 0.7
    still = np.asarray(Image.fromarray(portrait.source).resize((200, 200), Image.Resampling.BOX), int)
    assert np.abs(pictures[0] - still).mean() < 4


def test_the_neutral_frames_are_found_and_frames_without_a_face_lie_between_their_neighbours(editor, acted):
    opening = along(editor, "mouth open", acted.es - acted.neutral)
    assert np.abs(opening[[0, 1, 14, 15]]).max() < 0.4 < 0.8 < opening[8]
    before, after = acted.es[HIDDEN[0] - 1], acted.es[HIDDEN[-1] + 1]
    assert np.allclose(acted.es[HIDDEN[0]], before + (after - before) / 3, atol=1e-4)


def test_one_mouth_serves_the_whole_film_if_the_clip_opens_its_own(editor, portrait, acted, tmp_path):
    assert acted.mouth is not None and acted.mouth.observed is not None
    shut = np.asarray(editor.neutral(portrait).photo)
    assert perform(editor, Clip(write_clip(tmp_path / "shut.mp4", [shut] * 3, [0, 0.1, 0.2]), 20)).mouth is None


def test_smoothing_calms_a_noisy_clip(editor, portrait, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    noisy = [(portrait.source + rng.normal(0, 12, portrait.source.shape)).clip(0, 255).astype(np.uint8) for _ in TIMES]
    clip = Clip(write_clip(tmp_path / "noisy.mp4", noisy, TIMES), 20)
    smooth = perform(editor, clip).es
    monkeypatch.setattr(performance, "OF_LANDMARKS", OneEuro(1e9, 0))
    monkeypatch.setattr(performance, "OF_E", OneEuro(1e9, 0))
    raw = perform(editor, clip).es
    assert np.abs(np.diff(smooth, axis=0)).mean() < np.abs(np.diff(raw, axis=0)).mean() / 3


def test_without_strength_nothing_moves_and_parts_limit_what_does(editor, portrait, acting):
    def pictures(**settings) -> np.ndarray:
        film = drive(editor, acting, portrait, Drive(size=200, **settings))
        return np.array([frame.pixels for frame in Clip(film, 20).frames(1280)], int)

    still, mouth = pictures(strength=0), pictures(parts=("mouth",))
    assert np.abs(still[8] - still[0]).mean() < 0.5
    left, top, right, bottom = (round(edge * 200 / 256) for edge in portrait.box)
    middle = (top + bottom) // 2
    change = np.abs(mouth[8] - mouth[0]).mean(axis=2)
    assert change[middle:bottom, left:right].mean() > 3 * change[top:middle, left:right].mean()


def test_progress_rises_to_one_and_an_exception_in_it_ends_the_work(editor, portrait, acting, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    shares: list[float] = []

    class Stopped(Exception):
        pass

    def stop(share: float) -> None:
        shares.append(share)
        if share > 0.8:
            raise Stopped

    with pytest.raises(Stopped):
        drive(editor, acting, portrait, Drive(size=64), stop)
    assert shares == sorted(shares) and shares[0] < 0.1 and not list(tmp_path.iterdir())
    shares.clear()
    drive(editor, acting, portrait, Drive(size=64), shares.append)
    assert shares == sorted(shares) and shares[-1] == 1.0


def test_a_model_of_images_drives_too(tiny_faces, acting, portrait):
    editor = PortraitEditor.from_pretrained(tiny_faces)
    film = drive(editor, acting, portrait.source, Drive(size=64))
    assert len(list(Clip(film, 20).frames(64))) == len(TIMES)


def test_clips_without_a_face_and_impossible_settings_are_refused(editor, portrait, tmp_path):
    grey = write_clip(tmp_path / "grey.mp4", [np.full((64, 64, 3), 90, np.uint8)] * 3, [0, 0.1, 0.2])
    with pytest.raises(FaceNotFoundError, match=r"No face was found in grey.mp4. Give a clip of an upright face"):
        drive(editor, grey, portrait)
    for wrong in ({"strength": 2}, {"strength": float("nan")}, {"seconds": 0}, {"seconds": 1e6}, {"size": 10}):
        with pytest.raises(ConfigError, match="give a number from"):
            Drive(**wrong)


def test_the_most_neutral_frames_are_averaged():
    es = np.array([[5.0, 0], [0.1, 0], [0, 0.2], [-0.3, 0], [9, 9]])
    assert np.allclose(most_neutral(es, np.zeros(2)), np.mean(es[1:4], axis=0))


def test_work_in_threads_stays_in_order_and_takes_few_items_ahead():
    taken: list[int] = []

    def numbers():
        for number in range(20):
            taken.append(number)
            yield number

    results = in_threads(lambda number: number * number, numbers())
    assert next(results) == 0 and len(taken) <= performance.AHEAD
    assert list(results) == [number * number for number in range(1, 20)]
