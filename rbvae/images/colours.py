"""Conversion of decoded pictures to 8-bit sRGB: ICC profiles, transparency (over white), 16-bit and float values."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from rbvae.images.profiles import profile_of_nclx

MAX_PROFILE = 4_000_000  # bytes; profiles of printers have up to 3 MB
SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}  # Pillow's mode -> colour space of a matching profile
ALPHA_MODES = ("RGBA", "RGBa", "LA", "La", "PA")


def profile_of(image: Image.Image) -> ImageCms.ImageCmsProfile | None:
    """Return the profile of an opened picture's colours, from its ICC profile or a HEIC's nclx; None for sRGB."""
    return usable_profile(image.info.get("icc_profile") or profile_of_nclx(image.info.get("nclx_profile")))


def usable_profile(profile: bytes | None) -> ImageCms.ImageCmsProfile | None:
    """Parse a file's ICC profile; returns None if it is missing, sRGB, too large or unreadable."""
    if not profile or len(profile) > MAX_PROFILE:
        return None
    try:
        read = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return None if "sRGB" in (read.profile.profile_description or "") else read
    except Exception:  # LittleCMS raises many types of errors, and the picture is usable without a profile
        return None


def to_srgb(image: Image.Image, profile: ImageCms.ImageCmsProfile | None = None) -> Image.Image:
    """Convert a decoded picture of any mode to RGB, applying the ICC `profile` of its file if that fits."""
    if image.mode.startswith("I") or image.mode == "F":
        image = _from_deep(image)
    if image.mode in ALPHA_MODES or "transparency" in image.info:
        image = _over_white(image)
    if image.mode not in SPACES:
        image = image.convert("RGB")
    if profile is not None:
        image = _by_profile(image, profile)
    return image if image.mode == "RGB" else image.convert("RGB")


def _by_profile(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """Convert a picture to sRGB; returned unchanged if the profile is for another colour space."""
    try:
        if profile.profile.xcolor_space.strip() != SPACES[image.mode]:
            return image
        return ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB") or image
    except Exception:  # as above
        return image


def _over_white(image: Image.Image) -> Image.Image:
    grey = image.mode in ("LA", "La", "L")  # stays grey, for a profile of grey
    with_alpha = image.convert("LA" if grey else "RGBA")
    white = Image.new("L" if grey else "RGB", with_alpha.size, "white")
    white.paste(with_alpha.convert(white.mode), mask=with_alpha.getchannel("A"))
    return white


def _from_deep(image: Image.Image) -> Image.Image:
    """Convert 16-bit, 32-bit and float values to 8 bits, which Pillow would clip; NaN and infinity become 0."""
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray((values >> 8).astype(np.uint8))
    deep = np.nan_to_num(values.astype(np.float32), copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    top = max(float(np.max(deep)), 0.0)
    full = next((full for full in (1.0, 255.0, 65535.0) if top <= full and (full > 1 or image.mode == "F")), top)
    deep *= 255.0 / full
    return Image.fromarray(np.rint(deep, out=deep).clip(0, 255, out=deep).astype(np.uint8))
