"""A checkpoint gives back what was saved, and refuses everything else by name."""

import json
import subprocess
import sys

import pytest
import torch

from rbvae.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from rbvae.config import ModelConfig
from rbvae.errors import CheckpointError
from rbvae.hub import hub_advice
from rbvae.models.model import RbVAE

SMALL = ModelConfig(image_size=32, width=8, dim_z=16, dim_e=4, patch=2)


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    model = RbVAE(SMALL).eval()
    save_checkpoint(Checkpoint(model, "faces"), tmp_path / "checkpoint", "# card\n")
    return model, tmp_path / "checkpoint"


def test_saved_weights_come_back_bit_by_bit(saved):
    model, folder = saved
    loaded = load_checkpoint(folder).model
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name


def test_half_precision_is_stable_from_the_first_saving_on(saved, tmp_path):
    once = tmp_path / "once"
    save_checkpoint(Checkpoint(saved[0], "faces"), once, "", torch.float16)
    loaded = load_checkpoint(once)
    save_checkpoint(loaded, tmp_path / "twice", "", torch.float16)
    assert (once / "model.safetensors").read_bytes() == (tmp_path / "twice" / "model.safetensors").read_bytes()
    assert (once / "model.safetensors").stat().st_size < (saved[1] / "model.safetensors").stat().st_size


def test_loaded_model_is_for_inference_only(saved):
    model = load_checkpoint(saved[1]).model
    assert not model.training and not any(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(saved, name):
    (saved[1] / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name} is missing"):
        load_checkpoint(saved[1])


def test_truncated_weights_are_refused(saved):
    path = saved[1] / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="truncated or altered"):
        load_checkpoint(saved[1])


def test_weights_of_another_config_are_refused(saved):
    path = saved[1] / "config.json"
    config = json.loads(path.read_text())
    config["model"]["dim_z"] = 32
    path.write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="does not match its config"):
        load_checkpoint(saved[1])


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 99}', '{"format": 1, "kind": "cats"}'])
def test_a_config_that_is_none_is_refused(saved, text):
    (saved[1] / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match="config.json"):
        load_checkpoint(saved[1])


def test_a_hostile_model_config_is_refused(saved):
    path = saved[1] / "config.json"
    config = json.loads(path.read_text())
    config["model"]["width"] = 10**9
    path.write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="width"):
        load_checkpoint(saved[1])


def test_a_missing_folder_is_named():
    with pytest.raises(CheckpointError, match="no/such/folder"):
        load_checkpoint("no/such/folder")


def test_an_absent_hub_id_fails_at_once_when_offline(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="nobody/nothing"):
        load_checkpoint("nobody/nothing")


def test_a_hub_cache_is_read_by_id_and_revision(saved, tmp_path, monkeypatch):
    """The layout that a download leaves: models--user--name/{refs,snapshots}."""
    from huggingface_hub import constants

    commit = "a" * 40
    repository = tmp_path / "hub" / "models--somebody--faces"
    (repository / "snapshots").mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "v1").write_text(commit)
    saved[1].rename(repository / "snapshots" / commit)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    loaded = load_checkpoint("somebody/faces", revision="v1").model
    assert torch.equal(loaded.encoder_z.moments.weight, saved[0].encoder_z.moments.weight)


def test_a_hub_cache_that_cannot_be_written_and_a_proxy_without_its_package_are_named():
    said = hub_advice(PermissionError(13, "Permission denied", "/home/me/.cache"))
    assert said == "/home/me/.cache cannot be written (Permission denied); set HF_HOME to a folder that can be"
    assert "socksio" in hub_advice(ImportError("Using SOCKS proxy, but the 'socksio' package is not installed."))


def test_processes_may_write_the_same_file_at_once(tmp_path):
    """Two benchmarks that start together unpack the same dataset."""
    path = tmp_path / "file"
    code = f"""
from pathlib import Path
from rbvae.checkpoint import write_atomically
for _ in range(200):
    write_atomically(Path({str(path)!r}), b"x" * 100_000)
"""
    running = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(3)]
    assert [process.communicate()[1] for process in running] == [b""] * 3
    assert path.read_bytes() == b"x" * 100_000 and list(tmp_path.iterdir()) == [path]
