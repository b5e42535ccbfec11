"""Any picture becomes upright RGB, anything else is refused in words, no file stays open."""

from __future__ import annotations

import contextlib
import gc
import io
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rbvae.errors import ImageError
from rbvae.images.arrays import to_array, to_float, to_pil, to_tensor, to_uint8
from rbvae.images.decoding import HOME, MAX_SIDE, load_photo, open_photo

RAMP = np.linspace(0, 255, 16 * 24).reshape(16, 24).round().astype(np.uint8)
COLOURED = np.dstack([RAMP, RAMP[::-1], np.full_like(RAMP, 90)])


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A JPEG cut in half."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    content = encoded(Image.fromarray(noise), "JPEG")
    path = tmp_path / "half.jpg"
    path.write_bytes(content[: len(content) // 2])
    return path


def test_every_grey_level_survives_the_way_to_float_and_back():
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(to_float(levels)), levels)
    assert (to_float(levels).min(), to_float(levels).max()) == (-1.0, 1.0)
    assert to_uint8(torch.tensor([-3.0, 3.0])).tolist() == [0, 255]


def test_arrays_tensors_and_pictures_hold_the_same_pixels():
    tensor = to_tensor(COLOURED)
    assert tensor.shape == (3, 16, 24) and to_tensor(np.stack([COLOURED, COLOURED])).shape == (2, 3, 16, 24)
    np.testing.assert_array_equal(to_array(tensor), COLOURED)
    np.testing.assert_array_equal(np.asarray(to_pil(tensor)), COLOURED)


def test_a_path_its_name_its_bytes_and_its_picture_load_alike(tmp_path: Path):
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(Image.fromarray(COLOURED), "PNG"))
    for source in (path, str(path), path.read_bytes(), Image.fromarray(COLOURED), COLOURED):
        pixels = load_photo(source)
        np.testing.assert_array_equal(pixels, COLOURED)
        assert pixels.dtype == np.uint8 and pixels.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize(
    "grey",
    [
        RAMP,
        RAMP[..., None],
        RAMP.astype(np.uint16) * 257,
        RAMP / 255,
        (RAMP / 255).astype(np.float32),
        Image.fromarray(RAMP),
        encoded(Image.fromarray(RAMP), "PNG"),
        encoded(Image.fromarray(RAMP.astype(np.uint16) * 257), "PNG"),
    ],
    ids=["uint8", "one channel", "uint16", "float64", "float32", "PIL", "PNG", "16-bit PNG"],
)
def test_grey_of_any_depth_becomes_three_equal_channels(grey):
    np.testing.assert_array_equal(load_photo(grey), np.repeat(RAMP[..., None], 3, axis=2))


def test_alpha_is_laid_over_white():
    layered = np.full((2, 3, 4), (200, 0, 0, 255), np.uint8)
    layered[0, 0, 3], layered[0, 1, 3] = 0, 51
    for source in (layered, Image.fromarray(layered), encoded(Image.fromarray(layered), "PNG")):
        pixels = load_photo(source)
        assert pixels[0, :2].tolist() == [[255, 255, 255], [244, 204, 204]]
        assert (pixels[1] == (200, 0, 0)).all()


def test_a_transparent_colour_of_a_palette_becomes_white():
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 255, 0, 128, 0])
    image.putpixel((1, 0), 1)
    for kind in ("PNG", "GIF"):
        pixels = load_photo(encoded(image, kind, transparency=0))
        assert pixels.tolist() == [[[255, 255, 255], [0, 128, 0]]]


def test_a_cmyk_jpeg_keeps_its_colours():
    red = Image.new("RGB", (16, 16), (220, 30, 30)).convert("CMYK")
    assert np.abs(load_photo(encoded(red, "JPEG", quality=95)).astype(int) - (220, 30, 30)).max() <= 6


