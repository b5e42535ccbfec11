"""Fuzzes the decoder with atheris: whatever the bytes, load_photo gives upright uint8 RGB or an ImageError of one line.

    python -m venv fuzzing && fuzzing/bin/pip install atheris "pillow<13" numpy opencv-python-headless
    fuzzing/bin/python tests/fuzz_decoding.py corpus -max_total_time=600 -max_len=20000 -rss_limit_mb=1500 -timeout=5

`corpus` is a folder, which gets one small file of each format to start from. Not run by pytest; without atheris there
is nothing to run. What it finds becomes a test in tests/rbvae/images/test_decoding.py.
"""

from __future__ import annotations

import io
import sys
import types
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[1]
package = types.ModuleType("rbvae")  # without its __init__, which loads PyTorch
package.__path__ = [str(ROOT / "rbvae")]
sys.modules["rbvae"] = package

with atheris.instrument_imports():
    import numpy as np
    from PIL import Image

    Image.init()
    from rbvae.errors import ImageError
    from rbvae.images.decoding import UPLOAD, load_photo


def one_input(content: bytes) -> None:
    """One try."""
    try:
        pixels = load_photo(content, max_side=None, limits=UPLOAD)
    except ImageError as error:
        assert str(error) and "\n" not in str(error), error
        return
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.flags["C_CONTIGUOUS"]
    assert 0 < pixels.shape[0] * pixels.shape[1] <= UPLOAD.pixels


def seed(folder: Path) -> None:
    """A small file of each format, in several modes."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
    for kind in kinds:
        for mode in ("RGB", "L", "P", "RGBA", "CMYK", "1", "I;16", "F"):
            stream = io.BytesIO()
            try:
                made = Image.new("I;16", (10, 12), 999) if mode == "I;16" else picture.convert(mode)
                made.save(stream, kind, **({"exif": exif} if kind != "BMP" else {}))
            except (OSError, ValueError, TypeError):
                continue
            (folder / f"{kind}-{mode.replace(';', '')}").write_bytes(stream.getvalue())
    for how in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4"):
        stream = io.BytesIO()
        (picture.convert("1") if how == "group4" else picture).save(stream, "TIFF", compression=how)
        (folder / f"TIFF-{how}").write_bytes(stream.getvalue())


if __name__ == "__main__":
    seed(Path(next(argument for argument in sys.argv[1:] if not argument.startswith("-"))))
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
