"""Edits by a model of codes: they lie in the photo's own pixels, in the face alone, and in the parts asked for."""

import io
import json
import shlex
import zipfile

import numpy as np
import pytest
from PIL import Image

from rbvae import ConfigError, PortraitEditor
from rbvae.__main__ import main
from rbvae.editing import MeshEdit
from rbvae.editing.animation import Film, animate, frames
from rbvae.editing.batch import edit_all, write_zip
from rbvae.editing.face_model import square_place
from rbvae.editing.parts import PARTS
from rbvae.editing.smaller import close_up, for_film
from rbvae.faces.mesh import INNER_LIPS, OUTER_LIPS
from rbvae.images.ai_metadata import AI_NOTE


@pytest.fixture(scope="module")
def editor(tiny_codes):
    return PortraitEditor.from_pretrained(tiny_codes)


@pytest.fixture(scope="module")
def portrait(editor, astronaut):
    return editor.infer(astronaut)


@pytest.fixture(scope="module")
def large(editor, astronaut):
    """The same face in a photo of six times the size."""
    with Image.open(astronaut) as photo:
        return editor.infer(np.asarray(photo.resize((3072, 3072), Image.Resampling.BICUBIC)))


def off(one, other) -> float:
    """Mean difference of two pictures in grey levels."""
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())


def change(edited, plain) -> np.ndarray:
    """What an edit adds to a picture, in grey levels."""
    return np.asarray(edited, float) - np.asarray(plain, float)


def changed(edit) -> np.ndarray:
    """bool [H, W]: which pixels of the photo are others."""
    return (np.asarray(edit.photo) != edit.inference.source).any(axis=2)


def test_a_portrait_shows_a_square_round_the_face_and_the_models_copy_of_it(portrait):
    left, top, right, bottom = portrait.box
    assert portrait.crop.size == portrait.reconstruction.size == (round(1.3 * (bottom - top)),) * 2
    assert portrait.z.shape == (8,) and portrait.e.shape == (4,)
    assert off(portrait.crop, portrait.reconstruction) > 2


def test_a_large_faces_square_has_512_pixels(large):
    assert large.crop.size == large.reconstruction.size == (512, 512)


def test_an_edit_with_the_photos_own_e_is_the_photo_bit_for_bit(editor, portrait):
    edits = editor.edits(portrait, [portrait.e, portrait.e + 2, portrait.e])
    for edit in (editor.edit(portrait, portrait.e), edits[0], edits[2]):
        assert isinstance(edit, MeshEdit)
        assert np.array_equal(np.asarray(edit.photo), portrait.source)
        assert edit.crop.tobytes() == portrait.crop.tobytes()


def test_only_the_faces_box_changes_at_the_photos_own_size(editor, portrait):
    left, top, right, bottom = portrait.box
    margin = 0.25 * (bottom - top)
    for edit in editor.sample(portrait, n=3, seed=1):
        assert edit.photo.size == (512, 512)
        rows, columns = np.nonzero(changed(edit))
        assert left - margin < columns.min() < columns.max() < right + margin
        assert top - margin < rows.min() < rows.max() < bottom + margin


def test_a_patch_is_the_part_that_changes(editor, portrait):
    edit = editor.edit(portrait, portrait.e + 1)
    (left, top, right, bottom), picture = edit.patch()
    photo = portrait.source.copy()
    photo[top:bottom, left:right] = np.asarray(picture)
    assert np.array_equal(photo, np.asarray(edit.photo))
    assert off(edit.replaced, edit.photo) == 0


def test_brows_alone_leave_the_mouth_as_it_is(editor, portrait):
    points = portrait.observed.view.points
    lips = points[[point for line in (*INNER_LIPS, *OUTER_LIPS) for point in line], :2]
    (left, top), (right, bottom) = np.floor(lips.min(axis=0)).astype(int), np.ceil(lips.max(axis=0)).astype(int)
    mouth = (slice(top, bottom), slice(left, right))
    e = portrait.e + 2
    assert changed(editor.edit(portrait, e))[mouth].mean() > 0.5
    brows = editor.edit(portrait, e, parts=("brows",))
    assert not changed(brows)[mouth].any() and changed(brows).any()
    with pytest.raises(ConfigError, match="mouth, eyes, brows"):
        editor.edit(portrait, e, parts=("nose",))


def test_a_strip_goes_through_real_edits(editor, portrait):
    strip = editor.strip(portrait, "smile", n=3)
    assert {picture.size for picture in strip} == {portrait.crop.size}
    assert off(strip[1], portrait.crop) == 0 and off(strip[0], strip[2]) > 2
    assert editor.strip(portrait, 0, n=3, side=48)[0].size == (48, 48)


def test_a_close_up_has_the_same_edits(editor, portrait, large):
    near = close_up(large)
    assert max(near.source.shape) < 800 and near.crop.size == (512, 512)
    own, others = (change(editor.edit(one, one.e + 0.5).crop, one.crop) for one in (large, near))
    assert off(own, others) < 0.2 * off(own, 0)
    tile = close_up(large, 160)
    assert tile.crop.size == tile.reconstruction.size == editor.edit(tile, large.e + 1).crop.size
    assert abs(tile.crop.width - 160) <= 1
    assert off(editor.edit(tile, large.e).crop, tile.crop) == 0
    assert close_up(portrait, 512).crop.tobytes() == portrait.crop.tobytes()


