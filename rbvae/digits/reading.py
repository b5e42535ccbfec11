"""Reading a picture of one handwritten digit: light strokes in the middle of a black square, as the model knows them.

A picture that is like that already is not changed. Dark ink on paper is turned over, in its own colour; shadows,
frames and margins are taken away, and the digit is put in the middle. A picture without a digit is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rbvae.digits.ink import FAINT, Paper, Part, digit_parts, frame_inside, papers, parts, softness
from rbvae.errors import ImageError

SEEN = 160  # pixels of the longer side at which a picture is looked at
SHARE = 0.7  # of the square's side, for a digit that is put in its middle: MNIST's 20 of 28 pixels
LEAST, MOST = 0.3, 0.97  # shares of the side that a digit may take up without being put in the middle anew
OFF = 0.14  # of the side, that the middle of a digit may be away from that of the square
TINY = 0.06  # of the longer side; a smaller part is a speck
CROWD = 5  # parts as large as a fifth of the digit: more are no digit
FULL = 0.95  # share of the digit's box that ink may fill, if the box is not narrow
COVER = 0.5  # share of the picture that ink may cover
SOFT = 2.2  # pixels that the edge of a stroke may take to fade: digits have up to 1.8, faces 3 and more
ENLARGED, PLAIN = 8.0, 4  # on even paper edges may be this soft, if there are few outlines: a small file enlarged
VIVID = 0.25  # saturation above which ink has a colour of its own
NO_DIGIT = "no digit can be seen in this picture; draw one, or use a picture of a single digit on plain paper"


@dataclass(frozen=True)
class Reading:
    """A picture as the model knows digits: `pixels` uint8 [S, S, 3], and notes on how the picture was repaired."""

    pixels: np.ndarray
    notes: tuple[str, ...] = ()


def read_digit(pixels: np.ndarray, size: int) -> Reading:
    """Read a picture uint8 [H, W, 3] of one digit as a square of `size` pixels.

    Raises ImageError for a blank picture, and for one that shows something else.
    """
    inside, framed = _without_frames(pixels)
    paper, digit = _seen(inside)
    square_already = not framed and pixels.shape[0] == pixels.shape[1]
    if square_already and paper.black and _in_place(digit, paper.ink.shape):
        return Reading(resized(pixels, size))
    notes = []
    if framed:
        notes.append("the frame around the digit was left out")
    if not paper.even:
        notes.append("the paper's light and shadow were left out")
    if paper.light:
        notes.append("the digit was dark on light paper, so it was turned into a light one on black")
    strokes = _strokes(inside, paper, digit)
    if not (square_already and paper.even and _in_place(digit, paper.ink.shape)):
        strokes = _centred(strokes, digit.box, paper.ink.shape)
        notes.append("the digit was put in the middle")
    return Reading(resized(strokes, size), tuple(notes))


def over_contrast(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Put a picture uint8 [H, W, 3], drawn over white, over black if its own strokes are light.

    `alpha` uint8 [H, W] is its transparency; 255 is opaque.
    """
    share = cv2.resize(alpha, pixels.shape[1::-1], interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
    painted = pixels - 255 * (1 - share)  # colour times alpha: the picture over black
    if share.mean() > 0.999 or share.sum() == 0 or painted.sum() / (3 * share.sum()) < 110:
        return pixels
    return np.rint(painted.clip(0, 255)).astype(np.uint8)


def resized(pixels: np.ndarray, size: int) -> np.ndarray:
    """Return a square picture at another size, by area averaging."""
    if pixels.shape[:2] == (size, size):
        return pixels
    shrinks = pixels.shape[0] > size
    return cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _small(pixels: np.ndarray) -> np.ndarray:
    scale = SEEN / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    extent = tuple(max(3, round(scale * length)) for length in pixels.shape[1::-1])
    return cv2.resize(pixels, extent, interpolation=cv2.INTER_AREA)


def _without_frames(pixels: np.ndarray) -> tuple[np.ndarray, bool]:
    """Crop a picture to what is inside of up to three frames; also returns whether there was one."""
    framed = False
    for _ in range(3):
        small = _small(pixels)
        if min(small.shape[:2]) < 12:
            break
        box = next(
            filter(None, (frame_inside(paper.anything) for paper in papers(small) if paper.strongest > FAINT)), None
        )
        if box is None:
            break
        scale = pixels.shape[1] / small.shape[1]
        left, top, right, bottom = (round(scale * edge) for edge in box)
        pixels, framed = pixels[top:bottom, left:right], True
    return pixels, framed


def _seen(pixels: np.ndarray) -> tuple[Paper, Part]:
    """Return the paper and the digit in a picture; raises ImageError if there is none."""
    best, best_score = None, 0.0
    small = _small(pixels)
    for paper in papers(small) if min(small.shape[:2]) >= 8 else []:
        digit = _digit(paper)
        if digit is None:
            continue
        soft, outlines = softness(paper, digit.box)
        enlarged = paper.black or (paper.even and soft < ENLARGED and outlines <= PLAIN)
        score = _likelihood(small, paper, digit) / max(soft, 1.0) ** 2
        if (soft < SOFT or enlarged) and score > best_score:
            best, best_score = (paper, digit), score
    if best is None:
        raise ImageError(NO_DIGIT)
    return best


def _likelihood(pixels: np.ndarray, paper: Paper, digit: Part) -> float:
    """Return how likely this is the digit, and not what lies between its strokes: large, strong, on more paper."""
    lightness = pixels.mean(axis=2)
    middle = float(np.mean(np.percentile(lightness, (2, 98))))
    fits = (float(np.median(lightness)) > middle) == paper.light
    return digit.size * paper.strongest * (1.5 if fits else 1.0)


def _digit(paper: Paper) -> Part | None:
    """Return the digit as one part, or None if the ink is no digit."""
    if paper.strongest < FAINT:
        return None
    _, found = parts(paper.mask)
    shape = paper.ink.shape
    inner = [part for part in found if part.size >= TINY * max(shape)]
    if not paper.even:  # what reaches the border is a shadow's edge, or a table's
        outer = sum(part.area for part in inner if part.touches(shape))
        inner = [part for part in inner if not part.touches(shape)]
        if not inner or outer > 4 * sum(part.area for part in inner):
            return None
    if not inner:
        return None
    chosen = digit_parts(inner)
    area = sum(part.area for part in chosen)
    if sum(part.area > 0.2 * max(one.area for one in chosen) for part in inner) > CROWD:
        return None
    box = (
        *(min(part.box[side] for part in chosen) for side in (0, 1)),
        *(max(part.box[side] for part in chosen) for side in (2, 3)),
    )
    whole = Part(box, area, 0)  # type: ignore[arg-type]
    if area > COVER * shape[0] * shape[1]:
        return None
    narrow = min(box[2] - box[0], box[3] - box[1]) < 0.5 * whole.size
    full = area > FULL * (box[2] - box[0]) * (box[3] - box[1])
    return None if full and not narrow else whole


def _in_place(digit: Part, shape: tuple[int, ...]) -> bool:
    left, top, right, bottom = digit.box
    side = max(shape)
    away = max(abs(left + right - shape[1]), abs(top + bottom - shape[0])) / 2 / side
    return away <= OFF and LEAST <= digit.size / side <= MOST


def _strokes(pixels: np.ndarray, paper: Paper, digit: Part) -> np.ndarray:
    """Return the ink of a picture, in its own colour on black, uint8 [H, W, 3] at the size of `paper.ink`."""
    small = _small(pixels).astype(np.float32)
    ink = paper.ink
    if paper.even:
        ground = 0.0
    else:  # grain of the paper
        ground = 0.5 * FAINT
    strongest = max(paper.strongest, 1e-6)
    cover = ((ink - ground) / (strongest - ground)).clip(0, 1)
    if not paper.even:
        labels, _ = parts(cv2.dilate(paper.mask, np.ones((3, 3), np.uint8)))
        left, top, right, bottom = digit.box
        keep = np.zeros_like(ink)
        keep[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2] = 1
        cover = cover * keep * (labels > 0)
    strong = small[ink > 0.8 * strongest]
    return np.rint(255 * cover[..., None] * _light(strong.mean(axis=0) if len(strong) else np.zeros(3))).astype(
        np.uint8
    )


def _light(colour: np.ndarray) -> np.ndarray:
    """Return the colour of ink as light on black, float [3] in [0, 1]: white for black ink, else its own hue."""
    highest = float(colour.max())
    if highest < 60 or (highest - colour.min()) / highest < VIVID:
        return np.ones(3, np.float32)
    return (colour / highest).astype(np.float32)


def _centred(strokes: np.ndarray, box: tuple[int, int, int, int], shape: tuple[int, ...]) -> np.ndarray:
    """Put what is in a box of the strokes in the middle of a black square."""
    left, top, right, bottom = box
    side = max(right - left, bottom - top) / SHARE
    scale = 2 * SEEN / side
    x, y = (left + right) / 2, (top + bottom) / 2
    matrix = np.array([[scale, 0, SEEN - scale * x], [0, scale, SEEN - scale * y]], np.float32)
    return cv2.warpAffine(strokes, matrix, (2 * SEEN, 2 * SEEN), flags=cv2.INTER_LINEAR)
