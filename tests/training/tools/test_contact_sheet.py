"""Photos of held-out people, edited, as one picture."""

import pytest
from PIL import Image

from rbvae import DatasetError
from training.tools.contact_sheet import GAP, HEAD, SIDE, held_out, main, sheet


def test_pictures_lie_in_rows_two_people_wide():
    colours = ["red", "green", "blue"]
    rows = [[Image.new("RGB", (40, 40), colour), Image.new("RGB", (40, 40), "gray")] for colour in colours]
    canvas = sheet(rows, ["photo", "edit"])
    assert canvas.height == HEAD + 2 * (SIDE + GAP)
    right = 2 * (SIDE + GAP) + SIDE // 4
    seen = [canvas.getpixel((x + 5, y + 5)) for x, y in ((0, HEAD), (right, HEAD), (0, HEAD + SIDE + GAP))]
    assert seen == [(255, 0, 0), (0, 128, 0), (0, 0, 255)]


def test_people_are_held_out_ones_drawn_by_the_seed(prepared_faces, photo_folder, tmp_path):
    chosen = held_out(str(prepared_faces), photo_folder, 3, seed=0)
    assert chosen == held_out(str(prepared_faces), photo_folder, 3, seed=0) and len(set(chosen)) == len(chosen) > 0
    assert all(path.is_file() for path in chosen)
    with pytest.raises(DatasetError, match="--photos is the folder"):
        held_out(str(prepared_faces), tmp_path, 3, seed=0)


@pytest.mark.parametrize("option", [[], ["--pasted"]])
def test_the_sheet_is_written(option, tiny_faces, prepared_faces, photo_folder, tmp_path):
    options = ["--checkpoint", tiny_faces, "--photos", photo_folder, "--data", prepared_faces, "--count", 1]
    assert main([*map(str, options), "--out", str(tmp_path / "sheet.png"), *option]) == 0
    picture = Image.open(tmp_path / "sheet.png")
    assert picture.height == HEAD + SIDE + GAP and picture.width >= 5 * SIDE
