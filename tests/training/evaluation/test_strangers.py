"""Smiles on strangers: who lends, who gets one, what is counted, by group; with a landmarker that reads colours."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from rbvae.errors import DatasetError
from rbvae.faces.face import BLENDSHAPES, Face
from rbvae.faces.mesh import face_mesh
from training.data.photo_folders import Attributes
from training.engine.cli import run_command
from training.evaluate import main
from training.evaluation.strangers import (
    DONORS,
    EDITS,
    GROUPS,
    SMILES,
    UNKNOWN,
    Stranger,
    choose_donors,
    choose_faces,
    framed,
    groups_of,
    measure_strangers,
    summary,
    turned,
)

RNG = np.random.default_rng(0)


def face_with(smile: float, degrees: float = 0.0) -> Face:
    """A face whose mouth is open when it smiles, turned to a side."""
    shape = face_mesh().canonical if smile > 0.6 else face_mesh().mean
    turn = np.radians(degrees)
    rotation = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    points = np.concatenate([shape, np.repeat(shape[:1], 10, axis=0)]) @ rotation * 80 + 10
    blendshapes = np.zeros(len(BLENDSHAPES), np.float32)
    blendshapes[SMILES] = smile
    return Face(points.astype(np.float32), blendshapes, degrees, 0.0, 0.0)


class ColourLandmarker:
    """Sees a smile as strong as the first pixel is red, and no face where it is blue."""

    def glance(self, photo):
        red, _, blue = photo[0, 0]
        return [] if blue > 128 else [face_with(red / 255)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class Halfway:
    """An editor that makes a face half as red as the donor's smile."""

    def infer(self, photo):
        return photo

    def transfer(self, expression_of, onto):
        mixed = ((expression_of.astype(int) + onto) // 2).astype(np.uint8)
        return SimpleNamespace(photo=Image.fromarray(mixed))


def coloured(path: Path, red: int, blue: int = 0) -> None:
    Image.new("RGB", (20, 20), (red, 0, blue)).save(path)


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """1,500 crops named as UTKFace's, every third a smile, every seventh without a face."""
    folder = tmp_path_factory.mktemp("crops")
    for k in range(1500):
        name = f"{k % 90 + 1}_{k % 2}_{k % 5}_{20170101000000000 + k}.png"
        coloured(folder / name, 200 if k % 3 == 0 else 0, 255 if k % 7 == 0 else 0)
    return folder


@pytest.fixture
def reads_colours(monkeypatch):
    monkeypatch.setattr("training.evaluation.strangers.FaceLandmarker", ColourLandmarker)


def stranger(name, smile=0.0, groups=(UNKNOWN,), degrees=0.0):
    return Stranger(Path(f"{name}.jpg"), name, groups, face_with(smile, degrees))


def test_groups_are_those_of_age_sex_and_ethnicity():
    assert groups_of(Attributes(12, "male", "white")) == ("age 0-12", "male", "white")
    assert groups_of(Attributes(13, "female", None)) == ("age 13-39", "female")
    assert groups_of(Attributes(64, None, "other")) == ("age 40-64", "other")
    assert groups_of(Attributes(116)) == ("age 65+",) and groups_of(Attributes()) == (UNKNOWN,)


def test_tight_crops_get_a_border_of_a_quarter_and_photos_none(tmp_path):
    for side, expected in ((200, 300), (250, 250)):
        Image.fromarray(RNG.integers(0, 255, (side, side, 3), dtype=np.uint8)).save(tmp_path / f"{side}.png")
        assert framed(tmp_path / f"{side}.png").shape == (expected, expected, 3)
    pixels = framed(tmp_path / "200.png")
    assert np.array_equal(pixels[:50, 50:250], np.repeat(pixels[50:51, 50:250], 50, axis=0))


def test_donors_are_frontal_toothy_smiles_of_different_people_and_always_the_same():
    smiles = [stranger(f"person {k // 2}", 0.9) for k in range(60)]
    others = [stranger("calm", 0.3), stranger("turned", 0.9, degrees=40)]
    donors = choose_donors(smiles + others)
    names = [donor.identity for donor in donors]
    assert len(set(names)) == DONORS and not {"calm", "turned"} & set(names)
    assert names == [donor.identity for donor in choose_donors(others + smiles[::-1])]


def test_every_group_gets_its_edits_and_donors_get_none():
    donors = [stranger(f"donor {k}", 0.9) for k in range(DONORS)]
    people = [stranger(f"common {k}", groups=("male", "white")) for k in range(200)]
    people += [stranger(f"rare {k}", groups=("female", "white")) for k in range(11)]
    people += [stranger("donor 3"), stranger("smiling", 0.95), stranger("turned", degrees=50)]
    counts = choose_faces(people, donors, seed=0)
    edits = {group: sum(n for face, n in counts.items() if group in face.groups) for group in ("male", "female")}
    assert edits["male"] == EDITS and edits["female"] >= EDITS and max(counts.values()) <= DONORS
    assert not {"donor 3", "smiling", "turned"} & {face.identity for face in counts}
    assert [f.identity for f in counts] == [f.identity for f in choose_faces(people, donors, seed=0)]


def test_a_turn_of_the_head_is_measured_in_degrees():
    assert turned(face_with(0), face_with(0)) == pytest.approx(0, abs=0.05)
    assert turned(face_with(0, 5), face_with(0, 17)) == pytest.approx(12, abs=0.1)


def test_means_are_over_people_with_their_standard_errors_and_shares():
    nobody = np.nan
    rows = {
        stranger("a", groups=("male",)): np.array([[0.2, 0.4, 1.0, 1], [0.4, 0.6, 3.0, 1]]),
        stranger("b", groups=("female",)): np.array([[0.1, 0.3, 2.0, 1]]),
        stranger("c", groups=("female",)): np.array([[0.0, 0.0, nobody, 0]]),
    }
    scores = summary(rows)
    overall, women = scores["overall"], scores["groups"]["female"]
    assert overall["people"] == 3 and overall["edits"] == 4 and set(scores["groups"]) == {"male", "female"}
    assert overall["added"] == pytest.approx((0.3 + 0.1 + 0) / 3, abs=1e-4)
    assert overall["pose"] == 2 and overall["found"] == pytest.approx(2 / 3, abs=1e-4)
    assert women["added"] == 0.05 and women["standard_errors"]["added"] == 0.05
    assert women["added_share"] == pytest.approx(0.05 / 0.1333, abs=1e-3)
    assert women["standard_errors"]["added_share"] == pytest.approx(0.05 / 0.1333, abs=1e-3)


def test_half_of_a_smile_is_half_of_the_way_for_everybody(crops, reads_colours):
    scores = measure_strangers(Halfway(), [crops], None, 0)
    assert len(scores["donors"]) == DONORS and scores["skipped"] == {}
    assert set(scores["groups"]) == set(GROUPS) - {UNKNOWN}
    for group in (scores["overall"], *scores["groups"].values()):
        assert group["added"] == pytest.approx(100 / 255, abs=1e-3) and group["progress"] == pytest.approx(
            0.5, abs=1e-3
        )
        assert group["found"] == 1 and group["pose"] == pytest.approx(0, abs=0.05)
        assert group["edits"] >= EDITS or group["edits"] == DONORS * group["people"]


def test_faces_that_are_not_found_again_gained_nothing(crops, reads_colours, tmp_path):
    class Lost(Halfway):
        def transfer(self, expression_of, onto):
            return SimpleNamespace(photo=Image.new("RGB", onto.shape[1::-1], (0, 0, 255)))

    coloured(tmp_path / "smile.png", 250)
    overall = measure_strangers(Lost(), [crops], tmp_path, 0)["overall"]
    assert overall["found"] == overall["added"] == overall["progress"] == 0 and overall["pose"] is None


def test_photos_that_will_not_do_are_one_clear_line(crops, reads_colours, tmp_path):
    coloured(tmp_path / "nobody.png", 0, 255)
    with pytest.raises(DatasetError, match="No face was found in .* Give --donors a folder"):
        measure_strangers(Halfway(), [crops], tmp_path, 0)
    folders = [tmp_path / name for name in ("calm", "smiling", "nobody")]
    for folder, red, blue in zip(folders, (0, 200, 0), (0, 0, 255), strict=True):
        folder.mkdir()
        for k in range(60):
            coloured(folder / f"{k}_0_0_{20170101000000000 + k}.png", red, blue)
    for folder, message in zip(folders, ("shows a smile", "near neutral", "No face was found"), strict=True):
        with pytest.raises(DatasetError, match=message):
            measure_strangers(Halfway(), [folder], None, 0)


def test_the_command_says_what_is_wrong_with_a_folder_of_strangers(tiny_faces, tmp_path, capsys):
    options = ["--checkpoint", str(tiny_faces), "--device", "cpu", "--strangers", str(tmp_path)]
    assert run_command(main, options) == 2
    assert "no pictures" in capsys.readouterr().err.lower()
