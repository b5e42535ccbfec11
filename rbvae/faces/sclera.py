"""The white of the eye, complete also behind the iris and the lids."""

from __future__ import annotations

import cv2
import numpy as np

from rbvae.faces.eye_patch import EyePatch
from rbvae.faces.openings import sample

AROUND = 1.2  # radii of the iris: the white of the eye starts here
CHART = (24, 64)  # rows across and columns along the eye, on which the white of the eye is filled in


def white_of(eye: EyePatch) -> np.ndarray:
    """Return the white of the eye [h, w, 3], filled in behind iris and lids along lines parallel to the lids."""
    patch, opening, iris, places = eye.pixels, eye.opening, eye.iris, eye.places
    rows, columns = CHART
    v, s = np.mgrid[0.5 / rows : 1 : 1 / rows, 0.5 / columns : 1 : 1 / columns][:, :rows, :columns]
    upper, lower = opening.lines(s)
    x, y = opening.positions(s, upper + v * (lower - upper))
    finer = max(0.0, 0.4 * opening.width / columns)
    chart = sample(cv2.GaussianBlur(patch, (0, 0), finer) if finer > 0.5 else patch, x, y)
    aside = np.hypot(x - iris.x, y - iris.y) / iris.radius > AROUND + 0.5 / iris.radius
    chart = filled_rows(chart, aside & (s > 0.06) & (s < 0.94))
    height = np.maximum(places.lower - places.upper, 1e-3)
    at_v = np.clip((places.across - places.upper) / height, 0.12, 0.95)
    fill = sample(chart, np.clip(places.s, 0, 1) * columns, at_v * rows)
    keep = eye.seen * np.clip((eye.distance - AROUND) / (0.15 + 1.0 / iris.radius), 0, 1)
    return fill + keep[..., None] * (patch - fill)


def filled_rows(chart: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fill unknown pixels of a chart [rows, columns, 3] along its rows, or from the rows next to them."""
    out, rows = chart.copy(), []
    for row, is_known in enumerate(known):
        places = np.flatnonzero(is_known)
        if len(places) >= 3:
            rows.append(row)
            calm = cv2.blur(chart[row][places][None], (5, 1), borderType=cv2.BORDER_REPLICATE)[0]
            for channel in range(3):
                out[row, ~is_known, channel] = np.interp(np.flatnonzero(~is_known), places, calm[:, channel])
    if rows:
        for row in set(range(len(chart))) - set(rows):
            out[row] = out[min(rows, key=lambda other: abs(other - row))]
    return cv2.GaussianBlur(out, (0, 0), 1.0)