@pytest.mark.parametrize(
    ("orientation", "turn"),  # EXIF's number, and what the camera did to the upright scene
    [
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_90),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
    ],
)
def test_a_photo_taken_with_the_camera_turned_is_upright(orientation: int, turn: Image.Transpose):
    exif = Image.Exif()
    exif[0x0112] = orientation
    taken = encoded(Image.fromarray(COLOURED).transpose(turn), "PNG", exif=exif)
    np.testing.assert_array_equal(load_photo(taken), COLOURED)


def test_a_huge_picture_is_shrunk_and_a_small_one_is_not_enlarged():
    huge = encoded(Image.new("L", (5000, 2500), 77), "PNG")
    assert load_photo(huge).shape == (MAX_SIDE // 2, MAX_SIDE, 3)
    assert load_photo(huge, max_side=100).shape == (50, 100, 3)
    assert load_photo(COLOURED, max_side=100).shape == COLOURED.shape


def test_text_named_jpg_is_refused(tmp_path: Path):
    (tmp_path / "letter.jpg").write_text("Dear Sir")
    with pytest.raises(ImageError, match="letter.jpg is not a picture"):
        load_photo(tmp_path / "letter.jpg")


def test_a_truncated_file_is_refused(damaged: Path):
    with pytest.raises(ImageError, match="half.jpg is damaged"):
        load_photo(damaged)
    with pytest.raises(ImageError, match="the picture is damaged"):
        load_photo(damaged.read_bytes())


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path):
    for path in (tmp_path / "nowhere.png", str(tmp_path)):
        with pytest.raises(ImageError, match="no file at"):
            load_photo(path)


def test_too_many_pixels_are_refused_before_they_are_decoded():
    with pytest.raises(ImageError, match="10001x10000 pixels; the limit is 100 megapixels"):
        load_photo(encoded(Image.new("1", (10001, 10000)), "PNG"))


def test_a_photo_of_more_than_50_megapixels_is_reduced_and_it_is_said():
    large = encoded(Image.new("L", (9000, 8000), 120), "PNG")
    pixels, notes = open_photo(large, max_side=None)
    height, width = pixels.shape[:2]
    assert 49_900_000 < height * width <= 50_000_000 and abs(width / height - 9 / 8) < 1e-3
    assert notes == ("the photo has 72 megapixels and was reduced to 50",) and (pixels == 120).all()
    pixels, notes = open_photo(encoded(Image.new("1", (7000, 7000)), "PNG"), max_side=None)
    assert pixels.shape == (7000, 7000, 3) and notes == ()


def test_too_large_a_file_is_refused_before_it_is_read(tmp_path: Path):
    path = tmp_path / "scan.tif"
    with path.open("wb") as sparse:
        sparse.truncate(HOME.bytes + 10**7)
    with pytest.raises(ImageError, match="scan.tif is 210.0 MB; the limit is 200 MB"):
        load_photo(path)


@pytest.mark.parametrize(
    "source",
    [
        np.full((4, 4), 1.5),
        np.full((4, 4), np.nan),
        np.zeros((4, 4), np.int64),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        b"",
        None,
        7,
    ],
    ids=["above 1", "nan", "int64", "two channels", "empty", "no bytes", "None", "a number"],
)
def test_anything_else_is_refused(source):
    with pytest.raises(ImageError):
        load_photo(source)


def test_no_file_is_left_open(tmp_path: Path, damaged: Path):
    (tmp_path / "letter.jpg").write_text("Dear Sir")
    (tmp_path / "whole.png").write_bytes(encoded(Image.fromarray(COLOURED), "PNG"))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", ResourceWarning)
        for path in (damaged, tmp_path / "letter.jpg", tmp_path / "whole.png"):
            with contextlib.suppress(ImageError):
                load_photo(path)
        gc.collect()
    left = [str(warning.message) for warning in seen]  # other tests leave event loops
    assert not [words for words in left if "unclosed file" in words]


def test_a_picture_that_is_given_stays_as_it_was():
    picture = Image.new("RGB", (64, 32), "red")
    assert load_photo(picture, max_side=16).shape == (8, 16, 3)
    assert load_photo(picture, max_side=None).shape == (32, 64, 3)
    assert picture.size == (64, 32) and picture.getpixel((0, 0)) == (255, 0, 0)
