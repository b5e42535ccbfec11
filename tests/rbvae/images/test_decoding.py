"""Claims about files that strangers send: what is opened, how its colours come out, what is refused and in which words.

Most of them come from tests/hostile.py; a part of it is sent to the whole app in tests/app/server/test_hostile.py.
"""

from __future__ import annotations

import struct
import time

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from skimage import data

from rbvae.errors import ImageError, quoted, shown
from rbvae.images.ai_metadata import encode
from rbvae.images.colours import usable_profile
from rbvae.images.decoding import UPLOAD, load_photo
from tests import hostile
from tests.hostile import encoded

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

RAMP = np.linspace(0, 255, 16 * 24).reshape(16, 24).round().astype(np.uint8)
PHOTO = Image.fromarray(data.astronaut()).resize((96, 96))


def refusal(content: bytes) -> str:
    with pytest.raises(ImageError) as error:
        load_photo(content, max_side=None, limits=UPLOAD)
    return str(error.value)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
def test_every_format_of_the_list_is_opened_whatever_its_name_says(kind, tmp_path):
    path = tmp_path / "photo.xyz"
    path.write_bytes(encoded(PHOTO, kind))
    assert np.abs(load_photo(path).astype(int) - np.asarray(PHOTO)).mean() < 8


@pytest.mark.parametrize("kind", ["ICO", "PCX", "TGA", "PPM", "JPEG2000", "DDS", "PDF", "EPS"])
def test_no_other_format_is(kind):
    assert (
        refusal(encoded(PHOTO, kind))
        == "this file is not a picture that can be read; use a JPEG, PNG, WebP or HEIC file"
    )


def test_a_visitor_may_send_forty_megabytes_and_a_phones_photo_is_less():
    assert refusal(bytes(40_000_001)) == "the picture is 40.0 MB; the limit is 40 MB, so save it smaller first"
    phone = PHOTO.resize((4032, 3024), Image.Resampling.BICUBIC)
    assert load_photo(encoded(phone, "JPEG", quality=95), None, UPLOAD).shape == (3024, 4032, 3)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_of_a_film_the_first_picture_is_taken(kind):
    content = encoded(PHOTO, kind, save_all=True, append_images=[Image.new("RGB", PHOTO.size, "green")] * 2)
    assert np.abs(load_photo(content).astype(int) - np.asarray(PHOTO)).mean() < 8


def test_fractions_and_wide_numbers_become_eight_bits():
    for pixels in (RAMP / 255, RAMP.astype(np.float32), RAMP * 257.0):
        content = encoded(Image.fromarray(pixels.astype(np.float32)), "TIFF")
        np.testing.assert_array_equal(load_photo(content)[..., 1], RAMP)
    broken = np.where(RAMP > 200, np.nan, RAMP.astype(np.float32))
    np.testing.assert_array_equal(
        load_photo(encoded(Image.fromarray(broken), "TIFF"))[..., 0], np.where(RAMP > 200, 0, RAMP)
    )


def swapped() -> bytes:
    """An ICC profile in which red and green have changed places."""
    profile = bytearray(
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"s\0R\0G\0B", b"x\0X\0X\0X")
    )
    profile = bytearray(bytes(profile).replace(b"sRGB", b"xXXX"))
    places = {}
    for number in range(struct.unpack_from(">I", profile, 128)[0]):
        at = 132 + 12 * number
        places[bytes(profile[at : at + 4])] = at
    profile[places[b"rXYZ"] : places[b"rXYZ"] + 4], profile[places[b"gXYZ"] : places[b"gXYZ"] + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_colours_follow_the_files_own_profile(kind):
    red = Image.new("RGB", (32, 32), (200, 10, 10))
    assert usable_profile(swapped()) is not None
    pixels = load_photo(encoded(red, kind, icc_profile=swapped()), max_side=None).astype(int)
    assert pixels[..., 1].mean() > 150 > 100 > pixels[..., 0].mean()


def test_srgbs_own_profile_changes_nothing():
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    np.testing.assert_array_equal(load_photo(encoded(PHOTO, "PNG", icc_profile=own)), np.asarray(PHOTO))


def test_a_png_with_megabytes_of_text_or_profile_is_an_ordinary_picture():
    text = PngInfo()
    text.add_text("plain", "a" * (2 << 20))
    text.add_text("compressed", "b" * (3 << 20), zip=True)
    text.add_itxt("international", "c" * (2 << 20), zip=True)
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for options in ({"pnginfo": text}, {"icc_profile": own + bytes(2 << 20)}):
        np.testing.assert_array_equal(load_photo(encoded(PHOTO, "PNG", **options)), np.asarray(PHOTO))


def test_a_profile_that_is_broken_or_of_other_colours_is_left_out():
    good = swapped()
    for profile in (
        b"",
        b"\0" * 128,
        good[:200],
        good[:128] + b"\xff" * 4 + good[132:],
        good.replace(b"RGB ", b"CMYK"),
    ):
        np.testing.assert_array_equal(load_photo(encoded(PHOTO, "PNG", icc_profile=profile)), np.asarray(PHOTO))


def test_cmyk_as_adobe_writes_it_keeps_its_colours():
    red = Image.new("RGB", (16, 16), (220, 30, 30)).convert("CMYK")
    for kind in ("JPEG", "TIFF"):
        assert np.abs(load_photo(encoded(red, kind)).astype(int) - (220, 30, 30)).max() <= 6


@pytest.mark.parametrize(
    "case", [case for case in hostile.oddities() if case.kind == "broken EXIF"], ids=lambda case: case.name
)
def test_broken_exif_is_no_reason_to_refuse_a_photo(case):
    assert load_photo(case.content, max_side=None).shape == (256, 256, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "TIFF"])
