"""The lips of an edit: how far they close or part, from where they are drawn, and the shadow between them."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from rbvae.faces.boxes import Box
from rbvae.faces.easing import ramp, smoothstep
from rbvae.faces.mesh import INNER_LIPS, LIP_ROWS, OUTER_LIPS
from rbvae.faces.openings import Opening, pixel_grid, sample

CLOSED = 0.02  # gap, relative to the mouth's width, below which lips are closed
SHOWN = 0.06  # gap, relative to the mouth's width, above which a mouth shows its inside
FULL, FULL_WIDTH = 0.05, 0.12  # changes of the gap and of the width at which the inside is completely drawn
REACH = 2.5  # thicknesses of a lip: distance from the lip within which the face follows closing lips
MIDDLE = np.linspace(0.3, 0.7, 5)  # positions along the mouth where the thickness of lips is measured
INSET, INSET_CLOSING = 0.16, 0.3  # of a lip's thickness: its edge, which shows teeth or shadow and is not drawn
# A lip begins where its colour is at least so much nearer to that of lips than to that of the inside, in [0, 1], up to
# this share of its thickness; so much of that is left out, too, and the places are smoothed over so many landmarks.
LIP_LIKE, DEEPEST, BEYOND, SMOOTHED = 0.6, 0.6, 0.1, 0.8
PARTING = (0.025, 0.05)  # gaps between which closed lips part: they stay together before, as in a faint smile
PARTED = 0.11  # least gap of lips that have parted, or of a mouth that closes as long as it is open: slits are rare
SOFT = 0.006  # mouth widths: softness of the edge of the lips
BETWEEN = np.array([0.72, 0.56, 0.56], np.float32)  # red, green and blue of that shadow, relative to the lips
FAINT, RESOLVED = 0.7, (11, 66)  # share of it in the most blurred photos, and sharpness from and up to which it grows
RIM, RIM_GAP = 0.03, 0.15  # depth of the lower lip's inner side, in mouth widths, and the gap at which it is visible
RIM_ENDS = 0.1, 0.35  # places along the mouth, from its corners, between which it appears
# Relaxing lips, in mouth widths: how far corners sink, the line between the lips rises, and the upper lip thickens; the
# move of the corners from which on they do so completely, and the distance within which the face around them follows.
CORNERS_SINK, LINE_RISES, LIP_THICKENS, MOVED, AROUND = 0.016, 0.009, 0.011, 0.02, 0.25
SEAM_WIDTH, SEAM_ENDS = 0.012, 0.2  # width of that shadow, and of its fading at the corners, in mouth widths


def changed(old: Opening, new: Opening) -> float:
    """Return how much of a mouth's inside an edit draws anew, in [0, 1].

    That is all of it once the gap has changed by FULL, or the width of an open mouth by the share FULL_WIDTH.
    """
    opened, wider = abs(new.gap - old.gap) / FULL, abs(new.width / max(old.width, 1e-6) - 1) / FULL_WIDTH
    is_open = float(ramp(min(old.gap, new.gap), CLOSED, SHOWN))
    return float(np.clip(np.maximum(opened, wider * is_open), 0, 1))


def seam(lips: Opening, box: Box, blur: float, strength: float) -> np.ndarray:
    """Return how much of each pixel, float32 [h, w, 1], is the shadow between closed lips."""
    s, across = lips.coordinates(*pixel_grid(box))
    upper, lower = lips.lines(s)
    width = max(SEAM_WIDTH * lips.width, blur)
    ends = np.clip(np.minimum(s, 1 - s) / SEAM_ENDS, 0, 1)
    line = np.exp(-(((across - (upper + lower) / 2) / width) ** 2))
    return np.float32(strength * ends * line)[..., None]


def shadow_between(photo: np.ndarray, points: np.ndarray, sharpness: float) -> np.ndarray:
    """Return the colour [3] of the shadow between the lips, which is fainter in a blurred photo, see FaceView."""
    return lip_colour(photo, points) * BETWEEN ** (FAINT + (1 - FAINT) * ramp(sharpness, *RESOLVED))


def lower_rim(lips: Opening, box: Box) -> np.ndarray:
    """Return how much each pixel, float32 [h, w], shows of the inner side of the lower lip of an open mouth."""
    s, across = lips.coordinates(*pixel_grid(box))
    depth = np.maximum(lips.lines(s)[1] - across, 0) / max(lips.width, 1e-6)
    ends = ramp(np.minimum(s, 1 - s), *RIM_ENDS)
    return np.float32(np.exp(-depth / RIM) * np.clip(lips.gap / RIM_GAP, 0, 1) * ends)


def lip_edges(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return where the lips of a mouth that shows teeth begin, [2, K], in shares of their thickness.

    That is from the landmarks of the inner lip line, those of INNER_LIPS without the corners of the mouth, which often
    lie on teeth, or in the shadow between teeth and lip.
    """
    opening, lips = Opening.of(points, INNER_LIPS), np.log(lip_colour(photo, points) + 8)
    inside = opening.pixels(photo, 0.9)
    rows = np.zeros((2, len(INNER_LIPS[0]) - 2))
    if not len(inside):
        return rows
    bright, dark = (np.log(np.percentile(inside, q, axis=0) + 8) for q in (75, 10))
    shares = np.linspace(0, DEEPEST, 13)[:, None, None]
    for row, inner, outer in zip(rows, INNER_LIPS, OUTER_LIPS, strict=True):
        a, b = points[inner[1:-1], :2], points[outer[1:-1], :2]
        x, y = np.moveaxis(a + shares * (b - a), -1, 0)
        colours = np.log(sample(photo, x, y).clip(0, 255) + 8)
        likeness = np.minimum(nearness(colours, lips, bright), nearness(colours, lips, dark))
        first = np.argmax(likeness > LIP_LIKE, axis=0)
        found = np.where((likeness > LIP_LIKE).any(axis=0), shares[first, 0, 0] + BEYOND * (first > 0), DEEPEST)
        row[:] = gaussian_filter1d(found, SMOOTHED, mode="nearest")
    return rows


