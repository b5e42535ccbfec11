"""How a photo was encoded when it came in, so that its edit can be saved the same way.

Only the first bytes are parsed here, and only to read a few numbers; pixels are decoded by `app.server.decoder`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from app.server.decoder import decoded_alpha
from rbvae import ConfigError
from rbvae.errors import quoted
from rbvae.images.ai_metadata import encode

SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
MEDIA = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
USUAL_QUALITY, LOWEST, HIGHEST = 92, 75, 98
STANDARD = 3688  # sum of the luminance table of ITU-T T.81, K.1, which is quality 50
HEADER = 1 << 20  # bytes in which tables are searched


@dataclass(frozen=True)
class Original:
    """The format and quality to save an edit in; `alpha` uint8 [H, W] is the transparency, `grey` black and white."""

    format: str = "JPEG"
    quality: int = USUAL_QUALITY
    lossless: bool = False
    grey: bool = False
    alpha: np.ndarray | None = None
    note: str = ""

    def file(self, pixels: Image.Image, format: str = "") -> tuple[bytes, str]:
        """Encode an edited photo, marked as AI-edited; returns the file and its media type.

        `format` is "JPEG", "PNG" or "WEBP", or "" for that of the photo. Raises ConfigError for others.
        """
        chosen = format or self.format
        if chosen not in tuple(SUFFIXES):
            raise ConfigError(f"format={quoted(format)}; give one of {', '.join(SUFFIXES)}")
        picture = pixels.convert("L") if self.grey else pixels
        if self.alpha is not None and chosen != "JPEG" and self.alpha.shape == (pixels.height, pixels.width):
            picture = transparent(picture, self.alpha)
        lossless = self.lossless and chosen == "WEBP"
        return encode(picture, chosen, self.quality, lossless), MEDIA[chosen]


def transparent(picture: Image.Image, alpha: np.ndarray) -> Image.Image:
    """Give a picture that was drawn over white its transparency `alpha` uint8 [H, W] back."""
    share = alpha.astype(np.float32)[..., None] / 255
    over = np.asarray(picture.convert("RGB"), np.float32)
    own = np.where(share > 0, (over - 255 * (1 - share)) / np.maximum(share, 1 / 255), 255)
    return Image.fromarray(np.dstack([np.rint(own).clip(0, 255).astype(np.uint8), alpha]))


def read_original(content: bytes, pixels: np.ndarray, alpha: np.ndarray | None = None) -> Original:
    """Return how a file was encoded; `pixels` uint8 [H, W, 3] is what it shows."""
    kind = kind_of(content)
    format = kind if kind in SUFFIXES else "PNG" if kind in ("GIF", "BMP", "TIFF") else "JPEG"
    note = f"{kind} photos are saved as {format}" if kind and kind != format else ""
    quality = jpeg_quality(content) if kind == "JPEG" else USUAL_QUALITY
    return Original(format, quality, content[12:16] == b"VP8L", is_grey(pixels), alpha, note)


def kind_of(content: bytes) -> str:
    """Return the kind of a picture by its first bytes, or "" if it is none of those known here."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] == b"ftyp":
        return "AVIF" if content[8:12] in (b"avif", b"avis") else "HEIC"
    signs = {b"\xff\xd8": "JPEG", b"\x89PNG": "PNG", b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF"}
    return next((kind for sign, kind in signs.items() if content.startswith(sign)), "")


def transparency(content: bytes) -> np.ndarray | None:
    """Decode the transparency of an upload: uint8 [H, W], or None if it is opaque."""
    return decoded_alpha(content) if may_be_transparent(content) else None


def may_be_transparent(content: bytes) -> bool:
    """Whether a file's header allows transparency, so that it is worth decoding."""
    kind = kind_of(content)
    if kind == "PNG":
        return content[25:26] in (b"\4", b"\6") or b"tRNS" in content[:HEADER]
    if kind == "WEBP":
        flags = content[20:21] if content[12:16] == b"VP8X" else b"\0"
        return bool(flags and flags[0] & 0x10) or content[12:16] == b"VP8L"
    return False


def jpeg_quality(content: bytes) -> int:
    """Estimate the quality, 75 to 98, at which a JPEG was saved, from its luminance table (as the IJG scales it)."""
    for table in _tables(content[:HEADER]):
        scale = 100 * sum(table) / STANDARD
        quality = round((200 - scale) / 2 if scale <= 100 else 5000 / scale)
        return min(HIGHEST, max(LOWEST, quality))
    return USUAL_QUALITY


def is_grey(pixels: np.ndarray) -> bool:
    """Whether a photo uint8 [H, W, 3] is black and white; a sample of its pixels is looked at first."""
    for part in (pixels[::16, ::16], pixels):
        if not ((part[..., 0] == part[..., 1]).all() and (part[..., 1] == part[..., 2]).all()):
            return False
    return True


def _tables(content: bytes) -> Iterator[bytes]:
    """Yield the 64 numbers of each 8-bit quantisation table of a JPEG, the luminance first."""
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], struct.unpack(">H", content[at + 2 : at + 4])[0]
        if marker == 0xDA or length < 2:
            return
        if marker == 0xDB and length >= 67 and content[at + 4] < 16:
            yield content[at + 5 : at + 69]
        at += 2 + length
