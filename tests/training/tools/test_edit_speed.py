"""The benchmark of edits measures what it says, and refuses a checkpoint that has no such edits."""

import json

import pytest

from training.engine.cli import run_command
from training.tools import edit_speed


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(edit_speed, "REPEATS", 2)
    monkeypatch.setattr(edit_speed.torch, "set_num_threads", lambda count: None)


def test_every_step_is_timed_on_an_edit_of_one_megapixel(tiny_codes, astronaut, tmp_path):
    target = tmp_path / "speed.json"
    assert edit_speed.main(["--checkpoint", str(tiny_codes), "--photo", str(astronaut), "--json", str(target)]) == 0
    figures = json.loads(target.read_text())
    assert abs(figures["edit_megapixels"] - 1) < 0.1
    assert all(value > 0 for value in figures.values())


def test_a_checkpoint_that_observes_images_is_refused(tiny_faces, astronaut, capsys):
    assert run_command(edit_speed.main, ["--checkpoint", str(tiny_faces), "--photo", str(astronaut)]) == 2
    assert "This checkpoint observes images. Give one that observes codes." in capsys.readouterr().err
