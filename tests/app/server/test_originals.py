"""Claims about saved photos: they are what came in, as the kind of file, its quality, transparency and colours."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from skimage import data

from app.server.face_actions import FaceActions
from app.server.originals import jpeg_quality, read_original, transparent
from app.server.state import Visits
from rbvae.images.ai_metadata import AI_NOTE, XMP

SMILE = {"named": {"smile": 1}}


@pytest.fixture(scope="module")
def actions(code_editors):
    return FaceActions(code_editors.faces, Visits())


def encoded(image: Image.Image, format: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def astronaut() -> Image.Image:
    return Image.fromarray(data.astronaut())


def saved(actions, content: bytes, format: str = "", edit=SMILE) -> tuple[Image.Image, bytes]:
    key = actions.open(content)["key"]
    file = actions.save([{"key": key, "edit": edit}], format)
    assert AI_NOTE.encode() in file.content or XMP in file.content
    return Image.open(io.BytesIO(file.content)), file.content


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_saved_as_the_kind_that_it_came_in_and_marked(actions, format):
    image, content = saved(actions, encoded(astronaut(), format))
    assert image.format == format and image.size == (512, 512)
    assert b"compositeWithTrainedAlgorithmicMedia" in content and not image.getexif()
    other, _ = saved(actions, encoded(astronaut(), format), "PNG")
    assert other.format == "PNG"


@pytest.mark.parametrize("quality", [80, 92, 97])
def test_a_jpegs_quality_is_kept(actions, quality):
    content = encoded(astronaut(), "JPEG", quality=quality)
    assert jpeg_quality(content) == pytest.approx(quality, abs=1)
    _, again = saved(actions, content)
    assert jpeg_quality(again) == pytest.approx(quality, abs=1)


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_transparency_is_kept(actions, format):
    image = astronaut().convert("RGBA")
    alpha = np.full((512, 512), 255, np.uint8)
    alpha[:40], alpha[40:60] = 0, 128
    image.putalpha(Image.fromarray(alpha))
    result, _ = saved(actions, encoded(image, format, **({"lossless": True} if format == "WEBP" else {})))
    assert result.mode == "RGBA" and np.array_equal(np.asarray(result)[..., 3], alpha)
    before, after = np.asarray(image, np.int16)[45:55], np.asarray(result, np.int16)[45:55]
    assert np.abs(before - after).max() <= 3  # half transparent pixels keep their own colour
    assert saved(actions, encoded(image, format), "JPEG")[0].mode == "RGB"


def test_an_opaque_png_gets_no_alpha(actions):
    assert saved(actions, encoded(astronaut().convert("RGBA"), "PNG"))[0].mode == "RGB"


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_black_and_white_stays_so(actions, format):
    assert saved(actions, encoded(astronaut().convert("L"), format))[0].mode == "L"
    in_colours = encoded(astronaut().convert("L").convert("RGB"), "PNG")
    assert saved(actions, in_colours)[0].mode == "L"


def test_heic_comes_back_as_jpeg_and_says_so(actions):
    pytest.importorskip("pillow_heif").register_heif_opener()
    record = actions.open(encoded(astronaut(), "HEIF"))
    assert record["suffix"] == "jpg" and record["notes"] == ["HEIC photos are saved as JPEG"]
    assert Image.open(io.BytesIO(actions.save([{"key": record["key"], "edit": SMILE}]).content)).format == "JPEG"


def test_a_photo_that_is_not_edited_keeps_its_pixels(actions):
    result, _ = saved(actions, encoded(astronaut(), "PNG"), edit={})
    assert np.array_equal(np.asarray(result), data.astronaut())


def test_all_edited_faces_of_a_group_are_in_one_photo(actions, code_editors):
    both = Image.new("RGB", (1024, 512))
    both.paste(astronaut(), (0, 0))
    both.paste(astronaut(), (512, 0))
    first = actions.open(encoded(both, "PNG"))
    assert len(first["boxes"]) == 2
    second = actions.face(first["key"], 1)
    edits = [{"key": first["key"], "edit": SMILE}, {"key": second["key"], "edit": {"named": {"jaw open": 2}}}]
    result = np.asarray(Image.open(io.BytesIO(actions.save(edits).content)))
    alone = [np.asarray(Image.open(io.BytesIO(actions.save([one]).content))) for one in edits]
    changed = [(one != np.asarray(both)).any(axis=2) for one in alone]
    assert all(one.any() for one in changed) and not (changed[0] & changed[1]).any()
    for one, where in zip(alone, changed, strict=True):
        assert np.array_equal(result[where], one[where])


def test_damaged_headers_do_no_harm():
    pixels = np.zeros((8, 8, 3), np.uint8)
    for content in (
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xdb",
        b"\xff\xd8\xff\xdb\x00\x43\x00" + bytes(64),
        b"RIFF",
        b"\x89PNG",
    ):
        assert 75 <= read_original(content, pixels).quality <= 98


def test_colours_over_white_are_taken_back_from_white():
    over = Image.new("RGB", (1, 1), (255 - 64, 255 - 32, 255))
    alpha = np.full((1, 1), 128, np.uint8)
    assert np.asarray(transparent(over, alpha))[0, 0].tolist() == pytest.approx([128, 191, 255, 128], abs=2)
