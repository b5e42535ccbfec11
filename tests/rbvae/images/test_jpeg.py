"""Claims about rbvae/images/jpeg.py: the same pixels as Pillow's, and what it leaves to Pillow."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps
from skimage import data

from rbvae import ImageError
from rbvae.images.decoding import load_photo
from rbvae.images.jpeg import jpeg_pixels


@pytest.fixture(scope="module")
def photo():
    return Image.fromarray(data.astronaut()).crop((0, 0, 301, 222))


def encoded(photo, **options) -> bytes:
    stream = io.BytesIO()
    photo.save(stream, "JPEG", **{"quality": 85, **options})
    return stream.getvalue()


def decoded(content: bytes):
    return jpeg_pixels(Image.open(io.BytesIO(content)))


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("orientation", range(10))
def test_it_is_upright_as_pillow_makes_it(photo, orientation):
    content = encoded(photo, exif=turned(orientation))
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    assert np.array_equal(decoded(content), np.asarray(expected))


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0}, {"subsampling": 2, "quality": 30}])
def test_every_kind_of_jpeg_has_pillows_pixels(photo, options):
    for picture in (photo, photo.convert("L")):
        content = encoded(picture, **options)
        assert np.array_equal(decoded(content), np.asarray(Image.open(io.BytesIO(content)).convert("RGB")))


def test_other_kinds_are_left_to_pillow(photo):
    stream = io.BytesIO()
    photo.save(stream, "PNG")
    assert decoded(stream.getvalue()) is None
    assert decoded(encoded(photo.convert("CMYK"))) is None
    assert jpeg_pixels(photo) is None


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_file_that_is_cut_off_is_refused_even_with_a_whole_thumbnail(photo, share):
    thumbnail = b"Exif\0\0" + encoded(photo.resize((60, 40)))
    content = encoded(photo, exif=thumbnail)
    assert decoded(content) is not None
    cut = content[: len(thumbnail) + round(share * (len(content) - len(thumbnail)))]
    assert decoded(cut) is None
    with pytest.raises(ImageError, match="damaged"):
        load_photo(cut, max_side=None)
