"""Claims about colours: photos of wide-gamut, HDR and printing files come out as sRGB, and saved ones say so."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image
from skimage import data

from rbvae.images.ai_metadata import encode
from rbvae.images.colours import profile_of, usable_profile
from rbvae.images.decoding import UPLOAD, load_photo
from rbvae.images.profiles import HLG, PQ, made_profile, srgb_profile
from tests.hostile import encoded

P3, BT2020 = 12, 9
TO_SRGB = np.array([[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]])  # from P3, linear
COLOURS = np.array([[200, 80, 60], [70, 160, 90], [60, 90, 180], [224, 180, 160], [128, 128, 128]], np.uint8)
PATCHES = np.ascontiguousarray(COLOURS.repeat(16, axis=0)[None].repeat(16, axis=0))  # [16, 80, 3]
PHOTO = Image.fromarray(data.astronaut()).resize((96, 96))


def as_srgb(p3: np.ndarray) -> np.ndarray:
    """Display P3 [..., 3] in 0..255 as sRGB, by the published matrix."""
    signal = p3 / 255.0
    light = np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4) @ TO_SRGB.T
    light = light.clip(0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def centres(pixels: np.ndarray) -> np.ndarray:
    """The colour in the middle of each patch: [5, 3]."""
    return pixels[8, 8::16].astype(int)


def heic(pixels: np.ndarray, transfer: int, primaries: int) -> bytes:
    """A HEIC that gives its colours as numbers instead of a profile."""
    stream = io.BytesIO()
    made = pillow_heif.from_bytes(mode="RGB", size=pixels.shape[1::-1], data=pixels.tobytes())
    numbers = {"color_primaries": primaries, "transfer_characteristics": transfer, "matrix_coefficients": 1}
    made.save(stream, quality=100, chroma=444, full_range_flag=1, **numbers)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("TIFF", {}), ("JPEG", {"quality": 100, "subsampling": 0}), ("WEBP", {"lossless": True}),
     ("HEIF", {"quality": 100, "chroma": 444})],
)  # fmt: skip
@pytest.mark.parametrize("side", [None, 2560])
def test_display_p3_becomes_srgb_in_every_format(kind, options, side):
    content = encoded(Image.fromarray(PATCHES), kind, icc_profile=made_profile(P3), **options)
    got = centres(load_photo(content, max_side=side))
    assert np.abs(got - as_srgb(COLOURS)).max() < 4 < np.abs(got - COLOURS.astype(int)).max()


def test_a_heic_that_gives_its_colours_as_numbers_becomes_srgb():
    assert np.abs(centres(load_photo(heic(PATCHES, 13, P3), None)) - as_srgb(COLOURS)).max() < 4
    assert np.abs(centres(load_photo(heic(PATCHES, 13, 1), None)) - COLOURS).max() < 4


@pytest.mark.parametrize(("transfer", "middle", "paper"), [(PQ, 106, 148), (HLG, 111, 191)])
def test_an_hdr_heic_keeps_its_middle_grey_and_its_highlights(transfer, middle, paper):
    """`middle` and `paper` are the signals of 18% and of 100% of a white page, 203 cd/m2, in the two curves."""
    ramp = np.repeat(np.array([0, middle, paper, 235], np.uint8), 16)[None, :, None].repeat(16, 0).repeat(3, 2)
    pixels = load_photo(heic(np.ascontiguousarray(ramp), transfer, BT2020), None)
    black, grey, white, highlight = pixels[8, 8::16].astype(int).mean(axis=1)
    assert np.ptp(pixels.astype(int), axis=2).max() <= 2
    assert black < 4 and abs(grey - 118) < 8 and 225 < white < highlight <= 255


def test_a_palette_and_a_grey_picture_follow_their_profiles():
    flat = Image.fromarray(PATCHES).quantize(8)
    got = centres(load_photo(encoded(flat, "PNG", icc_profile=made_profile(P3)), None))
    assert np.abs(got - as_srgb(np.asarray(flat.convert("RGB"))[8, 8::16])).max() < 2
    dark = made_profile(1, HLG).replace(b"RGB ", b"GRAY", 1).replace(b"rTRC", b"kTRC", 1)  # a profile of grey
    assert usable_profile(dark) is not None
    expected = load_photo(encoded(PHOTO.convert("L"), "TIFF", icc_profile=dark), None).astype(int)
    assert np.abs(expected - np.asarray(PHOTO.convert("L"))[..., None]).mean() > 5
    deep = Image.fromarray(np.asarray(PHOTO.convert("L")).astype(np.uint16) * 257)
    see_through = PHOTO.convert("LA")
    for picture, kind, options in (
        (PHOTO.convert("L"), "JPEG", {"quality": 100}),
        (deep, "PNG", {}),
        (see_through, "PNG", {}),
    ):
        for side in (None, 2560):
            got = load_photo(encoded(picture, kind, icc_profile=dark, **options), side).astype(int)
            assert np.abs(got - expected).mean() < 1.5


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "HEIF"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_black_and_white_photo_stays_without_colour(kind, mode):
    grey = PHOTO.convert("L").convert(mode)
    profile = made_profile(P3) if mode == "RGB" else None
    pixels = load_photo(encoded(grey, kind, icc_profile=profile), None).astype(int)
    assert np.ptp(pixels, axis=2).max() <= 1
    assert np.abs(pixels[..., 0] - np.asarray(PHOTO.convert("L"))).mean() < 6


def test_sixteen_bits_and_transparency_open_with_their_colours():
    deep = np.asarray(PHOTO).astype(np.uint16) * 257
    for pixels, expected in ((deep[..., ::-1], np.asarray(PHOTO)), (deep[..., 0], np.asarray(PHOTO)[..., :1])):
        content = cv2.imencode(".png", pixels)[1].tobytes()
        np.testing.assert_array_equal(load_photo(content, None), np.broadcast_to(expected, (96, 96, 3)))
    half = PHOTO.copy()
    half.putalpha(128)
    over_white = (np.asarray(PHOTO, int) * 128 + 255 * 127) / 255
    assert np.abs(load_photo(encoded(half, "PNG"), None) - over_white).max() <= 1
    assert np.abs(load_photo(encoded(half, "HEIF", quality=100), None) - over_white).mean() < 3


def test_a_gain_map_is_left_out():
    """An HDR JPEG of a phone is an SDR JPEG followed by its gain map, listed (MPO) or just appended."""
    gain = Image.new("L", (48, 48), 200)
    plain = load_photo(encoded(PHOTO, "JPEG", quality=92), None)
    listed = encoded(PHOTO, "MPO", quality=92, save_all=True, append_images=[gain])
    assert Image.open(io.BytesIO(listed)).format == "MPO"
    for content in (listed, encoded(PHOTO, "JPEG", quality=92) + encoded(gain, "JPEG")):
        for side in (None, 2560):
            assert np.abs(load_photo(content, side, UPLOAD).astype(int) - plain).max() <= 2


def test_a_heic_is_opened_and_stands_upright_once():
    turned = Image.Exif()
    turned[0x0112] = 6
    content = encoded(PHOTO.crop((0, 0, 96, 64)), "HEIF", quality=95, exif=turned.tobytes())
    for side in (None, 2560):
        pixels = load_photo(content, side, UPLOAD)
        assert pixels.shape == (96, 64, 3)
        assert np.abs(pixels.astype(int) - np.rot90(np.asarray(PHOTO)[:64], -1)).mean() < 6


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_saved_picture_says_that_it_is_srgb(format):
    photo = Image.fromarray(load_photo(encoded(Image.fromarray(PATCHES), "PNG", icc_profile=made_profile(P3)), None))
    first, again = (Image.open(io.BytesIO(encode(photo, format))) for _ in range(2))
    assert first.info.get("srgb") == 0 if format == "PNG" else first.info["icc_profile"] == srgb_profile()
    assert profile_of(first) is None and first.info.get("icc_profile") == again.info.get("icc_profile")