def nearness(colours: np.ndarray, near: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Return how far colours [..., 3] have come from `far` (0) to `near` (1), both [3], on the line between them."""
    way = near - far
    return np.asarray((colours - far) @ way / max(float(way @ way), 1e-6))


def inset_lips(before: np.ndarray, after: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the landmarks [468, 3] from which lips are drawn when the mouth opens or closes.

    The inner lip line moves outwards to where the lips begin, see `lip_edges`, by INSET at least, as the edges of lips
    show the teeth or shadow between them. The rest of a lip is stretched as much as it has to be.
    """
    old, new = Opening.of(before, INNER_LIPS), Opening.of(after, INNER_LIPS)
    inset = changed(old, new) * np.maximum(edges, INSET if new.gap > old.gap else INSET_CLOSING)
    points = before.copy()
    for inner, outer, rows, by in zip(INNER_LIPS, OUTER_LIPS, LIP_ROWS, inset, strict=True):
        lip = before[outer[1:-1]] - before[inner[1:-1]]
        length = np.maximum((lip**2).sum(axis=1), 1e-9)
        for row in (inner, *rows):
            along = ((before[row[1:-1]] - before[inner[1:-1]]) * lip).sum(axis=1) / length
            points[row[1:-1]] += (by * (1 - along.clip(0, 1)))[:, None] * lip
    return points


def lip_colour(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the colour [3] of the lips in a photo uint8 [H, W, 3] with landmarks [468 or more, 3]."""
    pairs = [
        (points[inner[2:-2], :2], points[outer[2:-2], :2]) for inner, outer in zip(INNER_LIPS, OUTER_LIPS, strict=True)
    ]
    middle = np.concatenate([(a + b) / 2 for a, b in pairs])
    return np.median(sample(photo, middle[:, :1], middle[:, 1:])[:, 0], axis=0)


def parting(before: np.ndarray, after: np.ndarray) -> float:
    """Return how far the lips of an edit close: 1 if they cross or leave a slit, below 0 if they are further apart."""
    old, new = Opening.of(before, INNER_LIPS), Opening.of(after, INNER_LIPS)
    if new.gap <= 0:
        return float(new.gap < 0)
    apart = float(smoothstep(ramp(new.gap, *PARTING)))
    if old.gap > SHOWN:
        return 1 - apart * max(new.gap, min(PARTED, old.gap)) / new.gap if new.gap < old.gap else 0.0
    parted = float(np.clip((new.gap - old.gap) / PARTING[0], 0, 1))
    return parted * (1 - apart * max(new.gap, PARTED) / new.gap)


def shut(points: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
    """Close the lips of landmarks [468, 3] along the whole line, each lip moving half the distance.

    Lips keep their shape; points above and below follow less with distance. Lips that have crossed are moved apart:
    `before` are the landmarks before the edit, which tell the points of the upper lip from those of the lower. Lips
    that are closed there come no closer than they are, so that the line between them stays as it is in the photo.
    """
    mouth, lips = Opening.of(points, INNER_LIPS), Opening.of(points, OUTER_LIPS)
    s, across = mouth.coordinates(points[:, 0], points[:, 1])
    upper, lower = mouth.lines(s)
    thick_above, thick_below = (
        np.median(np.abs(a - b)) for a, b in zip(lips.lines(MIDDLE), mouth.lines(MIDDLE), strict=True)
    )
    inside = (s > 0) & (s < 1)
    above = is_above(points if before is None else before)
    distance = np.where(above, (upper - across) / max(thick_above, 1e-6), (across - lower) / max(thick_below, 1e-6))
    follow = smoothstep(1 - np.clip((distance - 1) / REACH, 0, 1))
    own, kept = mouth if before is None else Opening.of(before, INNER_LIPS), np.zeros(len(s))
    if own.gap < CLOSED:
        own_upper, own_lower = own.lines(s)
        kept = (own_lower - own_upper) * mouth.width / max(own.width, 1e-6)
    by = np.where(above, 1.0, -1.0) * (lower - upper - kept) / 2 * follow * inside
    _, normal = mouth.axes()
    moved = points.copy()
    moved[:, :2] += by[:, None] * normal
    return moved


def relaxed(points: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Relax the closed lips of landmarks [468, 3] that an edit has moved from `before` towards the neutral face.

    Neutral faces of references still smile a little: their lips form an arc, where those of people at rest have lower
    corners, a line that rises towards the middle, and a thicker upper lip.
    """
    mouth, lips = Opening.of(points, INNER_LIPS), Opening.of(points, OUTER_LIPS)
    above, width = is_above(before), max(lips.width, 1e-6)
    s, across = lips.coordinates(points[:, 0], points[:, 1])
    top, bottom = lips.lines(s)
    beyond = np.where(above, top - across, across - bottom) / width
    along, from_axis = mouth.coordinates(points[:, 0], points[:, 1])
    from_line = np.where(above, -1, 1) * (from_axis - sum(mouth.lines(along)) / 2) / width
    on_lip = np.clip(from_line / np.maximum(from_line - beyond, 1e-3), 0, 1)  # 0 at the line, 1 at the edge of the lip
    rise = np.where(above, LINE_RISES + LIP_THICKENS * on_lip, LINE_RISES * (1 - on_lip))
    ends = np.clip(2 * np.abs(s - 0.5), 0, 1) ** 2
    beside = np.abs(s - 0.5) - 0.5
    near, level = (smoothstep(1 - np.clip(far / AROUND, 0, 1)) for far in (beyond, beside))
    corners = [OUTER_LIPS[0][0], OUTER_LIPS[0][-1]]
    moved = np.linalg.norm((points - before)[corners, :2], axis=1).mean() / width
    by = min(moved / MOVED, 1) * width * near * level * (CORNERS_SINK * ends - rise * (1 - ends))
    _, normal = lips.axes()
    result = points.copy()
    result[:, :2] += by[:, None] * normal
    return result


def is_above(points: np.ndarray) -> np.ndarray:
    """Return which landmarks [468, 3] lie above the middle of the mouth, or belong to the line of the upper lip."""
    mouth = Opening.of(points, INNER_LIPS)
    s, across = mouth.coordinates(points[:, 0], points[:, 1])
    above = across < sum(mouth.lines(s)) / 2
    for line, is_upper in zip(INNER_LIPS, (True, False), strict=True):
        above[line[1:-1]] = is_upper
    return above
