"""Films between expressions can be opened, are as long and as large as asked, and say that an AI made them."""

import gc
import io

import av
import numpy as np
import pytest
from PIL import Image
from skimage import data

from rbvae import ConfigError, PortraitEditor
from rbvae.editing.animation import BATCH, Film, animate, between
from rbvae.images.ai_metadata import AI_NOTE
from rbvae.images.clips import Clip
from rbvae.images.films import as_gif, as_mp4, as_webp


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


def test_an_mp4_plays_in_full(editor, portrait):
    shares = []
    content = animate(editor, portrait, [portrait.e, portrait.e + 3], Film(0.5, 10, 64), shares.append)
    shown = [frame.pixels for frame in Clip(content, 20).frames(64)]
    assert len(shown) == 8 and shown[0].shape == (64, 64, 3)
    assert np.abs(shown[0].astype(int) - shown[4]).mean() > 2
    assert AI_NOTE.encode() in content and shares[-1] == 1.0


def test_an_mp4_is_what_phones_play(editor, portrait):
    content = animate(editor, portrait, [portrait.e, portrait.e + 3], Film(0.3, 30, 63))
    assert content.index(b"moov") < content.index(b"mdat")  # so that it plays while it loads
    with av.open(io.BytesIO(content)) as file:
        context = file.streams.video[0].codec_context
        assert (context.name, context.codec_tag, context.pix_fmt) == ("h264", "avc1", "yuv420p")
        assert context.width % 2 == context.height % 2 == 0 and context.colorspace == context.color_primaries == 1
        times = [frame.time for frame in file.decode(video=0)]
    assert np.allclose(times, np.arange(len(times)) / 30, atol=1e-4)


def test_an_mp4_keeps_the_colours_of_its_pictures():
    colours = np.array([[200, 80, 60], [70, 160, 90], [60, 90, 180], [224, 180, 160]], np.uint8)
    picture = colours.repeat(32, axis=0)[None].repeat(32, axis=0)
    film = as_mp4(iter([Image.fromarray(picture)] * 2), [0, 0.1, 0.2])
    (shown, _) = (frame.pixels for frame in Clip(film, 20).frames(128))
    assert np.abs(shown[16, 16::32].astype(int) - colours).max() < 6


@pytest.mark.parametrize(
    ("format", "fps", "lengths"),
    [
        ("gif", 20, [50] * 6),
        ("gif", 30, [30, 40, 30, 30, 40, 30]),
        ("gif", 50, [20] * 6),
        ("webp", 30, [33, 34, 33, 33, 34, 33]),
    ],
)
def test_an_animated_picture_lasts_as_long_as_its_film(format, fps, lengths):
    pictures = [Image.new("RGB", (16, 16), (40 * number, 0, 0)) for number in range(6)]
    times = [number / fps for number in range(7)]
    content = as_gif(iter(pictures), times, pictures) if format == "gif" else as_webp(iter(pictures), times)
    film, found = Image.open(io.BytesIO(content)), []
    for number in range(film.n_frames):
        film.seek(number)
        film.load()
        found.append(film.info["duration"])
    assert found == lengths


def test_the_whole_photo_moves_only_in_its_face(editor, portrait):
    film = Film(0.3, 10, 200, format="webp", view="photo", loop=False)
    moving = Image.open(io.BytesIO(animate(editor, portrait, [portrait.e, portrait.e + 3], film)))
    assert moving.size == (200, 200) and moving.n_frames == 3
    first, last = (np.asarray(moving.convert("RGB"), int) for _ in map(moving.seek, (0, 2)))
    assert np.abs(first - last)[30:70, 70:105].mean() > 5
    assert np.abs(first - last)[120:].mean() < 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": "gif", "fps": 60},
        {"format": "avi"},
        {"seconds": 0},
        {"fps": 1000},
        {"size": 1},
        {"seconds": 60},
        {"seconds": 16},
        {"view": "x"},
    ],
)
def test_a_film_that_cannot_be_is_refused(wrong):
    with pytest.raises(ConfigError):
        Film(**wrong)
    with pytest.raises(ConfigError, match="two expressions"):
        between([np.zeros(3)], Film())
