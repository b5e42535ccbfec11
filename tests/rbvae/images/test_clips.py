"""Claims about clips: frames come upright and in time, sound in step, and what is no clip is refused in words."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from skimage import data

from rbvae.errors import ImageError
from rbvae.images.clips import Clip
from rbvae.images.films import as_mp4
from tests.clips import RATE, click, turned, write_clip
from tests.hostile import encoded

PHOTO = np.asarray(Image.fromarray(data.astronaut()).resize((96, 64)))
UNEVEN = [0.0, 0.04, 0.1, 0.2, 0.35, 0.4]


def test_frames_keep_their_uneven_times_and_their_colours(tmp_path):
    path = write_clip(tmp_path / "a.mp4", [PHOTO] * 6, UNEVEN)
    frames = list(Clip(path, 20).frames(1280))
    assert np.allclose([frame.time - frames[0].time for frame in frames], UNEVEN, atol=0.002)
    assert np.abs(frames[0].pixels.astype(int) - PHOTO).mean() < 6
    assert np.array_equal(next(iter(Clip(path.read_bytes(), 20).frames(1280))).pixels, frames[0].pixels)


def test_a_phones_clip_stands_upright_and_a_large_one_is_reduced(tmp_path):
    path = turned(write_clip(tmp_path / "a.mp4", [PHOTO] * 3, [0, 0.1, 0.2]))
    frame = next(iter(Clip(path, 20).frames(1280)))
    assert np.abs(frame.pixels.astype(int) - np.rot90(PHOTO, -1)).mean() < 6
    assert next(iter(Clip(path, 20).frames(48))).pixels.shape == (48, 32, 3)


def test_of_a_fast_clip_thirty_frames_a_second_are_read(tmp_path):
    path = write_clip(tmp_path / "a.mp4", [PHOTO] * 60, np.arange(60) / 60)
    assert len(list(Clip(path, 20).frames(64))) == 30


@pytest.mark.parametrize("late", [0.0, 0.3])
def test_sound_stays_in_step_with_the_frames(tmp_path, late):
    """The click sounds 0.5 s after the first frame or, where the picture starts late, so much earlier."""
    path = write_clip(tmp_path / "a.mp4", [PHOTO] * 30, late + np.arange(30) / 30, click(1.0, 0.5))
    clip = Clip(path, 20)
    start = next(iter(clip.frames(64))).time
    sound = clip.sound(start, 1.0)
    assert sound.rate == RATE and sound.samples.shape == (1, RATE)
    loud = np.flatnonzero(np.abs(sound.samples[0]) > 0.4)
    assert abs(loud[0] / RATE - (0.5 - late)) < 0.004


def test_a_written_film_has_its_times_and_its_sound_back(tmp_path):
    path = write_clip(tmp_path / "a.mp4", [PHOTO] * 30, np.arange(30) / 30, click(1.0, 0.5))
    clip = Clip(path, 20)
    times = [*UNEVEN, 0.9]
    film = Clip(as_mp4(iter([Image.fromarray(PHOTO)] * 6), times, clip.sound(0, 0.9)), 20)
    assert np.allclose([frame.time for frame in film.frames(64)], UNEVEN, atol=0.001)
    loud = np.flatnonzero(np.abs(film.sound(0, 0.9).samples[0]) > 0.4)
    assert abs(loud[0] / RATE - 0.5) < 0.006 and abs(film.length - 0.9) < 0.03


def test_what_is_no_clip_is_refused_and_the_words_say_what_to_do(tmp_path):
    whole = write_clip(tmp_path / "a.mp4", [PHOTO] * 30, np.arange(30) / 30, click(1.0, 0.5)).read_bytes()
    only_sound = write_clip(tmp_path / "one.mp4", [PHOTO], [0.0])
    for content, said in (
        (b"words", "is not a film that can be read. Give an MP4, MOV or WebM that plays."),
        (b"", "is not a film that can be read"),
        (whole[: len(whole) // 2], "is not a film that can be read"),
        (encoded(Image.fromarray(PHOTO), "JPEG"), "is a single picture, not a film. Give a film"),
        (encoded(Image.fromarray(PHOTO), "GIF"), "is a single picture, not a film. Give a film"),
        (only_sound.read_bytes(), "is a single picture, not a film. Give a film"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "is not a film that can be read"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "is not a film that can be read"),
    ):
        with pytest.raises(ImageError, match=said):
            list(Clip(content, 20, "clip.mp4").frames(64))
    with pytest.raises(ImageError, match="no file at"):
        Clip(tmp_path / "nowhere.mp4", 20)
    with pytest.raises(ImageError, match=r"lasts 1 s or more, and the limit is 0.5 s. Give a shorter clip"):
        Clip(whole, 0.5)


def test_a_gif_is_a_clip_too():
    stream = io.BytesIO()
    pictures = [Image.fromarray(PHOTO), Image.fromarray(255 - PHOTO)]
    pictures[0].save(stream, "GIF", save_all=True, append_images=pictures[1:], duration=200)
    first, second = Clip(stream.getvalue(), 20).frames(96)
    assert abs(second.time - first.time - 0.2) < 0.01 and np.abs(first.pixels.astype(int) - PHOTO).mean() < 20
