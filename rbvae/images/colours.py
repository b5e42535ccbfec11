"""Whatever colours a decoded picture has -> 8 bits of sRGB: by its ICC profile, over white, from 16 bits."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

MAX_PROFILE = 4_000_000  # bytes; printers' profiles have up to 3 MB
SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}  # Pillow's mode -> the colour space that its profile is of
LAYERED = ("RGBA", "RGBa", "LA", "La", "PA")


def foreign(profile: bytes | None) -> ImageCms.ImageCmsProfile | None:
    """A file's ICC profile, ready to be applied; None for one that is sRGB's own, unreadable, or not there at all."""
    if not profile or len(profile) > MAX_PROFILE:
        return None
    try:
        read = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return None if "sRGB" in (read.profile.profile_description or "") else read
    except Exception:  # LittleCMS refuses in many ways, and none is a reason to refuse the picture
        return None


def to_srgb(image: Image.Image, profile: ImageCms.ImageCmsProfile | None = None) -> Image.Image:
    """A decoded picture of any mode -> RGB, with the `profile` of its file applied where that fits."""
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep(image).convert("RGB")
    if image.mode in LAYERED or "transparency" in image.info:
        image = _over_white(image)
    if image.mode not in SPACES:
        image = image.convert("RGB")
    if profile is not None:
        image = _by_profile(image, profile)
    return image if image.mode == "RGB" else image.convert("RGB")


def _by_profile(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """The picture in sRGB; as it is where the profile is for other colours than it has."""
    try:
        if profile.profile.xcolor_space.strip() != SPACES[image.mode]:
            return image
        return ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB") or image
    except Exception:  # as above
        return image


def _over_white(image: Image.Image) -> Image.Image:
    layered = image if image.mode == "RGBA" else image.convert("RGBA")
    white = Image.new("RGB", layered.size, "white")
    white.paste(layered, mask=layered.getchannel("A"))
    return white


def _from_deep(image: Image.Image) -> Image.Image:
    """16 and 32 bits and fractions to 8, which Pillow's own convert() clips to white; what is no number is black."""
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray((values >> 8).astype(np.uint8))
    deep = np.nan_to_num(values.astype(np.float32), copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    top = float(deep.max(initial=0.0))
    full = next((full for full in (1.0, 255.0, 65535.0) if top <= full and (full > 1 or image.mode == "F")), top)
    deep *= 255.0 / full
    return Image.fromarray(np.rint(deep, out=deep).clip(0, 255, out=deep).astype(np.uint8))
