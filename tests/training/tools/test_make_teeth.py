"""The bank of teeth: rows that end at the tips of the teeth."""

import numpy as np
import pytest
from PIL import Image

from rbvae.errors import DatasetError
from rbvae.faces.openings import Opening
from rbvae.faces.teeth import bank
from rbvae.faces.teeth_colours import redness
from training.tools.make_teeth import HEIGHT, WIDTH, main, matte, tips

TOOTH, LIP, SHADOW = (220, 205, 190), (170, 100, 95), (70, 40, 38)
TOP, TIP, BOTTOM = 15, 33, 42  # pixels: upper lip line, tips of the teeth, lower lip line


def a_mouth(below: tuple[int, int, int]) -> tuple[np.ndarray, Opening]:
    """A picture of teeth of two heights in turns, with a colour `below` them, and its lip line."""
    picture = np.full((HEIGHT, WIDTH, 3), LIP, np.uint8)
    picture[TOP:BOTTOM] = below
    for x in range(8, WIDTH - 8):
        picture[TOP : TIP - 3 * (x // 16 % 2), x] = TOOTH
    x = np.linspace(8, WIDTH - 8, 11)
    return picture, Opening(np.stack([x, np.full(11, TOP)], axis=1), np.stack([x, np.full(11, BOTTOM)], axis=1))


@pytest.mark.parametrize("below", [LIP, SHADOW])
def test_teeth_end_where_the_lip_or_its_shadow_begins(below):
    picture, opening = a_mouth(below)
    found = tips(picture, opening, np.full(WIDTH, BOTTOM - 1.0))[10 : WIDTH - 10]
    expected = np.array([TIP - 3 * (x // 16 % 2) for x in range(10, WIDTH - 10)])
    assert np.abs(found - expected).max() <= 1


def test_the_row_is_opaque_where_teeth_are_and_nowhere_else():
    picture, opening = a_mouth(SHADOW)
    found = matte(picture, opening)
    assert found is not None
    opaque, x, y = found
    inside = opaque[:, 20 : WIDTH - 20]
    assert inside[TOP + 2 : TIP - 5].min() > 250 and inside[TIP + 2 :].max() < 5
    assert abs(x - WIDTH / 2) < 2 and TIP - 4 < y < TIP + 1


def test_no_lip_is_left_at_the_tips_of_the_shipped_rows():
    """Their lowest visible pixels are about as pale as the teeth, also between them, where it is darker."""
    for row in bank()[::2]:
        opaque = row.picture[..., 3] > 200
        lowest = np.array([[np.flatnonzero(column).max(), x] for x, column in enumerate(opaque.T) if column.any()])
        red = redness(row.picture[lowest[:, 0], lowest[:, 1], :3].astype(np.float64))
        assert np.median(red) < float(redness(row.colour[None])[0]) + 0.15


def test_a_folder_without_smiles_is_refused(tmp_path):
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "black.png")
    with pytest.raises(DatasetError, match="faces that smile"):
        main(["--photos", str(tmp_path), "--out", str(tmp_path / "teeth.webp")])
