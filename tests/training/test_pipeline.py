"""The whole line, and what every command says to bad input."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rbvae import PortraitEditor
from rbvae.objectives import method_names
from training.engine.cli import run_command
from training.evaluate import main as evaluate_main
from training.prepare_faces import main as prepare_main
from training.train import main as train_main

ROOT = Path(__file__).parents[2]


def run(main, *options) -> int:
    return run_command(main, [str(option) for option in options])


def test_from_photos_to_an_edited_picture(prepared_faces, astronaut, tmp_path):
    run_dir = tmp_path / "run"
    options = ("--preset", "tiny", "--data", prepared_faces, "--out", run_dir, "--device", "cpu")
    assert run(train_main, *options, "--steps", 40) == 0
    editor = PortraitEditor.from_pretrained(run_dir / "checkpoint")
    portrait = editor.infer(astronaut)
    neutral, strong = (np.asarray(edit.photo, np.int16) for edit in (
        editor.neutral(portrait), editor.edit(portrait, np.full(4, 3.0))))  # fmt: skip
    assert neutral.shape == (512, 512, 3)
    assert np.abs(neutral - strong).max() > 0
    left, top, right, bottom = (round(edge) for edge in portrait.box)
    outside = np.ones(neutral.shape[:2], bool)
    outside[max(0, top - 80) : bottom + 80, max(0, left - 80) : right + 80] = False
    assert np.array_equal(neutral[outside], strong[outside])


def test_saved_model_edits_identically(prepared_faces, astronaut, tmp_path):
    run_dir = tmp_path / "run"
    assert run(train_main, "--preset", "tiny", "--data", prepared_faces, "--out", run_dir, "--steps", 2) == 0
    first, again = (PortraitEditor.from_pretrained(run_dir / "checkpoint") for _ in range(2))
    edits = [editor.sample(astronaut, n=2, seed=1)[1] for editor in (first, again)]
    assert edits[0].crop.tobytes() == edits[1].crop.tobytes()
    assert edits[0].photo.tobytes() == edits[1].photo.tobytes()


def test_evaluate_gives_the_same_digits_twice(prepared_faces, tmp_path):
    run_dir = tmp_path / "run"
    assert run(train_main, "--preset", "tiny", "--data", prepared_faces, "--out", run_dir, "--steps", 2) == 0
    for name in ("first.json", "again.json"):
        options = ("--checkpoint", run_dir / "checkpoint", "--data", prepared_faces, "--json", tmp_path / name)
        assert run(evaluate_main, *options) == 0
    assert (tmp_path / "first.json").read_bytes() == (tmp_path / "again.json").read_bytes()


def test_dry_run_writes_nothing(prepared_faces, tmp_path, capsys):
    options = ("--preset", "tiny", "--data", prepared_faces, "--out", tmp_path / "run", "--dry-run")
    assert run(train_main, *options) == 0
    assert not (tmp_path / "run").exists()
    assert "MFLOP" in capsys.readouterr().out


@pytest.mark.parametrize("method", method_names())
def test_a_dry_run_counts_the_networks_of_every_method(method, prepared_faces, tmp_path, capsys):
    options = ("--preset", "tiny", "--data", prepared_faces, "--out", tmp_path, "--dry-run", "--method", method)
    assert run(train_main, *options, "--set", "extensions.reversal_weight=1") == 0
    said = capsys.readouterr().out
    assert ("disc_z:" in said) == (method == "srb") and "generator:" in said


def test_a_run_that_may_not_go_on_changes_nothing(prepared_faces, tmp_path, capsys):
    options = ("--preset", "tiny", "--data", prepared_faces, "--out", tmp_path / "run")
    assert run(train_main, *options, "--steps", 2) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.is_file()}
    assert run(train_main, *options, "--steps", 4, "--set", "extensions.r1_weight=9") == 2
    assert "begun with other settings (extensions.r1_weight: 0.2 -> 9.0)" in capsys.readouterr().err
    run_json = tmp_path / "run" / "run.json"
    run_json.write_text(run_json.read_text().replace('"images": [', '"images": [7,'))
    other = run_json.read_bytes()
    assert run(train_main, *options, "--steps", 4) == 2
    assert "begun on other images" in capsys.readouterr().err and run_json.read_bytes() == other
    after = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.is_file()}
    assert {**after, "run.json": before["run.json"]} == before


@pytest.mark.parametrize(
    ("main", "options", "message"),
    [
        (train_main, ("--preset", "huge"), "unknown preset 'huge'; choose one of tiny"),
        (train_main, ("--method", "gan"), "unknown method 'gan'"),
        (train_main, ("--preset", "faces", "--data", "nowhere"), "nowhere holds no dataset.json"),
        (train_main, ("--preset", "faces"), "--data DIR"),
        (train_main, ("--data", "nowhere"), "give the folder that holds MNIST/raw"),
        (train_main, ("--set", "lr=fast"), "not of type float"),
        (train_main, ("--minutes", "-1"), "give a number above 0"),
        (evaluate_main, ("--checkpoint", "no/such/folder"), "no/such/folder"),
        (prepare_main, ("--photos", "nowhere", "--out", "never"), "nowhere"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(main, options, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(main, *options) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and error.startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_checkpoint_is_refused_by_name(tiny_faces, tmp_path, capsys):
    for path in Path(tiny_faces).iterdir():
        content = path.read_bytes()
        (tmp_path / path.name).write_bytes(content[:-50] if path.suffix == ".safetensors" else content)
    assert run(evaluate_main, "--checkpoint", tmp_path) == 2
    assert "truncated or altered" in capsys.readouterr().err


def test_a_foreign_folder_is_never_trained_into(prepared_faces, tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("mine")
    assert run(train_main, "--preset", "tiny", "--data", prepared_faces, "--out", tmp_path) == 2
    assert "holds no run" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


COMMANDS = ("train", "prepare_faces", "evaluate", "benchmark", "publish")


@pytest.mark.parametrize(
    "script", [*(f"training/{name}.py" for name in COMMANDS), "app/app.py", "app/tools/latency.py"]
)
def test_every_command_runs_from_another_folder_without_the_package_installed(script, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-W", "ignore", ROOT / script, "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment)
    assert f"python {script}" in shown.stdout


@pytest.mark.parametrize("tool", ["figures", "speed", "portraits", "edit_speed"])
def test_every_tool_has_help(tool):
    command = [sys.executable, "-W", "ignore", "-m", f"training.tools.{tool}", "--help"]
    assert "usage:" in subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
