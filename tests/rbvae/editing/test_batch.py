"""One expression on many photos: every photo is accounted for, whatever is among them."""

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image
from skimage import data

from rbvae import ConfigError, PortraitEditor
from rbvae.editing.batch import edit_all, expression, photos_in, write_zip
from rbvae.images.ai_metadata import AI_NOTE


@pytest.fixture(scope="module")
def editor(tiny_faces):
    return PortraitEditor.from_pretrained(tiny_faces)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two portraits (one sideways, with EXIF), a cup of coffee and a letter named photo."""
    folder = tmp_path_factory.mktemp("album")
    exif = Image.Exif()
    exif[0x010E] = "my garden"
    Image.fromarray(data.astronaut()).save(folder / "a.jpg", exif=exif)
    (folder / "below").mkdir()
    Image.fromarray(np.rot90(data.astronaut())).save(folder / "below" / "a.png")
    Image.fromarray(data.coffee()).save(folder / "cup.jpg")
    (folder / "letter.jpg").write_text("Dear Sir")
    (folder / "notes.txt").write_text("not looked at")
    return folder


def test_a_bad_photo_is_said_and_stops_nothing(editor, folder):
    seen, target = [], io.BytesIO()
    entries = write_zip(edit_all(editor, photos_in(folder)), target, progress=seen.append)
    assert [entry["ok"] for entry in entries] == [True, True, False, False]
    assert "no face" in entries[2]["error"] and "letter.jpg is not a picture" in entries[3]["error"]
    assert [result.share for result in seen] == [0.25, 0.5, 0.75, 1.0]
    with zipfile.ZipFile(target) as archive:
        assert archive.namelist() == ["0001-a.jpg", "0002-a.jpg", "manifest.json"]
        manifest = json.loads(archive.read("manifest.json"))
        assert manifest["photos"] == entries and manifest["note"] == AI_NOTE
        written = archive.read("0001-a.jpg")
        assert b"garden" not in written and AI_NOTE.encode() in written
        assert Image.open(io.BytesIO(archive.read("0002-a.jpg"))).size == (512, 512)
    assert set(entries[0]) == {"photo", "ok", "file", "box", "warnings", "identity_shift", "identity_shift_in_words"}


def test_it_stops_when_told_and_what_is_done_is_kept(editor, folder):
    done, target = [], io.BytesIO()
    results = edit_all(editor, photos_in(folder), cancelled=lambda: len(done) == 1)
    assert len(write_zip(results, target, progress=done.append)) == 1
    assert zipfile.ZipFile(target).namelist() == ["0001-a.jpg", "manifest.json"]


def test_an_expression_may_be_neutral_named_somebodys_or_e_itself(editor):
    portrait = editor.infer(data.astronaut())
    other = editor.infer(data.astronaut()[:, ::-1])
    assert np.allclose(expression(editor, "neutral", portrait), editor.e_ref, atol=1e-6)
    assert np.allclose(expression(editor, {"smile": 2}, portrait, 0.5), editor.moved(portrait.e, {"smile": 1}))
    assert np.allclose(expression(editor, other, portrait), other.e, atol=1e-6)
    assert np.allclose(expression(editor, [1, 2, 3, 4], portrait), [1, 2, 3, 4], atol=1e-5)


@pytest.mark.parametrize("wrong", ["grin", {"wink": 1}, [1, 2], None])
def test_an_expression_that_cannot_be_is_refused_before_the_first_photo(editor, folder, wrong):
    with pytest.raises(ConfigError):
        edit_all(editor, photos_in(folder), wrong)


def test_a_folder_without_pictures_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no pictures in"):
        photos_in(tmp_path)
