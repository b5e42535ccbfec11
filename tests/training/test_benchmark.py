"""Claims about training/benchmark.py: its cells, tables and pages, and what becomes of trouble."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tables import TINY, run
from training.benchmark import main
from training.engine.state import TrainingState
from training.table1.datasets import load_task
from training.table1.task import CLASSES

PUBLISHED = {"anger": "angry", "happiness": "happy", "sadness": "sad"}

pytestmark = pytest.mark.usefixtures("short_probes")


@pytest.fixture(scope="module")
def faces_root(tmp_path_factory) -> Path:
    """FER-2013's folders with ten grey squares to train and nine to test a class, each class of its own brightness."""
    folder, rng = tmp_path_factory.mktemp("fer"), np.random.default_rng(0)
    for place, name in enumerate([*CLASSES, "neutral"]):
        for side, count in (("train", 10), ("test", 9)):
            inside = folder / "fer2013" / side / PUBLISHED.get(name, name)
            inside.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 20, (48, 48)) + 30 * place
                Image.fromarray(pixels.astype(np.uint8)).save(inside / f"{number}.jpg")
    return folder


@pytest.fixture(scope="module")
def out(digits_root, tmp_path_factory) -> Path:
    """A benchmark of three methods, one of which diverges at once."""
    folder = tmp_path_factory.mktemp("table1")
    options = ("--dataset", "digits", "--data", digits_root, "--out", folder, "--seeds", 1, "--methods", "vae,rb,srb")
    assert run(*options, *TINY, "--set", "rb:objective.laplace_scale=1e-38") == 0
    return folder


def results_of(folder: Path) -> dict:
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def test_a_diverging_method_leaves_its_cell_and_the_others_stay(out):
    methods = results_of(out)["methods"]
    assert methods["rb"]["average"] == [None] and "not finite" in methods["rb"]["trouble"][0]
    for name in ("vae", "srb"):
        assert len(methods[name]["average"]) == 1 and 0 < methods[name]["average"][0] < 0.3
    row = next(line for line in (out / "table.md").read_text().splitlines() if line.startswith("| Rb-VAE"))
    assert "stopped: diverged before step 2" in row


def test_every_control_and_picture_is_there(out):
    results = results_of(out)
    assert all(0 < row["average"][0] < 0.3 for row in results["controls"].values())
    assert {"constant", "random", "pixels", "supervised"} <= set(results["controls"])
    assert 0 < results["methods"]["srb"]["z"]["average"][0] < 0.3
    assert set(results["methods"]["vae"]["metrics"]) >= {"mig", "sap"}
    for name in ("plot.png", "figure2.webp"):
        with Image.open(out / name) as picture:
            assert picture.width > 700 and picture.height > 100


def test_a_finished_method_is_not_repeated_and_another_seed_joins_it(out, digits_root):
    before = results_of(out)["methods"]["vae"]["average"]
    cell = json.loads((path := out / "cells" / "vae-seed0" / "cell.json").read_text())
    del cell["settings"]["config"]["freeze_encoder_e"]  # as in one that is older than this setting
    path.write_text(json.dumps(cell))
    written = {path: path.stat().st_mtime_ns for path in out.glob("cells/**/*.*")}
    options = ("--dataset", "digits", "--data", digits_root, "--out", out, "--seeds", 2, "--methods", "vae")
    assert run(*options, *TINY) == 0
    assert {path: path.stat().st_mtime_ns for path in written} == written
    after = results_of(out)["methods"]["vae"]["average"]
    assert len(after) == 2 and after[:1] == before and after[1] != after[0]


def test_cells_of_other_settings_are_not_mixed_in(out, digits_root, capsys):
    options = ("--dataset", "digits", "--data", digits_root, "--out", out, "--seeds", 1, "--methods", "vae", *TINY)
    assert run(*options, "--set", "lr=1e-3") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ") and "other settings" in error and "choose another --out" in error


def test_one_cell_is_made_by_one_command_and_says_by_which(digits_root, tmp_path, capsys):
    options = ("--dataset", "digits", "--data", digits_root, "--out", tmp_path, "--cell", "mmcvae:1:10")
    assert run(*options, *TINY) == 0
    path = Path(capsys.readouterr().out.splitlines()[-1])
    cell = json.loads(path.read_text())
    assert [path.parent.name for path in tmp_path.glob("cells/*/cell.json")] == ["mmcvae@10-seed1"]
    assert cell["command"].endswith("--cell mmcvae:1:10") and {"commit", "made", "cpu_seconds"} <= set(cell)
    assert cell["settings"]["config"]["objective"]["separation_weight"] == 10 and cell["steps"] == 2


def test_a_killed_cell_goes_on_where_it_stopped(digits_root, tmp_path, monkeypatch):
    options = ("--dataset", "digits", "--data", digits_root, "--check-every", 2, "--patience", 0, "--cell", "vae:0")
    options = [*options, *TINY, "--set", "batch=4", "--steps", 6]
    assert run(*options, "--out", tmp_path / "whole") == 0
    update, calls = TrainingState.update, []

    def killed(state, *batch):
        calls.append(state.step)
        if calls.count(5) == 1 and state.step == 5:
            raise KeyboardInterrupt
        return update(state, *batch)

    monkeypatch.setattr(TrainingState, "update", killed)
    assert run(*options, "--out", tmp_path / "parts") == 130
    assert run(*options, "--out", tmp_path / "parts") == 0
    assert calls == [0, 1, 2, 3, 4, 5, 4, 5]
    cells = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("*/cells/*/cell.json"))]
    for key in ("probe", "checks", "validation"):
        assert cells[0][key] == cells[1][key], key
    assert not list(tmp_path.glob("*/cells/*/*.pt"))


