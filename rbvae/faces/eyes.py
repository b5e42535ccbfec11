"""Drawing of closing eyes: the lids move down over the eye, which keeps its position and shape."""

from __future__ import annotations

import numpy as np

from rbvae.faces.mesh import LIDS
from rbvae.faces.openings import Opening, pixel_grid, sample

SOFT = 0.2  # closing, as a share of the lids' distance, after which the eye no longer follows the mesh


def draw_eyes(
    out: np.ndarray, box: tuple[int, int, int, int], photo: np.ndarray, before: np.ndarray, after: np.ndarray,
    added: np.ndarray,
) -> None:  # fmt: skip
    """Draw both eyes, in place, into `out` uint8 [h, w, 3], the pixels of the photo's `box`.

    `before` and `after` are the landmarks [468, 3] in photo pixels before and after the edit; `added` [h, w, 3] is the
    change of texture in grey levels.
    """
    for lids in LIDS:
        draw_eye(out, box, photo, Opening.of(before, lids), Opening.of(after, lids), added)


def draw_eye(
    out: np.ndarray, box: tuple[int, int, int, int], photo: np.ndarray, old: Opening, new: Opening, added: np.ndarray
) -> None:
    """Draw one eye in place. If its lids come closer, its pixels move with the corners instead of the lids."""
    if new.gap >= old.gap * (1 - 1e-3):
        return
    left, top, right, bottom = box
    moved = Opening(new.upper - [left, top], new.lower - [left, top])
    blur = max(0.5, 0.02 * new.width)
    inner = moved.box(3 * blur + 2, right - left, bottom - top)
    x, y = pixel_grid(inner)
    s, across = moved.coordinates(x, y)
    upper, lower = moved.lines(s)
    old_upper, old_lower = old.lines(s)
    height, old_height = np.maximum(lower - upper, 1e-3), np.maximum(old_lower - old_upper, 1e-3)
    scale = old.width / max(new.width, 1e-6)
    follow = old_upper + (across - upper) / height * (old_height)
    stay = across * scale
    share = np.clip((old_height - height * scale) / (SOFT * old_height), 0, 1)
    source = follow + share * (stay - follow)
    eye = sample(photo, *old.positions(s, source)) + added[inner[1] : inner[3], inner[0] : inner[2]]
    mask = moved.mask(inner, blur)[..., None]
    part = out[inner[1] : inner[3], inner[0] : inner[2]]
    part[:] = np.rint(part * (1 - mask) + eye.clip(0, 255) * mask)
