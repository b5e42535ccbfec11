"""The only place where uint8 [0, 255] meets float [-1, 1], and where files become pictures."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from rbvae.errors import ImageError
from rbvae.jpeg import jpeg_pixels

Photo: TypeAlias = "str | Path | bytes | np.ndarray | Image.Image"

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM")
MAX_BYTES = 50_000_000  # of a file
MAX_PIXELS = 25_000_000
MAX_SIDE = 2560  # a larger picture is shrunk to this for detection: finer pixels never reach a 96-pixel crop


def to_float(pixels: Tensor) -> Tensor:
    """uint8 [..., 3, H, W] in [0, 255] -> float32 in [-1, 1]."""
    return pixels.float() / 127.5 - 1.0


def to_uint8(images: Tensor) -> Tensor:
    """float [..., 3, H, W] in [-1, 1] (clamped) -> uint8 in [0, 255]."""
    return images.detach().float().clamp(-1.0, 1.0).add(1.0).mul(127.5).round().to(torch.uint8)


def to_array(image: Tensor) -> np.ndarray:
    """float [3, H, W] in [-1, 1] -> contiguous uint8 [H, W, 3]."""
    return np.ascontiguousarray(to_uint8(image).cpu().permute(1, 2, 0).numpy())


def to_tensor(pixels: np.ndarray) -> Tensor:
    """uint8 [H, W, 3] or [N, H, W, 3] -> float [..., 3, H, W] in [-1, 1]."""
    return to_float(torch.from_numpy(np.array(pixels, order="C")).movedim(-1, -3))


def to_pil(image: Tensor) -> Image.Image:
    """float [3, H, W] in [-1, 1] -> PIL RGB."""
    return Image.fromarray(to_array(image))


def load_photo(source: Photo, max_side: int | None = MAX_SIDE) -> np.ndarray:
    """Any picture -> contiguous uint8 RGB [H, W, 3], upright, its longer side at most `max_side` (None: as it is).

    At its own size a picture of MAX_PIXELS takes 75 MB, and about twice that while it is decoded.
    `source` is a path, encoded bytes, a PIL image or an array ([H, W], [H, W, 1|3|4], of uint8, uint16,
    or float in [0, 1]). EXIF orientation is applied, alpha is laid over white, 16 bits become 8.
    Raises ImageError for anything else, naming the file and what to do.
    """
    name = Path(source).name if isinstance(source, (str, Path)) else "the picture"
    image = _from_array(source, name) if isinstance(source, np.ndarray) else _open(source, name)
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(
            f"{name} has {image.width}x{image.height} pixels; the limit is {MAX_PIXELS // 10**6} megapixels, "
            "so shrink it first"
        )
    if max_side is None and (pixels := jpeg_pixels(image)) is not None:
        return pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image.load()
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1  # exif_transpose copies what is upright too
        upright = _to_rgb(ImageOps.exif_transpose(image) if turned else image)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise ImageError(f"{name} is damaged and cannot be decoded ({error}); use an intact copy") from error
    if max_side is not None and max(upright.size) > max_side:
        upright = upright.copy() if upright is source else upright
        upright.thumbnail((max_side, max_side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.ascontiguousarray(np.asarray(upright, dtype=np.uint8))


def _open(source: Any, name: str) -> Image.Image:
    if isinstance(source, Image.Image):
        return source
    encoded = _read(Path(source)) if isinstance(source, (str, Path)) else source
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(encoded), formats=FORMATS)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, TypeError, Image.DecompressionBombError) as error:
        raise ImageError(f"{name} is not a picture that can be read; use a JPEG, PNG or WebP file") from error


def _read(path: Path) -> bytes:
    """A file's bytes, all at once: where decoding fails, Pillow leaves open what it was reading from."""
    if not path.is_file():
        raise ImageError(f"no file at {path}; check the path")
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ImageError(
                f"{path.name} is {size / 1e6:.1f} MB; the limit is {MAX_BYTES // 10**6} MB, so save it smaller first"
            )
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path} cannot be read ({error.strerror}); check that you may open it") from error


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


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits and more: Pillow's own convert() clips them to white
        deep = np.asarray(image, dtype=np.float64)
        if image.mode.startswith("I;16") or deep.max() > 255:
            deep = deep / 257.0
        return Image.fromarray(deep.clip(0, 255).round().astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")