def test_a_file_cut_off_anywhere_in_its_picture_is_refused(kind):
    whole = encoded(PHOTO, kind)
    for share in (0.3, 0.5, 0.7, 0.9):
        for side in (None, 2560):
            with pytest.raises(ImageError):
                load_photo(whole[: int(share * len(whole))], max_side=side)


def test_the_pixels_are_counted_before_they_are_decoded():
    for content, said in (
        (hostile.png(60000, 60000), "hundreds of millions of pixels"),
        (hostile.png(11000, 10000), "11000x10000 pixels"),
        (hostile.tiff(hostile.grey_tiff(60000, 60000)), "hundreds of millions of pixels"),
        (hostile.tiff(hostile.grey_tiff(8, 8, 8) | {322: (4, 1, 20000), 323: (4, 1, 20000)}), "tiles of 20000x20000"),
    ):
        started = time.monotonic()
        assert said in refusal(content)
        assert time.monotonic() - started < 0.5


def test_names_stand_in_sentences():
    assert shown("line\nbreak\t\0\u202e.jpg") == "line_break___.jpg"
    assert len(shown("a" * 300 + ".jpg")) <= 80 and shown("a" * 300 + ".jpg").endswith(".jpg")
    assert quoted("a\nb" * 100_000).startswith("'a\\nb") and len(quoted(["x"] * 100_000)) <= 80
    nested = []
    for _ in range(100_000):
        nested = [nested]
    assert (quoted(nested), quoted(10**5000)) == ("a list", "a int")
    while nested:  # taken apart, as its end would take all of the stack
        nested = nested.pop()
    with pytest.raises(ImageError) as error:
        load_photo(b"words", name="two\nlines.jpg")
    assert str(error.value).startswith("two_lines.jpg is not a picture")


def test_an_array_that_nobody_can_change_is_not_copied():
    fixed = np.array(PHOTO)
    assert load_photo(fixed, max_side=None) is not fixed
    fixed.flags.writeable = False
    assert load_photo(fixed, max_side=None) is fixed
    assert load_photo(fixed, max_side=50).shape == (50, 50, 3)


def test_of_a_file_that_is_two_kinds_at_once_only_the_picture_comes_out():
    both = encoded(PHOTO, "JPEG") + b"<script>alert(1)</script>"
    assert b"<script>" not in encode(Image.fromarray(load_photo(both)))


def test_a_run_length_encoded_bmp_is_refused_before_it_takes_seconds():
    """Found by the fuzzer: 170 bytes of it kept Pillow busy for two seconds."""
    wide, high, compressed = 655_360, 12, 1
    header = struct.pack("<IiiHHIIiiII", 40, wide, high, 1, 8, compressed, 0, 0, 0, 1, 0) + bytes(4)
    file = b"BM" + struct.pack("<IHHI", 58, 0, 0, 58) + header + bytes([255, 0])
    start = time.perf_counter()
    with pytest.raises(ImageError, match="run-length encoded BMP, which is not supported; save it as a PNG"):
        load_photo(file, max_side=None)
    assert time.perf_counter() - start < 0.5