def test_the_weight_of_a_baseline_is_chosen_on_training_images(digits_root, tmp_path):
    options = ("--dataset", "digits", "--data", digits_root, "--out", tmp_path, "--seeds", 1, "--methods", "dip1")
    assert run(*options, *TINY, "--tune") == 0
    row = results_of(tmp_path)["methods"]["dip1"]
    best = min(row["grid"], key=lambda value: row["grid"][value])
    assert set(row["grid"]) == {"1", "2", "5", "10", "20", "50"}
    assert row["setting"] == f"objective.dip_weight={float(best)}" and row["validation"] == [row["grid"][best]]


def test_faces_are_read_from_the_published_folders(faces_root):
    task = load_task("fer", faces_root, 64)
    assert task.unlabelled.shape == (48, 1, 64, 64) and len(task.validation.targets) == 12
    assert task.references.shape == (10, 1, 64, 64)
    assert np.bincount(task.held_out.targets).tolist() == [9] * 6 and task.names == CLASSES and task.classes
    anger = task.held_out.images[task.held_out.targets == 0].float().mean()
    assert anger < 20 < task.held_out.images[task.held_out.targets == 1].float().mean()


def test_affectnet_is_read_by_the_same_loader(tmp_path):
    for side, count in (("train_set", 4), ("val_set", 3)):
        (tmp_path / side / "images").mkdir(parents=True)
        (tmp_path / side / "annotations").mkdir()
        for number in range(8 * count):
            Image.new("RGB", (60, 60), (number, 0, 0)).save(tmp_path / side / "images" / f"{number}.jpg")
            np.save(tmp_path / side / "annotations" / f"{number}_exp.npy", np.array(str(number % 8)))
    task = load_task("fer", tmp_path, 32)
    assert (
        task.references.shape == (4, 3, 32, 32) and len(task.unlabelled) + len(task.validation.targets) == 28
    )  # with contempt
    assert (
        np.bincount(task.held_out.targets).tolist() == [3] * 6
        and len(task.labelled.targets) + len(task.validation.targets) == 24
    )


def without(faces_root: Path, folder: Path, *parts: str) -> Path:
    """The faces without those whose path has one of `parts`."""
    for path in faces_root.rglob("*.jpg"):
        source = path.relative_to(faces_root)
        if not any(part in source.as_posix() for part in parts):
            (folder / source).parent.mkdir(parents=True, exist_ok=True)
            (folder / source).write_bytes(path.read_bytes())
    return folder


def test_a_missing_class_is_told_in_its_column_and_the_others_are_scored(faces_root, tmp_path, capsys):
    folder = without(faces_root, tmp_path / "fer", "test/disgust")
    (folder / "fer2013" / "test" / "sad" / "0.jpg").write_text("no picture")
    options = ("--dataset", "fer", "--data", folder, "--out", tmp_path / "out", "--seeds", 1, "--methods", "vae")
    assert run(*options, *TINY) == 0
    assert "note: disgust: 0 held-out photos; not scored" in capsys.readouterr().err
    row = results_of(tmp_path / "out")["methods"]["vae"]
    known = [value[0] for name, value in row["factors"].items() if name != "disgust"]
    assert row["factors"]["disgust"] == [None] and row["average"][0] == pytest.approx(np.mean(known))
    text = (tmp_path / "out" / "table.md").read_text()
    assert "1 photos could not be read" in text and "- disgust: 0 held-out photos" in text


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("fer2013", "no pictures in"),
        ("train/neutral", "no photos of class neutral"),
        ("train/[!n]", "no photos of expressions to train on"),
        ("test/[!a]", "at least two of"),
    ],
)
def test_an_empty_folder_and_a_set_of_which_no_table_can_be_made_are_one_clear_line(
    missing, message, faces_root, tmp_path, capsys
):
    side, _, rest = missing.partition("/[!")
    kept = {"n]": "neutral", "a]": "angry"}.get(rest)
    names = [f"{side}/{PUBLISHED.get(name, name)}" for name in [*CLASSES, "neutral"]] if rest else [missing]
    folder = without(faces_root, tmp_path / "fer", *[name for name in names if name != f"{side}/{kept}"])
    folder.mkdir(exist_ok=True)
    assert run("--dataset", "fer", "--data", folder, "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and error.startswith("error: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--data", "nowhere"), "give the folder that holds MNIST/raw"),
        (("--methods", "gan"), "no gan; there are vae"),
        (("--preset", "huge"), "choose one of small, full"),
        (("--set", "gan:lr=1"), "no method 'gan'"),
        (("--seeds", "0"), "must be above 0"),
        (("--page", "no.md"), "no such file"),
        (("--cell", "gan:0"), "write ROW:SEED"),
    ],
)
def test_bad_options_are_one_clear_line(options, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("--dataset", "digits", *options) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and list(tmp_path.iterdir()) == []


def test_help_has_an_example(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "python training/benchmark.py --dataset digits" in " ".join(capsys.readouterr().out.split())


def test_a_table_goes_on_from_its_published_cells(out, digits_root, tmp_path):
    options = ("--dataset", "digits", "--data", digits_root, "--seeds", 1, "--methods", "vae,srb", *TINY)
    assert run(*options, "--out", out) == 0
    assert run(*options, "--out", tmp_path / "new", "--from", out / "cells.json") == 0
    assert not list((tmp_path / "new").glob("cells/*/checkpoint"))  # none was made again
    before, after = results_of(out), results_of(tmp_path / "new")
    assert after["methods"] == before["methods"] and after["controls"] == before["controls"]
