"""A drawn mouth on a plain photo: the lips of a real face, closed, opened and painted as a test asks."""

from __future__ import annotations

import functools

import numpy as np
from skimage import data

from rbvae.faces.landmarks import FaceLandmarker
from rbvae.faces.lips import shut
from rbvae.faces.mesh import INNER_LIPS, LIP_ROWS, OUTER_LIPS, POINTS
from rbvae.faces.mouth import Filling, draw_mouth
from rbvae.faces.openings import Opening
from rbvae.faces.own_mouth import base_of_nose
from rbvae.faces.rendering import Change, draw
from rbvae.faces.teeth import UpperTeeth, choose, rest_edge, unit_of
from rbvae.faces.texture import canonical_frame
from rbvae.faces.view import FaceView

ENLARGED = 3  # times the photo's size, so that a tooth is some pixels wide
SIDE = 512
WHOLE = (0, 0, SIDE, SIDE)
LIP, TOOTH, DARK, GREEN = (150, 70, 70), (220, 205, 190), (40, 20, 20), (40, 220, 60)  # colours
BETWEEN = 123  # green of a pixel that is as much tooth in shadow as lip
FRAME = canonical_frame(96)
NO_TEXTURE = np.zeros((len(FRAME.flat), 3), np.float32)


@functools.cache
def smiling() -> np.ndarray:
    """Landmarks [478, 3] of the astronaut, who smiles, in her photo of 512 pixels."""
    with FaceLandmarker() as landmarker:
        return landmarker.detect(data.astronaut())[0].points.astype(np.float64)


@functools.cache
def at_rest() -> np.ndarray:
    """The same face enlarged, with closed lips in the middle of SIDE pixels [478, 3]."""
    points = np.concatenate([shut(smiling()[:POINTS]), smiling()[POINTS:]]) * ENLARGED
    points[:, :2] += SIDE / 2 - points[INNER_LIPS[0], :2].mean(axis=0)
    return points


def opened(gap: float, wider: float = 1.0) -> np.ndarray:
    """The face at rest with its lips apart by `gap` widths in the middle, and `wider` times as wide."""
    points = at_rest().copy()
    lips = Opening.of(points, INNER_LIPS)
    middle, (_, down) = (lips.upper[0] + lips.upper[-1]) / 2, lips.axes()
    every = np.unique([*INNER_LIPS, *OUTER_LIPS, *LIP_ROWS[0], *LIP_ROWS[1]])
    points[every, :2] = middle + (points[every, :2] - middle) * [wider, 1]
    across = np.linspace(-1, 1, len(INNER_LIPS[0]))
    opening = gap * wider * lips.width * np.sqrt(1 - across**2)[:, None] * down
    for upper, lower in (INNER_LIPS, OUTER_LIPS, *zip(*LIP_ROWS, strict=True)):
        points[upper, :2] -= opening / 4
        points[lower, :2] += opening * 3 / 4
    return points


def row_of_teeth(blur: float = 0.0) -> UpperTeeth:
    """Teeth of the colour TOOTH in the skull of the face at rest."""
    rest = at_rest()
    edge, width = rest_edge(rest) - base_of_nose(rest), Opening.of(rest, INNER_LIPS).width
    return UpperTeeth(choose(0.0, np.full(3, 150.0)), edge, unit_of(rest), 0.0, width, np.array(TOOTH, float), blur)


def plain(colour: tuple[int, int, int] = LIP) -> np.ndarray:
    """A photo uint8 [SIDE, SIDE, 3] of one colour."""
    return np.full((SIDE, SIDE, 3), colour, np.uint8)


def sharp(photo: np.ndarray, points: np.ndarray) -> FaceView:
    """A face in a photo that counts as sharp; the blur of one without any edges cannot be measured."""
    view = FaceView(photo, points)
    vars(view)["blur"] = 0.0
    return view


def opened_mouth(gap: float, wider: float = 1.0, filling: Filling | None = None) -> tuple[np.ndarray, np.ndarray]:
    """A mouth that opens in a plain photo: the picture, and the pixels [N, 3] between its lips."""
    photo, after = plain(), opened(gap, wider)
    out = photo.copy()
    draw_mouth(out, WHOLE, sharp(photo, at_rest()), after, row_of_teeth() if filling is None else filling)
    return out, out[between(after)]


def coloured(gap: float, *parts: tuple[float, tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """A photo of an open mouth, in which each colour begins at a height from its upper lip (0) to the lower one (1).

    Also returns its landmarks.
    """
    photo, points = plain(), opened(gap)
    x, y = np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5)
    at = Opening.of(points, INNER_LIPS).at(x, y)
    v = (at.across - at.upper) / np.maximum(at.lower - at.upper, 1e-3)
    for start, colour in parts:
        photo[(v > start) & (v < 1) & (at.s > 0) & (at.s < 1)] = colour
    return photo, points


def between(points: np.ndarray, lines: tuple[list[int], list[int]] = INNER_LIPS, side: int = SIDE) -> np.ndarray:
    """The pixels bool [side, side] that lie wholly between two lines of landmarks."""
    return Opening.of(points, lines).mask((0, 0, side, side), 0) > 0.99


def toothy(pixels: np.ndarray) -> np.ndarray:
    """Which pixels [N, 3] have the colour of a tooth rather than that of lips or the mouth's cavity."""
    return pixels[..., 1] > BETWEEN


def painted(photo: np.ndarray, points: np.ndarray, inside: tuple[int, int, int]) -> np.ndarray:
    """The photo with lips of the colour LIP and a mouth of the colour `inside`."""
    out, (height, width) = photo.astype(np.float32), photo.shape[:2]
    for lines, colour in ((OUTER_LIPS, LIP), (INNER_LIPS, inside)):
        mask = Opening.of(points, lines).mask((0, 0, width, height), 0.6)[..., None]
        out += mask * (np.float32(colour) - out)
    return np.rint(out).astype(np.uint8)


def edited(view: FaceView, after: np.ndarray, filling: Filling | None = None) -> np.ndarray:
    """The photo after an edit that moves the landmarks to `after` [468 or more, 3]."""
    change = Change(after[:POINTS] - view.points[:POINTS], NO_TEXTURE, filling)
    (left, top, right, bottom), pixels = draw(view, change, FRAME)
    photo = view.photo.copy()
    photo[top:bottom, left:right] = pixels
    return photo
