"""The lids of a closed eye, as predicted from the skin around an open one."""

import cv2
import numpy as np
import pytest

from rbvae.faces.closed_lid import COLUMNS, LEFT, ROWS, STEP, TOP, closed_lid, lid_model
from rbvae.faces.lid_skin import EyeSide
from rbvae.faces.openings import Opening

WIDTH = 60.0
SKINS = {"light": (214, 170, 150), "dark": (84, 56, 44), "warm": (190, 120, 70), "grey": (150, 150, 150)}


def an_eye(outer: int = 0) -> EyeSide:
    """An eye in the middle of a picture of 160 x 140 pixels, below a brow."""
    t = np.linspace(0, np.pi, 9)
    x = 80 - WIDTH / 2 * np.cos(t)
    upper, lower = (np.stack([x, 80 + sign * 9 * np.sin(t)], axis=1) for sign in (-1, 1))
    return EyeSide(Opening(upper, lower), outer, np.stack([np.linspace(40, 120, 5), np.full(5, 48.0)], axis=1))


def around(colour: tuple[int, int, int]) -> np.ndarray:
    """Skin without the eye, with a brow."""
    picture = np.full((140, 160, 3), colour, np.float32)
    picture[32:48, 40:120] *= 0.6
    picture = cv2.GaussianBlur(picture, (0, 0), 1.5) + np.random.default_rng(0).normal(0, 1.5, (140, 160, 1))
    return picture.clip(0, 255).astype(np.uint8)


def lid_and_line(picture: np.ndarray, blur: float = 1.0, lashes: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    """The mean colours of the middle of the lid and of the line of its lashes."""
    layer = closed_lid(picture, an_eye(), blur, lashes)
    columns = slice(round((0.3 - LEFT) / STEP), round((0.7 - LEFT) / STEP))
    rows = [
        slice(round((low - TOP) / STEP), round((high - TOP) / STEP)) for low, high in ((-0.3, -0.15), (-0.02, 0.02))
    ]
    return tuple(layer[row, columns, :3].mean(axis=(0, 1)) for row in rows)


@pytest.mark.parametrize("skin", SKINS.values(), ids=SKINS)
def test_lids_have_the_colour_of_the_skin_around(skin):
    lid, line = lid_and_line(around(skin))
    assert 0.7 < lid.mean() / np.mean(skin) < 1.15 and line.mean() < 0.92 * lid.mean()
    assert np.abs(np.log(lid / skin) - np.log(lid / skin).mean()).max() < 0.08
    if len(set(skin)) == 1:
        assert np.ptp(lid) < 1 and np.ptp(line) < 1


def test_shadows_on_overexposed_skin_are_faint_and_coloured():
    usual, white = (lid_and_line(around(skin))[0] / skin for skin in ((190, 165, 150), (252, 238, 226)))
    assert white.mean() > usual.mean() and white[0] > white[2]


def test_glasses_around_an_eye_do_not_change_its_lids():
    plain, glasses = around(SKINS["light"]), around(SKINS["light"])
    cv2.ellipse(glasses, (80, 84), (52, 44), 0, 0, 360, (40, 35, 30), 3, cv2.LINE_AA)
    assert np.abs(lid_and_line(glasses)[0] - lid_and_line(plain)[0]).max() < 12


def test_the_line_is_left_to_the_lashes_in_sharp_photos():
    skin = around(SKINS["light"])
    (_, sharp), (_, blurred) = (lid_and_line(skin, blur) for blur in (0.5, 5.0))
    assert blurred.mean() < sharp.mean() - 8


def test_the_line_is_as_dark_as_in_photos_of_closed_eyes_and_follows_the_lashes():
    """In 433 closed eyes of LFW and UTKFace, half of the logarithms of the line relative to the lid are below -.7."""
    depths = []
    for lashes in (0.3, 0.8, 1.6):
        lid, line = lid_and_line(around(SKINS["light"]), 4.0, lashes)
        depths.append(float(np.log(line.mean() / lid.mean())))
    assert -1.1 < depths[2] < 1.2 * depths[1] and depths[1] < 1.2 * depths[0] and -0.9 < depths[1] < -0.5


def test_the_line_does_not_depend_on_what_is_in_place_of_the_eye():
    plain = around(SKINS["light"])
    eye = cv2.GaussianBlur(cv2.ellipse(np.zeros((140, 160)), (80, 82), (36, 16), 0, 0, 360, 1, -1), (0, 0), 2)
    depths = []
    for gain in (0.85, 1.15):
        lid, line = lid_and_line((plain * (1 + (gain - 1) * eye[..., None])).clip(0, 255).astype(np.uint8), 4.0)
        depths.append(float(np.log(line.mean() / lid.mean())))
    assert abs(depths[0] - depths[1]) < 0.1


def test_the_picture_is_transparent_at_its_edges_and_mirrored_for_the_other_eye():
    skin = around(SKINS["light"])
    left = closed_lid(skin, an_eye(), 1.0)
    right = closed_lid(skin[:, ::-1], an_eye(outer=1), 1.0)
    assert left.shape == (ROWS, COLUMNS, 4) and left[..., 3].max() > 250
    assert max(edge.max() for edge in (left[0, :, 3], left[-1, :, 3], left[:, 0, 3], left[:, -1, 3])) < 1
    assert np.abs(left - right[:, ::-1]).mean() < 1


def test_the_model_describes_a_closed_eye():
    """The lashes are its darkest place, and the middle of the lid is lighter than what is above it."""
    mean = lid_model().mean
    across, lashes = mean[:, 24:48].mean(axis=1), 36  # the row of the line
    assert abs(int(across.argmin()) - lashes) <= 2 and across[20:30].max() > across[:8].max()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_of_one_colour_gives_finite_levels(level):
    layer = closed_lid(np.full((140, 160, 3), level, np.uint8), an_eye(), 1.0)
    assert np.isfinite(layer).all() and 0 <= layer.min() and layer.max() <= 255
