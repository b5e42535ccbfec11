"""Lids that close: lashes are taken off the skin, folds stay, and lashes are drawn downwards along the line."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from rbvae.faces.eyeball import Eyeball
from rbvae.faces.eyes import EDGE, lowered_highlight
from rbvae.faces.iris import Iris
from rbvae.faces.lashes import FRINGES, Lid
from rbvae.faces.lid_skin import EyeSide, bare_skin
from rbvae.faces.openings import Opening

SKIN = (190, 150, 130)
WIDTH, HEIGHT = 100.0, 30.0


def an_eye(height: float = HEIGHT) -> Opening:
    """An eye from (60, 100) to (160, 100), both lids equally far from its axis."""
    t = np.linspace(0, np.pi, 9)
    x = 110 - WIDTH / 2 * np.cos(t)
    upper, lower = (np.stack([x, 100 + sign * height / 2 * np.sin(t)], axis=1) for sign in (-1, 1))
    return Opening(upper, lower)


def a_side() -> EyeSide:
    """That eye, as the left one of a picture, below a brow."""
    return EyeSide(an_eye(), 0, np.stack([np.linspace(50, 170, 5), np.full(5, 55.0)], axis=1))


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """An eye with a fold above it and with lashes, which cross the fold, on skin with a fine texture."""
    rng = np.random.default_rng(0)
    picture = np.full((220, 220, 3), SKIN, np.float32) + rng.normal(0, 3, (220, 220, 1))
    picture = picture.clip(0, 255).astype(np.uint8)
    cv2.fillPoly(picture, [np.round(an_eye().outline).astype(np.int32)], (235, 232, 230))
    cv2.circle(picture, (110, 100), 14, (80, 60, 45), -1)
    fold = np.round(an_eye(3 * HEIGHT).upper).astype(np.int32)
    cv2.polylines(picture, [fold], False, (140, 105, 90), 2, cv2.LINE_AA)
    for x in range(66, 160, 8):
        root = int(an_eye().lines(np.array([(x - 60) / WIDTH]))[0][0]) + 100
        cv2.line(picture, (x, root), (x + (x - 110) // 8, root - 16), (40, 30, 30), 1, cv2.LINE_AA)
    return picture


@pytest.fixture(scope="module")
def lid(photo) -> Lid:
    return Lid.of(photo, a_side(), fold=60.0)


def bare(lid: Lid, photo: np.ndarray) -> np.ndarray:
    pixels = photo.copy()
    lid.lift_off(pixels, 1.0, (0, 0))
    return pixels.astype(int)


def test_eye_and_lashes_are_taken_off(lid, photo):
    skin = bare(lid, photo)[72:128, 75:145]
    assert np.abs(skin[24:44].reshape(-1, 3) - SKIN).max() < 30  # where the eye was
    assert skin[16:].mean(axis=2).min() > np.mean(SKIN) - 30  # where lashes were, below the fold


@pytest.mark.parametrize("width", [2.0, 4.0, 8.0])
def test_an_eye_of_a_few_pixels_without_skin_around_it_stays(width):
    """As in a face of twenty pixels, at the edge of its photo."""
    at = an_eye().upper[0]
    eye = a_side().moved(*-at).scaled(np.full(2, width / WIDTH)).moved(1.0, 1.0)
    patch = np.random.default_rng(0).integers(0, 255, (3, 4, 3)).astype(np.uint8)
    filled = bare_skin(patch, eye, reach=2.0)
    assert np.array_equal(filled, patch) and filled.dtype == np.float32


def test_a_fold_of_the_lid_stays(lid, photo):
    before, after = (p[53:58, 100:120].mean(axis=2).min(axis=0).mean() for p in (photo.astype(int), bare(lid, photo)))
    assert before <= after < np.mean(SKIN) - 12


def test_a_closed_lid_has_the_texture_of_skin(lid, photo):
    out = bare(lid, photo).astype(np.uint8)
    plain = out.copy()
    closed = Opening(an_eye().lower, an_eye().lower)
    lid.draw_closed(out, closed, 1.0)
    covered = np.s_[92:106, 90:130]  # skin that was hidden by the eye
    grains = [
        (p[covered].mean(axis=2) - cv2.GaussianBlur(p[covered].mean(axis=2), (0, 0), 2)).std() for p in (plain, out)
    ]
    assert grains[0] < 1.0 < 1.5 < grains[1]


def test_lashes_of_a_closed_eye_hang_down(lid, photo):
    out = bare(lid, photo).astype(np.uint8)
    closed = Opening(an_eye().lower, an_eye().lower)
    lid.draw_closed(out, closed, 1.0)
    line = int(100 + HEIGHT / 2)
    below, above = out[line + 4 : line + 8, 80:140].mean(axis=2), out[line - 12 : line - 6, 80:140].mean(axis=2)
    assert below.min() < np.mean(SKIN) - 60 and above.min() > np.mean(SKIN) - 45
    assert out[line, 110].mean() < np.mean(SKIN) - 30


def test_long_dark_lashes_hang_down_further(lid):
    lengths = [replace(lid, hairs=np.full_like(lid.hairs, left)).fringe for left in (1.0, 0.95, 0.5)]
    assert lengths[0] == FRINGES[0] < lengths[1] < lengths[2] == FRINGES[1]


def test_reflections_stay_in_sight_below_a_lid_that_comes_down():
    picture = np.full((220, 220, 3), 60, np.uint8)
    cv2.circle(picture, (110, 93), 3, (255, 255, 255), -1)
    eye = an_eye()
    ball = Eyeball.of(picture, eye, Iris(110.0, 100.0, 14.0))
    still = lowered_highlight(ball, eye, eye, 1.0)
    half = Opening(eye.upper * [1, 0] + [0, 96], eye.lower)
    moved = lowered_highlight(ball, eye, half, 1.0)
    assert not still.any() and 3 < moved[1] <= 0.6 * 14
    assert ball.highlight[0][1] + moved[1] > 96 + EDGE * 19


def darkest_ring(blur: float, told: float) -> float:
    """How much darker the skin around a lifted eye is than the eye's skin, in a photo of this `blur`, told to Lid."""
    rng = np.random.default_rng(0)
    picture = np.full((220, 220, 3), SKIN, np.float32) + rng.normal(0, 1, (220, 220, 1))
    cv2.fillPoly(picture, [np.round(an_eye().outline).astype(np.int32)], (60, 40, 35))
    picture = cv2.GaussianBlur(picture, (0, 0), blur).clip(0, 255).astype(np.uint8)
    pixels = bare(Lid.of(picture, a_side(), 60.0, told), picture)
    column = pixels[60:140, 105:116].mean(axis=(1, 2))
    return float(np.median(column) - column.min())


