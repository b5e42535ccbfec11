"""Upper teeth belong to the skull: lips move over them, and their colour follows the light more than the skin."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage import data

from rbvae.faces.cavity import DARK
from rbvae.faces.mesh import INNER_LIPS
from rbvae.faces.openings import Opening
from rbvae.faces.own_mouth import NOSE, base_of_nose
from rbvae.faces.teeth import (
    CORRIDOR,
    SHOWN_AT_REST,
    UpperTeeth,
    bank,
    choose,
    followed,
    rest_edge,
    unit_of,
)
from rbvae.faces.view import FaceView
from tests.mouths import (
    LIP,
    SIDE,
    TOOTH,
    WHOLE,
    at_rest,
    edited,
    opened,
    opened_mouth,
    plain,
    row_of_teeth,
    smiling,
    toothy,
)

SKIN = np.array([200.0, 160, 140])


def share_of_teeth(gap: float, wider: float = 1.0) -> float:
    return float(toothy(opened_mouth(gap, wider)[1]).mean())


def test_lips_that_open_by_degrees_show_teeth_by_degrees():
    counts = np.array([toothy(opened_mouth(gap)[1]).sum() for gap in np.linspace(0, 0.2, 41)])
    assert counts[0] == 0 and counts[-1] > 600
    assert np.diff(counts).min() >= -0.02 * counts[-1] and np.diff(counts).max() < 0.3 * counts[-1]


def test_a_wide_round_mouth_shows_a_smaller_share_of_teeth_than_a_smile():
    smile, round_mouth = share_of_teeth(0.18, 1.2), share_of_teeth(0.7, 0.75)
    assert smile > 0.4 and round_mouth < 0.75 * smile


def test_a_jaw_that_drops_moves_the_lip_and_not_the_teeth():
    """The lower edge of the front teeth stays where it is in the skull, whatever the lower lip does."""
    x = int(at_rest()[13, 0])
    edges = []
    for gap in (0.3, 0.5):
        middle = toothy(opened_mouth(gap)[0][:, x - 8 : x + 9]).mean(axis=1) > 0.5
        rows = np.flatnonzero(middle)
        edges.append(rows[np.flatnonzero(np.diff(rows, append=SIDE) > 1)[0]])  # above the lower teeth
    assert abs(edges[1] - edges[0]) <= 1


def test_below_the_teeth_of_a_dropped_jaw_is_the_dark_cavity():
    _, inside = opened_mouth(0.22)
    assert (inside.max(axis=1) < 1.8 * DARK.max()).mean() > 0.06


def test_teeth_fit_themselves_to_a_smile_but_not_to_a_dropped_jaw():
    teeth = row_of_teeth()
    at = {name: teeth.smile(Opening.of(opened(*pose), INNER_LIPS)) for name, pose in {
        "rest": (0.01, 1.0), "smile": (0.15, 1.15), "broad": (0.15, 1.3), "jaw": (0.6, 1.15)}.items()}  # fmt: skip
    assert at["rest"] == at["jaw"] == 0 and 0.5 < at["smile"] <= at["broad"] < 1


@pytest.mark.parametrize("number", [12, 13])
def test_a_broad_smile_is_hardly_dark_beside_the_teeth(number):
    """Rows of the bank end long before the corners of their mouths."""
    teeth, lips = replace(row_of_teeth(), row=bank()[number]), Opening.of(opened(0.2, 1.25), INNER_LIPS)
    picture, _ = opened_mouth(0.2, 1.25, teeth)
    across = np.flatnonzero((toothy(picture) & (lips.mask(WHOLE, 0) > 0.99)).any(axis=0))
    middle = float(lips.coordinates(*(teeth.edge + base_of_nose(at_rest())))[0])
    left, right = (float(lips.coordinates(np.float64(x), lips.upper[0, 1])[0]) for x in across[[0, -1]])
    assert left / middle < 0.2 and (1 - right) / (1 - middle) < 0.2


@pytest.mark.parametrize("row", bank(), ids=lambda row: f"{row.yaw:g}")
def test_teeth_that_fit_a_smile_end_at_the_same_share_of_both_halves(row):
    middle, width = 0.45, 100.0
    along = row.sides(np.array([0.1, 0.9]), middle, width, along=0.0, fitted=1.0)
    left, right = np.abs(np.array(row.ends) - row.edge[0]) / along / width
    assert left / middle == pytest.approx(1 - CORRIDOR) and right / (1 - middle) == pytest.approx(1 - CORRIDOR)


def test_a_row_ends_where_its_teeth_are_in_the_dark():
    row = bank()[0]
    (left, right), picture = row.ends, row.picture.copy()
    picture[:, : round(left) + 10, :3] = 20
    assert replace(row, picture=picture).ends == (pytest.approx(left + 10, abs=1), right)
    small = row.scaled(0.3)
    np.testing.assert_allclose(small.ends, np.array(row.ends) * small.unit / row.unit)


def test_teeth_have_the_colour_asked_for():
    for colour in ((220.0, 205, 190), (110.0, 102, 95)):
        teeth = row_of_teeth()
        teeth = UpperTeeth(teeth.row, teeth.edge, teeth.unit, teeth.yaw, teeth.width, np.array(colour))
        inside = opened_mouth(0.15, 1.1, teeth)[1].astype(float)
        bright = inside[inside[:, 1] >= np.percentile(inside[:, 1], 80)]
        np.testing.assert_allclose(np.median(bright, axis=0), colour, rtol=0.1)


def test_teeth_are_as_blurred_as_the_photo():
    def contrast(blur: float) -> float:
        out, _ = opened_mouth(0.15, 1.1, row_of_teeth(blur))
        return float(np.abs(np.diff(out[..., 1].astype(int), axis=1)).max())

    assert contrast(4.0) < 0.65 * contrast(2.0) < 0.65 * contrast(0.0)


def test_the_teeth_at_rest_end_a_little_below_the_line_of_the_lips():
    rest, lips = at_rest(), Opening.of(at_rest(), INNER_LIPS)
    line = (lips.upper[5] + lips.lower[5]) / 2
    assert np.linalg.norm(rest_edge(rest) - line) == pytest.approx(SHOWN_AT_REST * unit_of(rest))
    assert rest_edge(rest)[1] > line[1] > rest[NOSE, 1].max()
    np.testing.assert_allclose(rest_edge(2 * rest), 2 * rest_edge(rest))


def test_the_bank_holds_rows_of_teeth_and_their_mirror_images():
    rows = bank()
    assert len(rows) >= 20 and len(rows) % 2 == 0
    for own, other in zip(rows[::2], rows[1::2], strict=True):
        height, width = own.picture.shape[:2]
        np.testing.assert_array_equal(other.picture, own.picture[:, ::-1])
        assert other.yaw == -own.yaw and 0 < own.edge[0] < width and 0 < own.edge[1] <= height
        np.testing.assert_allclose([own.edge[0] + other.edge[0], other.edge[1]], [width, own.edge[1]])
        assert (np.diff(other.upper[:, 0]) > 0).all() and own.upper[:, 1].max() < own.edge[1]
        assert own.visible.sum() > 200 and own.colour.min() > 120
        np.testing.assert_allclose(other.mirrored().upper, own.upper)


def test_a_smaller_row_has_the_same_teeth():
    row = bank()[0]
    half = row.scaled(0.5)
    assert half.picture.shape[:2] == (row.picture.shape[0] // 2, row.picture.shape[1] // 2)
    np.testing.assert_allclose(half.edge, row.edge / 2)
    assert half.unit == row.unit / 2
    np.testing.assert_allclose(half.colour, row.colour, rtol=0.06)


def test_a_head_turned_the_other_way_has_the_mirrored_row():
    turned = choose(15.0, SKIN)
    other = choose(-15.0, SKIN)
    assert turned.yaw == -other.yaw
    np.testing.assert_array_equal(other.picture, turned.picture[:, ::-1])
    assert choose(15.0, SKIN) is turned  # and always the same one


def test_a_black_and_white_photo_stays_so_when_it_smiles_with_teeth():
    grey = np.repeat(plain().mean(axis=2, keepdims=True).round().astype(np.uint8), 3, axis=2)
    view = FaceView(grey, np.concatenate([at_rest(), np.zeros((10, 3))]))
    out = edited(view, opened(0.15, 1.15), row_of_teeth())
    assert np.ptp(out, axis=2).max() == 0
    assert (out[..., 1] > np.mean(LIP) + 50).sum() > 200 and TOOTH[0] != TOOTH[2]  # teeth, which have a colour


def filled(times: float) -> np.ndarray:
    """The inside of a smile in a photo that is enlarged so many times, in pixels of the photo before."""
    teeth, points = row_of_teeth(), opened(0.18, 1.2) * times
    enlarged = replace(teeth, edge=teeth.edge * times, unit=teeth.unit * times, width=teeth.width * times)
    target = Opening.of(points, INNER_LIPS)
    box = tuple(int(edge * times) for edge in Opening.of(opened(0.18, 1.2), INNER_LIPS).box(2, SIDE, SIDE))
    drawn = enlarged.fill(target, points[NOSE, :2].mean(axis=0), box)
    size = round(drawn.shape[1] / times), round(drawn.shape[0] / times)
    return cv2.resize(drawn, size, interpolation=cv2.INTER_AREA)


def test_teeth_in_a_photo_of_many_megapixels_are_those_of_a_small_one():
    small = filled(1.0)
    for times in (2, 4):
        assert np.abs(filled(times) - small).mean() < 4  # grey levels; 8 and 23 when enlarged grain was sharpened


def test_the_haze_of_a_face_is_the_light_over_its_darkest_parts():
    photo, points = data.astronaut(), smiling()
    veiled = np.rint(110 + photo * (1 - 110 / 255)).astype(np.uint8)
    assert FaceView(photo, points).haze == 0 and 25 < FaceView(veiled, points).haze < 60


def test_teeth_follow_all_of_a_strong_blur():
    assert followed(1.0) == pytest.approx(0.75) and followed(3.0) == pytest.approx(3.0)
