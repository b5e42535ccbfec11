"""Films between expressions can be opened, are as long and as large as asked, and say that an AI made them."""

import gc
import io

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from rbvae import ConfigError, PortraitEditor
from rbvae.editing.animation import BATCH, Film, animate, between
from rbvae.images.ai_metadata import AI_NOTE


@pytest.fixture(scope="module")
def editor(tiny_faces):
    return PortraitEditor.from_pretrained(tiny_faces)


@pytest.fixture(scope="module")
def portrait(editor):
    return editor.infer(data.astronaut())


def test_a_path_starts_and_ends_where_asked_passes_every_stop_and_comes_back():
    stops = [np.zeros(3), np.ones(3), np.full(3, -1.0)]
    there = between(stops, Film(seconds=2.1, fps=10, loop=False))
    assert len(there) == 21
    assert np.allclose(there[[0, 10, 20]], stops)
    assert np.abs(there[1] - there[0]).max() < 0.3 * np.abs(there[6] - there[5]).max()  # slow at the ends
    back = between(stops, Film(seconds=2.1, fps=10))
    assert len(back) == 40 and np.allclose(back[39], back[1]) and np.allclose(back[20], stops[2])


@pytest.mark.parametrize("loop", [True, False])
def test_a_films_frames_are_those_there_and_back(loop):
    film = Film(seconds=2.1, fps=10, loop=loop)
    assert film.frames == len(between([np.zeros(3), np.ones(3)], film)) == (40 if loop else 21)
    assert Film(seconds=15, fps=20).frames == 598 and Film(seconds=30, fps=20, loop=False).frames == 600


@pytest.mark.parametrize("format", ["webp", "gif", "mp4"])
def test_the_frames_of_a_film_are_not_kept(editor, portrait, format):
    film, shares, alive = Film(2, 20, 32, format=format), [], []

    def look(share):
        shares.append(share)
        if len(shares) in (20, 78):
            things = (thing for thing in gc.get_objects() if issubclass(type(thing), Image.Image))
            alive.append(sum(thing.size == (32, 32) for thing in things))

    animate(editor, portrait, [portrait.e, portrait.e + 3], film, look)
    kept = 58 if format == "gif" else 0  # Pillow keeps those of a GIF until it writes, in a byte a pixel
    assert len(shares) == film.frames == 78 and shares[-1] == 1.0
    assert alive[1] - alive[0] <= kept + BATCH


@pytest.mark.parametrize("format", ["webp", "gif"])
def test_an_animated_picture_has_its_frames_and_a_note(editor, portrait, format):
    content = animate(editor, portrait, [portrait.e, portrait.e + 3], Film(0.5, 10, 64, format=format))
    film = Image.open(io.BytesIO(content))
    assert (film.n_frames, film.size, film.info["loop"]) == (8, (64, 64), 0)
    assert AI_NOTE.encode() in content


def test_an_mp4_plays_in_full(editor, portrait, tmp_path):
    shares = []
    content = animate(editor, portrait, [portrait.e, portrait.e + 3], Film(0.5, 10, 64), shares.append)
    (tmp_path / "film.mp4").write_bytes(content)
    film = cv2.VideoCapture(str(tmp_path / "film.mp4"))
    shown = []
    while (step := film.read())[0]:
        shown.append(step[1])
    assert len(shown) == 8 and shown[0].shape == (64, 64, 3)
    assert np.abs(shown[0].astype(int) - shown[4]).mean() > 2
    assert AI_NOTE.encode() in content and shares[-1] == 1.0


def test_the_whole_photo_moves_only_in_its_face(editor, portrait):
    film = Film(0.3, 10, 200, format="webp", view="photo", loop=False)
    moving = Image.open(io.BytesIO(animate(editor, portrait, [portrait.e, portrait.e + 3], film)))
    assert moving.size == (200, 200) and moving.n_frames == 3
    first, last = (np.asarray(moving.convert("RGB"), int) for _ in map(moving.seek, (0, 2)))
    assert np.abs(first - last)[30:70, 70:105].mean() > 5
    assert np.abs(first - last)[120:].mean() < 2


@pytest.mark.parametrize(
    "wrong",
    [{"format": "avi"}, {"seconds": 0}, {"fps": 1000}, {"size": 1}, {"seconds": 60}, {"seconds": 16}, {"view": "x"}],
)
def test_a_film_that_cannot_be_is_refused(wrong):
    with pytest.raises(ConfigError):
        Film(**wrong)
    with pytest.raises(ConfigError, match="two expressions"):
        between([np.zeros(3)], Film())
