"""The line between upper and lower teeth is found where a mouth shows both, and lower teeth move with the lower lip."""

import numpy as np
import pytest

from rbvae.faces.bite import ALONG, find_bite
from rbvae.faces.mesh import INNER_LIPS
from rbvae.faces.openings import Opening
from rbvae.faces.view import SLIVER
from tests.mouths import LIP, coloured, edited, opened, sharp

TOOTH, DIM, LINE, TONGUE, BLACK = (220, 205, 190), (200, 180, 165), (120, 105, 100), (150, 70, 70), (30, 20, 18)


def found(photo: np.ndarray, points: np.ndarray) -> np.ndarray | None:
    bite = find_bite(photo, Opening.of(points, INNER_LIPS), np.array(LIP, float))
    return None if bite is None else bite.at(ALONG[10:31])


CLOSED = ((0.0, TOOTH), (0.58, LINE), (0.63, DIM))
OPEN = ((0.0, TOOTH), (0.4, TONGUE), (0.7, DIM))


@pytest.mark.parametrize("parts, low, high", [(CLOSED, 0.55, 0.66), (OPEN, 0.4, 0.7)])
def test_it_lies_between_the_two_rows(parts, low, high):
    line = found(*coloured(0.25, *parts))
    assert line is not None and low < line.min() and line.max() < high


@pytest.mark.parametrize(
    "parts",
    [((0.0, TOOTH),), ((0.0, TOOTH), (0.6, BLACK)), ((0.0, TOOTH), (0.6, BLACK), (0.75, LIP)), ((0.0, BLACK),)],
    ids=["upper teeth alone", "darkness below", "darkness and lip below", "no teeth"],
)
def test_there_is_none_in_a_mouth_without_lower_teeth(parts):
    assert found(*coloured(0.25, *parts)) is None


@pytest.mark.parametrize("parts", [CLOSED, OPEN])
def test_lower_teeth_move_with_the_lower_lip_where_the_mouth_opens(parts):
    photo, points = coloured(0.2, *parts)
    view, after = sharp(photo, points), opened(0.5)
    out = edited(view, after)
    lips = Opening.of(after, INNER_LIPS)
    x = int(lips.upper[:, 0].mean())
    top, bottom = (int(line[len(line) // 2, 1]) for line in (lips.upper, lips.lower))
    column = out[top:bottom, x - 3 : x + 4].astype(float).mean(axis=1)
    tooth = (column[:, 1] > 150) & (column[:, 0] < 1.3 * column[:, 1])
    rows = np.flatnonzero(np.diff(tooth.astype(int), prepend=0, append=0))
    assert len(rows) == 4  # two rows of teeth, and darkness or a tongue between them
    height = bottom - top
    assert rows[0] < 0.1 * height and rows[3] > 0.85 * height and rows[2] - rows[1] > 0.4 * height


@pytest.mark.parametrize("gap, wider, parts", [(0.35, 1.0, True), (0.25, 1.15, False), (0.5, 1.15, True)])
def test_rows_part_where_the_jaw_drops_and_not_in_a_broader_smile(gap, wider, parts):
    photo, points = coloured(0.22, *CLOSED)
    after = opened(gap, wider)
    out = edited(sharp(photo, points), after)
    lips = Opening.of(after, INNER_LIPS)
    x, top, bottom = int(lips.upper[:, 0].mean()), *(int(line[5, 1]) for line in (lips.upper, lips.lower))
    between = out[top:bottom, x - 3 : x + 4, 1].mean(axis=1) < 110  # darkness or the tongue
    assert (between.sum() > 0.08 * (bottom - top)) == parts


def test_the_tongue_lies_above_the_lower_teeth():
    photo, points = coloured(0.22, *CLOSED)
    after = opened(0.5)
    out = edited(sharp(photo, points), after).astype(float)
    lips = Opening.of(after, INNER_LIPS)
    x, top, bottom = int(lips.upper[:, 0].mean()), *(int(line[5, 1]) for line in (lips.upper, lips.lower))
    column = out[top:bottom, x - 3 : x + 4].mean(axis=1)
    between = column[: np.flatnonzero(column[:, 1] > 150)[-1]]
    between = between[between[:, 1] < 110]
    above, middle = (between[at - 1 : at + 2].mean(axis=0) for at in (2, len(between) // 2))
    assert len(between) > 0.3 * (bottom - top)
    assert middle[0] > 1.4 * middle[1:].mean() and middle.mean() > 1.18 * above.mean()


def test_a_mouth_that_stays_as_it_is_keeps_its_teeth():
    photo, points = coloured(0.25, *CLOSED)
    assert np.array_equal(edited(sharp(photo, points), points), photo)
    narrower = edited(sharp(photo, points), opened(0.25, 0.97))
    assert np.abs(narrower.astype(int) - photo)[..., 1].mean() < 2


def test_what_is_behind_has_no_lower_teeth_then():
    photo, points = coloured(0.25, *CLOSED)
    upper, _ = coloured(0.25, (0.0, TOOTH))
    assert sharp(photo, points).toothless and not sharp(upper, points).toothless


def test_a_sliver_of_lower_teeth_gives_way_to_those_of_the_cavity():
    """Drawn along the lip of a mouth that opens wide, it would be a serrated edge."""
    photo, points = coloured(0.25, *CLOSED)
    view = sharp(photo, points)
    lips = Opening.of(points, INNER_LIPS)
    height = (1 - view.bite.middle) * lips.gap * lips.width
    blurred = sharp(photo, points)
    vars(blurred)["blur"] = 1.1 * height / SLIVER
    assert view.shows_lower_teeth and blurred.bite is not None
    assert not blurred.shows_lower_teeth and not blurred.toothless
