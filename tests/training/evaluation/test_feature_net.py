"""The feature network: small, strict, repeatable, and never taken for a model."""

import hashlib
import json
from pathlib import Path

import pytest
import torch

from rbvae.checkpoint import load_checkpoint
from rbvae.errors import CheckpointError
from rbvae.faces.landmarks import BLENDSHAPES
from training.data.datasets import load_images
from training.engine.cli import run_command
from training.evaluation.feature_net import EMBEDDED, MAX_BYTES, FeatureNet, load_features, save_features
from training.evaluation.probes import named_factors
from training.tools.features import main, mirrored

KINDS = ["faces", "digits"]


@pytest.mark.parametrize("kind", KINDS)
def test_embedded_networks_are_small_and_say_what_they_know(kind):
    net, config = load_features(EMBEDDED / f"features-{kind}")
    assert (EMBEDDED / f"features-{kind}" / "model.safetensors").stat().st_size < 1_000_000
    assert config["kind"] == kind and min(config["held_out"]["r2"].values()) > 0.6
    assert net.predict(torch.zeros(2, 3, 64, 64, dtype=torch.uint8))[0].shape == (2, 64)
    assert not net.training and not any(p.requires_grad for p in net.parameters())


@pytest.mark.parametrize("side", [28, 64, 96])
def test_pictures_of_any_size_have_64_features(side):
    net, _ = load_features(EMBEDDED / "features-faces")
    features, factors, _ = net.predict(torch.randint(0, 256, (3, 3, side, side), dtype=torch.uint8))
    assert features.shape == (3, 64) and factors.shape == (3, len(BLENDSHAPES))


def test_a_smile_is_foretold(prepared_faces):
    test = load_images(prepared_faces, "faces", 32, seed=0).probe_test  # one smiling person, a picture of half the size
    net, _ = load_features(EMBEDDED / "features-faces")
    foretold = net.predict(test.images)[1][:, [BLENDSHAPES.index(f"mouthSmile{side}") for side in ("Left", "Right")]]
    assert named_factors(test)["smile"].min() > 0.7 and foretold.mean(dim=1).min() > 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_a_feature_network_is_no_model_and_a_model_no_feature_network(kind):
    with pytest.raises(CheckpointError, match="config.json"):
        load_checkpoint(EMBEDDED / f"features-{kind}")
    with pytest.raises(CheckpointError, match="not of a feature network"):
        load_features(EMBEDDED / kind)


def saved(folder: Path) -> Path:
    torch.manual_seed(0)
    save_features(
        FeatureNet(5, 10).eval(), folder, {"kind": "digits", "factors": list("abcde"), "classes": 10}, "# card"
    )
    return folder


def test_a_wrong_hash_is_refused(tmp_path):
    path = saved(tmp_path) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(CheckpointError, match="truncated or altered"):
        load_features(tmp_path)


def test_weights_of_another_network_are_refused(tmp_path):
    path = saved(tmp_path) / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"classes": 0}))
    with pytest.raises(CheckpointError, match="does not match its config.json"):
        load_features(tmp_path)


@pytest.mark.parametrize(
    "fields",
    [
        {"factors": 3},
        {"factors": None},
        {"factors": []},
        {"factors": [1]},
        {"factors": ["a"] * 10_000},
        {"classes": "10"},
        {"classes": -1},
        {"classes": True},
        {"classes": 10**12},
        {"classes": [10]},
    ],
    ids=lambda fields: str(fields)[:40],
)
def test_a_hostile_config_is_refused_by_name_before_anything_is_allocated(tmp_path, fields):
    path = saved(tmp_path) / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    with pytest.raises(CheckpointError, match=f"config.json has no .* in {next(iter(fields))}; copy the folder again"):
        load_features(tmp_path)


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "{", '{"format": ' + "9" * 5000 + "}", "\xff", " " * 2_000_000])
def test_a_config_that_is_none_is_refused_by_name(tmp_path, text):
    (saved(tmp_path) / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(CheckpointError, match="config.json"):
        load_features(tmp_path)


def test_weights_that_are_too_large_or_none_are_refused_by_name(tmp_path):
    path = saved(tmp_path) / "model.safetensors"
    path.write_bytes(bytes(MAX_BYTES + 1))
    with pytest.raises(CheckpointError, match="model.safetensors holds over"):
        load_features(tmp_path)
    for content in (b"", b"words", b"\xff" * 100):
        path.write_bytes(content)
        config = json.loads((tmp_path / "config.json").read_text())
        config["weights_sha256"] = hashlib.sha256(content).hexdigest()
        (tmp_path / "config.json").write_text(json.dumps(config))
        with pytest.raises(CheckpointError, match="model.safetensors does not match"):
            load_features(tmp_path)


def test_a_missing_network_says_how_to_train_one(tmp_path):
    with pytest.raises(CheckpointError, match="training.tools.features"):
        load_features(tmp_path)


def test_a_mirrored_face_has_left_and_right_changed():
    columns = mirrored(BLENDSHAPES)
    names = {BLENDSHAPES[i]: BLENDSHAPES[column] for i, column in enumerate(columns)}
    assert names["mouthSmileLeft"] == "mouthSmileRight" and names["jawRight"] == "jawLeft"
    assert names["jawOpen"] == "jawOpen" and [columns[column] for column in columns] == list(range(len(columns)))


def test_training_with_steps_repeats_bit_by_bit(digits_root, tmp_path):
    for name in ("first", "again"):
        options = ["--data", digits_root, "--out", tmp_path / name, "--steps", 2, "--device", "cpu"]
        assert run_command(main, [str(option) for option in options]) == 0
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("first", "again")]
    assert weights[0] == weights[1]
    assert load_features(tmp_path / "first")[1]["trained"]["steps"] == 2
    assert "not FID" in (tmp_path / "first" / "README.md").read_text()


def test_help_has_an_example(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "python -m training.tools.features --data data/lfw96" in " ".join(capsys.readouterr().out.split())