@pytest.mark.parametrize(
    ("box", "place"),
    [
        ((100, 100, 180, 200), (75, 85, 130)),  # in the middle of the photo
        ((10, 15, 90, 115), (0, 0, 130)),  # at a corner
        ((310, 195, 390, 295), (270, 170, 130)),  # at the opposite one
        ((20, 20, 200, 290), (0, 0, 300)),  # a crop that is larger than the photo is high
        ((10, -20, 270, 320), (0, -20, 340)),  # a face that is
    ],
)
def test_a_crop_stays_within_the_photo(box, place):
    assert square_place(box, (300, 400, 3)) == place


@pytest.mark.parametrize("part", [np.s_[60:, 170:], np.s_[:190, :280]], ids=["left, top", "right, bottom"])
def test_a_close_up_at_the_photos_edge_has_the_same_crop(editor, astronaut, part):
    with Image.open(astronaut) as photo:
        cut = editor.infer(np.asarray(photo)[part])
    assert close_up(cut).crop.tobytes() == cut.crop.tobytes()
    edges = np.asarray(cut.crop)[[0, 1, -1, -2]].astype(int)
    assert np.abs(edges[::2] - edges[1::2]).mean(axis=(1, 2)).min() > 0.5  # no edge pixels are repeated


def test_a_smaller_photo_has_the_same_face(editor, large):
    small = for_film(large, 512)
    assert small.source.shape == (512, 512, 3) and np.allclose(np.array(small.box) * 6, large.box)
    shrunk = large.source.reshape(512, 6, 512, 6, 3).mean(axis=(1, 3))
    edited = np.asarray(editor.edit(large, large.e + 0.5).photo, float).reshape(512, 6, 512, 6, 3).mean(axis=(1, 3))
    own, others = edited - shrunk, change(editor.edit(small, large.e + 0.5).photo, small.source)
    assert off(own, others) < 0.25 * off(own, 0)


def test_a_film_of_the_photo_has_its_size_up_to_1080_and_one_of_the_face_384(editor, portrait, large):
    for inference, view, size in ((portrait, "photo", 512), (large, "photo", 1080), (large, "crop", 384)):
        film = Film(0.1, 20, loop=False, format="webp", view=view)
        first, last = frames(editor, inference, np.stack([inference.e, inference.e + 1]), film)
        assert first.size == last.size == (size, size) and off(first, last) > 0
    content = animate(editor, portrait, [portrait.e, portrait.e + 1], Film(0.3, 10, view="photo"))
    assert AI_NOTE.encode() in content


def test_a_batch_writes_whole_photos(editor, astronaut):
    target = io.BytesIO()
    (entry,) = write_zip(edit_all(editor, [("a.jpg", astronaut)], {"smile": 1}), target)
    assert entry["ok"] and entry["identity_shift"] == 0
    with zipfile.ZipFile(target) as archive:
        assert Image.open(io.BytesIO(archive.read(entry["file"]))).size == (512, 512)
        assert json.loads(archive.read("manifest.json"))["photos"] == [entry]


@pytest.fixture
def run(tmp_path, monkeypatch, tiny_codes):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RBVAE_FACES", str(tiny_codes))
    return lambda line: main(shlex.split(line))


def test_a_smile_that_disappears_takes_its_creases_along(editor, portrait):
    """The astronaut smiles; only edits of the part with her cheeks fill creases."""
    neutral = editor.neutral_e(portrait)
    smiles = {
        parts: editor.edit(portrait, neutral, parts=parts).change.smile for parts in (PARTS, ("mouth",), ("brows",))
    }
    assert smiles[PARTS] > 0.3 and smiles["mouth",] > 0.7 * smiles[PARTS] and smiles["brows",] < 0.05
    assert editor.edit(portrait, editor.moved(portrait.e, {"smile": 1.0})).change.smile == 0


def test_commands_take_parts_and_teeth(run, editor, portrait, astronaut, tmp_path):
    assert run(f"edit {astronaut} --set smile=2 --parts brows,eyes -o out.png") == 0
    made = editor.edit(portrait, editor.moved(portrait.e, {"smile": 2}), parts=("brows", "eyes")).photo
    assert off(Image.open(tmp_path / "out.png"), made) == 0
    assert run(f"transfer {astronaut} {astronaut} --teeth-from {astronaut} --strength 1.5 -o same.png") == 0
    assert off(Image.open(tmp_path / "same.png"), portrait.source) == 0
    assert run(f"neutral {astronaut} --parts mouth --crop") == 0
    assert Image.open(tmp_path / "neutral.png").size == portrait.crop.size
    assert run(f"random {astronaut} -n 2") == 0
    assert Image.open(tmp_path / "random.png").size == (2 * 192, 192)


def test_info_says_that_it_observes_codes(run, capsys):
    assert run("info") == 0
    assert "observes codes of 10 numbers for texture, at 32 px, and 6 for shape" in capsys.readouterr().out


def test_what_a_model_of_codes_cannot_do_is_one_line(run, astronaut, capsys):
    assert run(f"neutral {astronaut} --replaced") == 2
    assert "--replaced needs a checkpoint that observes images" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run(f"neutral {astronaut} --parts nose")
    assert "give some of mouth,eyes,brows" in capsys.readouterr().err


def test_a_face_cut_by_the_photo_says_so_and_a_whole_one_does_not(editor, portrait, astronaut):
    assert not any("cuts off" in warning for warning in portrait.warnings)
    left, _, right, bottom = portrait.box
    with Image.open(astronaut) as photo:
        cut = photo.crop((0, 0, round(right - 0.12 * (right - left)), 512))
    warned = [warning for warning in editor.infer(cut).warnings if "cuts off" in warning]
    assert len(warned) == 1 and "use one with the whole face" in warned[0]
