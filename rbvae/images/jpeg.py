"""Fast JPEG decoding with OpenCV: the same pixels as Pillow, in a third of the time for a large photo."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable

import cv2
import numpy as np
from PIL import ExifTags, Image

END = b"\xff\xd9"
MAX_EXIF = 1_000_000  # bytes; larger EXIF is not read
UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {  # by EXIF orientation
    1: lambda pixels: pixels,
    2: lambda pixels: cv2.flip(pixels, 1),
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0),
    5: lambda pixels: cv2.transpose(pixels),
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.flip(cv2.transpose(pixels), -1),
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def jpeg_pixels(image: Image.Image) -> np.ndarray | None:
    """Decode a picture that Pillow has opened from bytes to upright uint8 RGB [H, W, 3].

    Returns None if Pillow has to decode it: other formats, CMYK, and truncated files, which OpenCV would
    fill with grey.
    """
    stream = getattr(image, "fp", None)
    if image.format not in ("JPEG", "MPO") or image.mode not in ("RGB", "L") or not isinstance(stream, io.BytesIO):
        return None
    encoded = stream.getvalue()
    if encoded.rfind(END) < stream.tell():  # where the image data begins; an embedded thumbnail also has an end marker
        return None
    try:
        flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
        pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), flags)
    except cv2.error:
        return None
    if pixels is None or pixels.shape[:2] != (image.height, image.width):
        return None
    return np.ascontiguousarray(UPRIGHT[orientation(image)](pixels))


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 (upright) if it is missing or invalid."""
    if len(image.info.get("exif") or b"") > MAX_EXIF:
        return 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # broken EXIF raises many types of errors, and the picture is usable without it
        return 1
    return value if value in UPRIGHT else 1
