"""Decoding of pictures to upright 8-bit sRGB, with limits on formats and sizes; does not import PyTorch."""

from __future__ import annotations

import functools
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from rbvae.errors import ImageError, shown, shown_path
from rbvae.images.colours import profile_of, to_srgb
from rbvae.images.jpeg import UPRIGHT, jpeg_pixels, orientation

Photo: TypeAlias = "str | Path | bytes | np.ndarray | Image.Image"

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "HEIF")  # HEIF: HEIC, by pillow-heif
COMPRESSIONS = (  # allowed in a TIFF; libtiff's other codecs are rarely used and tested
    *(None, "raw", "packbits", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate"),
    *("jpeg", "group3", "group4", "tiff_ccitt"),
)
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY  # of one text or profile: 64 MB, not 1
TILE_WIDTH, TILE_LENGTH = 322, 323  # TIFF tags
MAX_SIDE = 2560  # pixels; larger pictures are shrunk for detection, as a 96-pixel crop does not need finer ones


@dataclass(frozen=True)
class Limits:
    """Limits of a picture's file: `bytes`, `pixels`, and `formats` by Pillow's names.

    A picture of more than `kept` pixels is reduced to that many; one of more than `pixels` is rejected.
    """

    bytes: int
    pixels: int = 100_000_000
    kept: int = 50_000_000
    formats: tuple[str, ...] = FORMATS


HOME = Limits(200_000_000, formats=(*FORMATS, "PPM"))  # for users on their own machine
UPLOAD = Limits(40_000_000)  # for visitors of the app; a JPEG of 50 megapixels from a phone has 15 to 30 MB


def load_photo(source: Photo, max_side: int | None = MAX_SIDE, limits: Limits = HOME, name: str = "") -> np.ndarray:
    """Load a picture as contiguous uint8 RGB [H, W, 3]; see `open_photo`."""
    return open_photo(source, max_side, limits, name)[0]


def open_photo(
    source: Photo, max_side: int | None = MAX_SIDE, limits: Limits = HOME, name: str = ""
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Load a picture as contiguous, upright uint8 RGB [H, W, 3]; also returns notes on how it was changed.

    `source` is a path, encoded bytes, a PIL image or an array ([H, W] or [H, W, 1|3|4], of uint8, uint16, or float in
    [0, 1]). Files are recognised by content, not by name; an animation gives its first frame. EXIF orientation is
    applied, colours are converted to sRGB with the file's ICC profile, transparency is drawn over white, and 16 bits
    are reduced to 8. The longer side is reduced to `max_side`; with None the picture keeps its size, up to
    `limits.kept` pixels.

    Bytes and pixels are checked before decoding. At full size, a picture of 50 megapixels needs 150 MB, and up to five
    times that during decoding. Raises ImageError for anything else, with a message of one line that calls the picture
    `name` or by its file name.
    """
    name = shown(name or (Path(source).name if isinstance(source, (str, Path)) else "")) or "the picture"
    if isinstance(source, np.ndarray) and _is_final(source, max_side, limits):
        return source, ()
    image = _from_array(source, name) if isinstance(source, np.ndarray) else open_header(source, name, limits)
    _check(image, name, limits.pixels)
    notes: tuple[str, ...] = ()
    try:
        profile, turn = profile_of(image), UPRIGHT[1]
        if max_side is None and (pixels := jpeg_pixels(image)) is not None:
            pixels, notes = reduced(pixels, limits.kept)
            if profile is None:
                return pixels, notes
            image = Image.fromarray(pixels if image.mode == "RGB" else pixels[..., 0])  # grey has a profile of grey
        else:
            image.load()
            turn = UPRIGHT[orientation(image)]
        image = to_srgb(image, profile)
    except MemoryError as error:
        raise ImageError(f"{name} takes too much memory to decode; save it as an ordinary JPEG first") from error
    except Exception as error:  # Pillow's decoders raise all kinds of errors for broken files
        detail = " ".join(str(error).split())[:100]
        raise ImageError(f"{name} is damaged and cannot be decoded ({detail}); use an intact copy") from error
    if max_side is not None and max(image.size) > max_side:
        image = image.copy() if image is source else image
        image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    pixels, more = reduced(np.ascontiguousarray(turn(np.asarray(image, dtype=np.uint8))), limits.kept)
    return pixels, notes + more


def load_alpha(encoded: bytes | Image.Image, limits: Limits = UPLOAD, name: str = "") -> np.ndarray:
    """Load the transparency of an encoded picture: its alpha three times, contiguous uint8 [H, W, 3], 255 is opaque.

    Raises ImageError as `open_photo` does.
    """
    name = shown(name) or "the picture"
    image = open_header(encoded, name, limits)
    try:
        alpha = np.asarray(image.getchannel("A") if "A" in image.getbands() else image.convert("RGBA").getchannel("A"))
    except Exception as error:  # as in open_photo
        raise ImageError(f"{name} is damaged and cannot be decoded; use an intact copy") from error
    alpha = reduced(UPRIGHT[orientation(image)](alpha), limits.kept)[0]
    return np.ascontiguousarray(np.repeat(alpha[..., None], 3, axis=2))


def reduced(pixels: np.ndarray, kept: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Reduce a picture uint8 [H, W, 3] or [H, W] to at most `kept` pixels by area averaging, with a note."""
    height, width = pixels.shape[:2]
    if height * width <= kept:
        return pixels, ()
    scale = (kept / (height * width)) ** 0.5
    extent = max(1, int(width * scale)), max(1, int(height * scale))
    note = f"the photo has {height * width / 1e6:.0f} megapixels and was reduced to {kept // 10**6}"
    return cv2.resize(pixels, extent, interpolation=cv2.INTER_AREA), (note,)


@functools.cache
def add_heic() -> bool:
    """Register HEIC with Pillow if the package pillow-heif is installed; returns whether it is."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener(thumbnails=False)
    return True


def open_header(source: Any, name: str = "the picture", limits: Limits = HOME) -> Image.Image:
    """Open a picture without decoding its pixels; raises ImageError if its header shows that `open_photo` would."""
    image = _open(source, name, limits)
    _check(image, name, limits.pixels)
    return image


def _open(source: Any, name: str, limits: Limits) -> Image.Image:
    if isinstance(source, Image.Image):
        return source
    if not isinstance(source, (str, Path, bytes)):
        raise ImageError(f"{name} is of type {type(source).__name__}; give a path, bytes, a PIL image or an array")
    encoded = _read(Path(source), name, limits.bytes) if isinstance(source, (str, Path)) else source
    if len(encoded) > limits.bytes:
        raise _too_heavy(name, len(encoded), limits.bytes)
    kinds = [kind for kind in limits.formats if kind != "HEIF" or add_heic()]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pixels, which are checked here, and metadata, which is dropped
            return Image.open(io.BytesIO(encoded), formats=kinds)
    except Image.DecompressionBombError as error:
        raise _too_large(name, "hundreds of millions of", limits.pixels) from error
    except UnidentifiedImageError as error:
        raise _no_picture(name) from error
    except MemoryError as error:
        raise ImageError(f"{name} takes too much memory to decode; save it as an ordinary JPEG first") from error
    except Exception as error:  # broken headers also raise all kinds of errors
        raise _no_picture(name) from error


def _read(path: Path, name: str, limit: int) -> bytes:
    """Read a whole file, because Pillow does not close the file that it reads from if decoding fails."""
    try:
        if not path.is_file():
            raise ImageError(f"no file at {shown_path(path)}; check the path")
        if (size := path.stat().st_size) > limit:
            raise _too_heavy(name, size, limit)
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{shown_path(path)} cannot be read ({reason}); check that you may open it") from error


def _check(image: Image.Image, name: str, limit: int) -> None:
    """Check the header before anything is decoded; raises ImageError."""
    if image.width * image.height > limit:
        raise _too_large(name, f"{image.width}x{image.height}", limit)
    if image.format == "TIFF":
        tile = image.tag_v2.get(TILE_WIDTH, 0), image.tag_v2.get(TILE_LENGTH, 0)  # type: ignore[attr-defined]
        if not all(isinstance(side, int) for side in tile) or tile[0] * tile[1] > limit:
            raise _too_large(name, f"tiles of {shown(f'{tile[0]}x{tile[1]}')}", limit)
        if (compression := image.info.get("compression")) not in COMPRESSIONS:
            raise ImageError(
                f"{name} is a TIFF compressed as {compression}, which is not supported; save it as a PNG first"
            )
    if any(tile[0] == "bmp_rle" for tile in getattr(image, "tile", ())):  # 200 bytes may keep Pillow busy for seconds
        raise ImageError(f"{name} is a run-length encoded BMP, which is not supported; save it as a PNG first")


def _too_large(name: str, size: str, limit: int) -> ImageError:
    return ImageError(f"{name} has {size} pixels; the limit is {limit // 10**6} megapixels, so shrink it first")


def _no_picture(name: str) -> ImageError:
    name = "this file" if name == "the picture" else name
    return ImageError(f"{name} is not a picture that can be read; use a JPEG, PNG, WebP or HEIC file")


def _too_heavy(name: str, size: int, limit: int) -> ImageError:
    return ImageError(f"{name} is {size / 1e6:.1f} MB; the limit is {limit // 10**6} MB, so save it smaller first")


def _is_final(pixels: np.ndarray, max_side: int | None, limits: Limits) -> bool:
    """Whether an array is already in the format that load_photo returns, and read-only."""
    good = pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8 and pixels.flags["C_CONTIGUOUS"]
    small = max_side is None or max(pixels.shape) <= max_side
    return good and small and 0 < pixels.size <= 3 * min(limits.kept, limits.pixels) and not pixels.flags.writeable


def _from_array(pixels: np.ndarray, name: str) -> Image.Image:
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.size == 0 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))):
        raise ImageError(f"{name} is an array of shape {pixels.shape}; give [H, W] or [H, W, 3]")
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    elif np.issubdtype(pixels.dtype, np.floating):
        if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 1:
            raise ImageError(f"{name} is an array of {pixels.dtype} outside [0, 1]; scale it, or give uint8")
        pixels = (pixels * 255.0).round().astype(np.uint8)
    elif pixels.dtype != np.uint8:
        raise ImageError(f"{name} is an array of {pixels.dtype}; give uint8")
    return Image.fromarray(np.ascontiguousarray(pixels))