def test_the_dark_rim_of_an_eye_in_a_blurred_photo_is_taken_off():
    assert darkest_ring(10.0, told=1.0) > 9 and darkest_ring(10.0, told=10.0) < 5


def test_the_line_of_a_closed_eye_has_the_colour_of_its_lashes_and_is_soft_where_the_photo_is_blurred(photo):
    def profile(lid: Lid) -> np.ndarray:
        out = np.full((220, 220, 3), SKIN, np.uint8)
        lid.draw_closed(out, Opening(an_eye().lower, an_eye().lower), 1.0)
        rows = out[int(100 + HEIGHT / 2) - 4 :][:8, 95:125].astype(float).mean(axis=1)
        return np.log(np.array(SKIN) / np.maximum(rows, 1))

    def line(lid: Lid) -> np.ndarray:
        return max(profile(lid), key=np.mean)

    blue = photo.copy()
    near = cv2.dilate(np.uint8(an_eye(HEIGHT + 8).mask((0, 0, 220, 220), 0) > 0.5), np.ones((5, 5))) > 0
    blue[near & (photo.sum(axis=2) < 500)] = (30, 60, 90)
    brown, bluish = (line(Lid.of(of, a_side(), 60.0)) for of in (photo, blue))
    assert bluish[0] / bluish[2] > 1.15 * brown[0] / brown[2]
    sharp, soft = (np.ptp(profile(Lid.of(photo, a_side(), 60.0, blur)).mean(axis=1)) for blur in (0.0, 10.0))
    assert soft < 0.6 * sharp


def test_a_fold_of_the_lid_does_not_become_a_lash_below_the_closed_eye(photo):
    """A fold near the lid, among the lashes that are turned over."""
    folded = photo.copy()
    near = np.round(an_eye(HEIGHT + 30).upper).astype(np.int32)
    cv2.polylines(folded, [near], False, (120, 85, 75), 2, cv2.LINE_AA)
    lid = Lid.of(folded, a_side(), 60.0)
    row = np.s_[int(near[4, 1]) - lid.corner[1], 100 - lid.corner[0] : 120 - lid.corner[0]]
    assert lid.lashes[row].mean() < 0.9 < 0.95 < lid.hairs[row].max() and lid.hairs[row].mean() > lid.lashes[row].mean()


def test_a_closed_lid_is_lighter_where_it_bulges(lid, photo):
    out = bare(lid, photo).astype(np.uint8)
    plain = out.copy()
    lid.draw_closed(out, Opening(an_eye().lower, an_eye().lower), 1.0)
    gain = out.astype(float)[:, 100:120].mean(axis=(1, 2)) / plain[:, 100:120].mean(axis=(1, 2))
    line = int(100 + HEIGHT / 2)
    bulge, at_lashes, above, cheek = (gain[line + low : line + low + 4].mean() for low in (-22, -8, -55, 32))
    assert bulge > 1.02 and bulge > at_lashes + 0.05 and bulge > above + 0.02 and abs(cheek - 1) < 0.01


def test_a_brow_near_the_eye_stays(photo):
    """Its lower edge lies in reach of the lashes."""
    low = photo.copy()
    cv2.rectangle(low, (50, 52), (170, 70), (60, 45, 40), -1)
    side = EyeSide(an_eye(), 0, np.stack([np.linspace(50, 170, 5), np.full(5, 70.0)], axis=1))
    lid = Lid.of(low, side, fold=60.0)
    out = bare(lid, low).astype(np.uint8)
    lid.draw_closed(out, Opening(an_eye().lower, an_eye().lower), 1.0)
    assert out[54:66, 80:140].mean() < 75


def test_no_slit_is_left_where_closed_lids_do_not_quite_meet(lid):
    """As at the steep end of an eye that is seen from the side."""
    out = np.full((220, 220, 3), SKIN, np.uint8)
    line, lower = an_eye().lower, an_eye().lower.copy()
    lower[1] += [0, 5]
    x, y = np.round((line[1] + lower[1]) / 2).astype(int)
    out[y - 1 : y + 2, x - 2 : x + 3] = 255
    lid.draw_closed(out, Opening(line, lower), 1.0)
    assert out[y - 1 : y + 2, x - 2 : x + 3].max() < 200
