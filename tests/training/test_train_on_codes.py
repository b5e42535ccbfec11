"""Training on codes, from a prepared dataset to a checkpoint that an editor takes."""

import gzip
import json

import numpy as np
import pytest
import torch

from rbvae import ConfigError, DatasetError, PortraitEditor
from rbvae.editing.portrait_file import PortraitFiles
from rbvae.faces.texture import canonical_frame
from rbvae.objectives import method_names
from training.data.batches import Sampling
from training.data.code_batches import CodeBatches, Lighting
from training.data.codes import load_codes
from training.engine.cli import run_command
from training.engine.config import PRESETS
from training.train import main


def run(*options: object) -> int:
    return run_command(main, [str(option) for option in options])


@pytest.fixture(scope="module")
def sets(prepared_faces, tmp_path_factory):
    return load_codes(
        prepared_faces, PRESETS["tiny-code"].model, tmp_path_factory.mktemp("cache") / "codes.safetensors"
    )


@pytest.mark.parametrize("method", method_names())
def test_every_method_trains_on_codes(method, prepared_faces, tmp_path):
    out = tmp_path / "run"
    options = ("--preset", "tiny-code", "--method", method, "--data", prepared_faces, "--out", out, "--device", "cpu")
    assert run(*options, "--steps", 10) == 0
    lines = [json.loads(line) for line in (out / "stats.jsonl").read_text().splitlines() if line]
    assert all(np.isfinite(value) for line in lines for value in line.values())
    assert (out / "checkpoint" / "model.safetensors").exists() and list((out / "grids").glob("*.png"))


def test_a_trained_checkpoint_edits_a_photo(prepared_faces, astronaut, tmp_path):
    out = tmp_path / "run"
    assert run("--preset", "tiny-code", "--data", prepared_faces, "--out", out, "--device", "cpu", "--steps", 6) == 0
    editor = PortraitEditor.from_pretrained(out / "checkpoint")
    portrait = editor.infer(astronaut)
    assert np.array_equal(np.asarray(editor.edit(portrait, portrait.e).photo), portrait.source)
    changed = np.asarray(editor.edit(portrait, portrait.e + 3).photo) != portrait.source
    rows, columns = np.flatnonzero(changed.any(axis=(1, 2))), np.flatnonzero(changed.any(axis=(0, 2)))
    left, top, right, bottom = portrait.box
    assert len(rows) and rows[0] > top - 60 and rows[-1] < bottom + 60
    assert columns[0] > left - 60 and columns[-1] < right + 60
    files = PortraitFiles(editor)  # what the page draws with is computed from the checkpoint alone
    for content in (files.packed_model, files.of(portrait)):
        assert gzip.decompress(content)[:4] == b"RBV1"


def test_the_same_command_resumes_with_the_basis_it_began_with(prepared_faces, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    options = ("--preset", "tiny-code", "--data", prepared_faces, "--device", "cpu")
    assert run(*options, "--out", whole, "--steps", 8) == 0
    assert run(*options, "--out", parts, "--steps", 8, "--minutes", 1e-6) == 0
    assert run(*options, "--out", parts, "--steps", 8) == 0
    states = [torch.load(folder / "state.pt", weights_only=True) for folder in (whole, parts)]
    assert states[0]["step"] == states[1]["step"] == 8
    for name, tensor in states[0]["model"].items():
        torch.testing.assert_close(states[1]["model"][name], tensor, rtol=0, atol=0)


def test_a_dry_run_describes_codes_and_writes_nothing(prepared_faces, tmp_path, capsys):
    out = tmp_path / "run"
    assert run("--preset", "tiny-code", "--data", prepared_faces, "--out", out, "--dry-run") == 0
    assert "encoder_z" in capsys.readouterr().out and not out.exists()


def test_a_basis_for_another_frame_is_refused(prepared_faces):
    from dataclasses import replace

    with pytest.raises(ConfigError, match="texels"):
        load_codes(prepared_faces, replace(PRESETS["tiny-code"].model, texels=7))
    with pytest.raises(DatasetError, match="prepared at 32 px"):
        load_codes(prepared_faces, PRESETS["faces"].model)


@pytest.mark.parametrize("preset", [name for name, config in PRESETS.items() if config.model.observes == "code"])
def test_a_presets_texels_are_those_of_its_canonical_frame(preset):
    model = PRESETS[preset].model
    assert model.texels == len(canonical_frame(model.image_size).left)


def test_codes_are_kept_for_the_next_time(sets, prepared_faces, tmp_path, monkeypatch):
    cache = tmp_path / "codes.safetensors"
    first = load_codes(prepared_faces, PRESETS["tiny-code"].model, cache)
    monkeypatch.setattr("training.data.codes.fit_basis", None)  # must not be needed again
    again = load_codes(prepared_faces, PRESETS["tiny-code"].model, cache)
    torch.testing.assert_close(again.unlabelled, first.unlabelled, rtol=0, atol=0)


def test_batches_mirror_half_and_relight_until_told(sets):
    codes = sets.codes
    ones = torch.ones(50, codes.basis.size.code)
    signs = codes.basis.mirror_signs
    lighting = Lighting(codes.lighting, amount=0.5, until=3)
    batches = CodeBatches(ones, ones, signs, lighting, Sampling(batch=200, seed=0))
    x_u, _ = batches.at(5)
    flipped = (x_u == signs).all(dim=1) & ~(x_u == 1).all(dim=1)
    assert 60 < int(flipped.sum()) < 140 and ((x_u == 1) | (x_u == signs)).all()
    relit, _ = batches.at(2)
    assert not ((relit == 1) | (relit == signs)).all(dim=1).any()
    torch.testing.assert_close(batches.at(2)[0], relit, rtol=0, atol=0)


def test_processes_share_one_batch(sets):
    codes = sets.codes
    data = torch.randn(40, codes.basis.size.code)
    common = (data, data, codes.basis.mirror_signs, Lighting(codes.lighting, 0.3, until=10))
    whole = CodeBatches(*common, Sampling(8, 0)).at(1)[0]
    halves = [CodeBatches(*common, Sampling(8, 0, rank=rank, world=2)).at(1)[0] for rank in (0, 1)]
    torch.testing.assert_close(torch.cat(halves), whole, rtol=0, atol=0)
