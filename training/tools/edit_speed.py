"""Measure how fast a photo is inferred, edited and saved on this machine.

python -m training.tools.edit_speed --photo portrait.jpg --json speed.json

The photo is resized so that the edited region has one megapixel, and to 12 megapixels for saving. Every time is the
median of several runs, in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import timeit
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from rbvae.editing import MeshEdit, PortraitEditor
from rbvae.errors import ConfigError
from rbvae.images.ai_metadata import encode
from rbvae.images.decoding import load_photo
from training.engine.cli import cores, run_command, write_json

REPEATS = 15
SAVED = 12_000_000  # pixels


def median_ms(task: Callable[[], object], repeats: int = REPEATS) -> float:
    """Returns the median time of a call in milliseconds, after one warm-up call."""
    task()
    return round(1000 * statistics.median(timeit.repeat(task, number=1, repeat=repeats)), 2)


def resized(photo: np.ndarray, scale: float) -> np.ndarray:
    """Resizes a photo uint8 [H, W, 3] by the factor `scale`."""
    extent = round(photo.shape[1] * scale), round(photo.shape[0] * scale)
    return np.asarray(Image.fromarray(photo).resize(extent, Image.Resampling.BICUBIC))


def measure(editor: PortraitEditor, photo: np.ndarray) -> dict[str, float]:
    """Returns the time of each step in milliseconds, and the sizes of the photo and the edit in megapixels.

    Raises ConfigError if the checkpoint observes images instead of codes.
    """

    def edit_of(picture: np.ndarray) -> MeshEdit:
        portrait = editor.infer(picture)
        made = editor.edit(portrait, editor.moved(portrait.e, {editor.directions[0].name: 1.5}))
        if not isinstance(made, MeshEdit):
            raise ConfigError("This checkpoint observes images. Give one that observes codes.")
        return made

    def size_of(edit: MeshEdit) -> float:
        left, top, right, bottom = edit.region[0]
        return (right - left) * (bottom - top) / 1e6

    photo = resized(photo, size_of(edit_of(photo)) ** -0.5)
    edit = edit_of(photo)
    portrait, z, e = edit.inference, torch.from_numpy(edit.inference.z)[None], torch.from_numpy(edit.e)[None]
    large = Image.fromarray(resized(photo, (SAVED / (photo.shape[0] * photo.shape[1])) ** 0.5))
    with torch.inference_mode():
        return {
            "photo_megapixels": round(photo.shape[0] * photo.shape[1] / 1e6, 2),
            "infer_ms": median_ms(lambda: editor.infer(photo)),
            "generate_ms": median_ms(lambda: editor.model.decode(z, e)),
            "edit_megapixels": round(size_of(edit), 2),
            "edit_ms": median_ms(lambda: editor.edit(portrait, edit.e).patch()),
            "save_12_megapixels_as_jpeg_ms": median_ms(lambda: encode(large), 5),
        }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--checkpoint", default="checkpoints/faces", metavar="DIR", help="default checkpoints/faces")
    parser.add_argument("--photo", type=Path, required=True, help="a photo that shows a face")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results here")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)  # as in the app
    figures = measure(PortraitEditor.from_pretrained(options.checkpoint), load_photo(options.photo, max_side=None))
    figures |= {"cores": cores()}
    print(json.dumps(figures, indent=2))
    if options.json:
        write_json(options.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
