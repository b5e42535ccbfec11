"""The engine: each update moves its own parameters, a run can be continued, and bad settings are named."""

import dataclasses
import json
import math

import pytest
import torch
from huggingface_hub import ModelCard

from rbvae.checkpoint import load_checkpoint
from rbvae.errors import ConfigError, DatasetError, TrainingError
from rbvae.faces.landmarks import BLENDSHAPES
from rbvae.models.joints import draw_noise
from rbvae.objectives import get_method, method_names
from training.data.batches import Batches, Sampling, step_generator
from training.data.datasets import load_images
from training.data.image_sets import ImageSets, LabelledImages
from training.engine.cli import pick_device
from training.engine.config import PRESETS, TrainConfig, get_preset, override
from training.engine.loop import train
from training.engine.processes import Processes
from training.engine.report import check
from training.engine.run_folder import differences
from training.engine.start import warm_start
from training.engine.state import TrainingState
from training.evaluation.directions import MOST

CPU = Processes(torch.device("cpu"))
CONFIG = dataclasses.replace(
    get_preset("tiny"), steps=4, batch=4, report_every=2, save_every=2, grid_every=100, method="srb"
)


def image_sets(n=24, seed=0):
    rng = torch.Generator().manual_seed(seed)

    def labelled():
        images = torch.randint(0, 256, (n, 3, 32, 32), dtype=torch.uint8, generator=rng)
        return LabelledImages(images, torch.rand(n, len(BLENDSHAPES), generator=rng), BLENDSHAPES)

    train_images = labelled()
    return ImageSets("faces", train_images.images, train_images.images[:8], train_images, labelled())


def batch():
    sets = image_sets()
    return Batches(sets.unlabelled, sets.references, Sampling(4, seed=0, flip=True)).at(0)


def snapshot(module):
    return [parameter.detach().clone() for parameter in module.parameters()]


def moved(before, module):
    return [not torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True)]


@pytest.mark.parametrize("method", method_names())
def test_one_step_moves_every_network(method):
    state = TrainingState(dataclasses.replace(CONFIG, method=method), CPU)
    before = snapshot(state.model), snapshot(state.discs)
    state.update(*batch())
    unused = 0 if get_method(method).features == "e" else 1  # e_ref
    assert sum(moved(before[0], state.model)) == len(before[0]) - unused and all(moved(before[1], state.discs))


def test_each_update_moves_only_its_own_parameters():
    state = TrainingState(CONFIG, CPU)
    noise = draw_noise(CONFIG.model, 4, step_generator(0, 0, CPU.device))
    draws = state.method.draw(state.model, *batch(), noise, CONFIG.objective, state.prior)
    model, discs = snapshot(state.model), snapshot(state.discs)
    state.update_discriminators(draws.detach(), lazy=True)
    assert not any(moved(model, state.model)) and any(moved(discs, state.discs))
    discs = snapshot(state.discs)
    state.update_model(draws)
    assert any(moved(model, state.model)) and not any(moved(discs, state.discs))
    assert all(parameter.grad is None or not parameter.requires_grad for parameter in state.discs.parameters())


def test_average_follows_the_weights_by_its_half_life():
    state = TrainingState(dataclasses.replace(CONFIG, ema_images=8), CPU)  # 8 images are one step of 4 + 4
    for average in state.ema.parameters():
        average.zero_()
    for weight in state.model.parameters():
        weight.detach().fill_(1.0)
    state.step = 1000
    state._average()
    assert state.ema.e_ref[0].item() == pytest.approx(0.5)
    assert math.isclose(next(state.ema.generator.parameters()).mean().item(), 0.5, rel_tol=1e-5)


def test_batches_depend_on_seed_and_step_alone():
    sets = image_sets()
    batches = Batches(sets.unlabelled, sets.references, Sampling(4, seed=0, flip=True))
    first, again, later = batches.at(7), batches.at(7), batches.at(8)
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[0], later[0])
    assert first[0].shape == (4, 3, 32, 32) and -1 <= first[0].min() and first[0].max() <= 1


@pytest.mark.parametrize("method", ["rb", "srb"])
def test_resume_equals_uninterrupted(method, tmp_path):
    config, sets = dataclasses.replace(CONFIG, method=method), image_sets()
    for name, steps in (("whole", [4]), ("parts", [2, 4])):
        (tmp_path / name).mkdir()
        for end in steps:
            train(dataclasses.replace(config, steps=end), sets, tmp_path / name, CPU)
    whole, parts = (torch.load(tmp_path / name / "state.pt", weights_only=True) for name in ("whole", "parts"))
    for part in ("model", "ema", "discs"):
        for name, tensor in whole[part].items():
            assert torch.equal(tensor, parts[part][name]), f"{part}.{name}"
    weights = [(tmp_path / name / "checkpoint" / "model.safetensors").read_bytes() for name in ("whole", "parts")]
    assert weights[0] == weights[1]


def test_run_leaves_what_it_promises(tmp_path):
    scores = train(CONFIG, image_sets(), tmp_path, CPU)
    lines = [json.loads(line) for line in (tmp_path / "stats.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert {path.name for path in (tmp_path / "grids").iterdir()} == {"samples-0000004.png", "transfer-0000004.png"}
    assert any((tmp_path / "tensorboard").iterdir())
    card = (tmp_path / "checkpoint" / "README.md").read_text()
    assert card.startswith("---\n") and f"{scores['reconstruction']['l1']:.2f} grey levels" in card
    shown = {result.metric_name: result.metric_value for result in ModelCard(card).data.eval_results}
    assert shown["L1 of the reconstruction, grey levels"] == round(scores["reconstruction"]["l1"], 3)
    checkpoint = load_checkpoint(tmp_path / "checkpoint")
    assert checkpoint.kind == "faces" and len(checkpoint.directions) <= MOST
    assert 0 < checkpoint.calibration["error_p95"] <= checkpoint.calibration["error_p99"]
    moves = [direction["moves"] for direction in checkpoint.directions]
    assert moves == sorted(moves, reverse=True)


def test_a_state_that_has_diverged_is_not_saved(tmp_path):
    state = TrainingState(CONFIG, CPU)
    state.save(tmp_path / "state.pt")
    before = (tmp_path / "state.pt").read_bytes()
    state.model.e_ref.data.fill_(math.nan)
    with pytest.raises(TrainingError, match="weights are not finite; lower lr"):
        state.save(tmp_path / "state.pt")
    assert (tmp_path / "state.pt").read_bytes() == before


def test_the_clock_ends_a_run_with_a_checkpoint(tmp_path):
    train(dataclasses.replace(CONFIG, steps=10**6), image_sets(), tmp_path, CPU, minutes=1e-6)
    assert load_checkpoint(tmp_path / "checkpoint").kind == "faces"
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 1


def test_resuming_with_other_settings_names_them(tmp_path):
    state = TrainingState(CONFIG, CPU)
    state.save(tmp_path / "state.pt")
    other = TrainingState(override(CONFIG, ["beta1=0.9", "extensions.r1_weight=1"]), CPU)
    with pytest.raises(TrainingError, match=r"beta1: 0.5 -> 0.9; extensions.r1_weight"):
        other.restore(tmp_path / "state.pt")


def test_a_run_from_before_a_setting_was_added_continues(tmp_path):
    path = tmp_path / "state.pt"
    TrainingState(CONFIG, CPU).save(path)
    saved = torch.load(path, weights_only=True)
    del saved["config"]["execution"], saved["config"]["objective"]["beta"]
    torch.save(saved, path)
    TrainingState(CONFIG, CPU).restore(path)
    with pytest.raises(TrainingError, match=r"objective.beta: 4.0 -> 2.0"):
        TrainingState(override(CONFIG, ["objective.beta=2"]), CPU).restore(path)


def test_a_lower_learning_rate_holds_when_a_run_is_continued(tmp_path):
    TrainingState(CONFIG, CPU).save(tmp_path / "state.pt")
    state = TrainingState(override(CONFIG, ["lr=1e-4"]), CPU)
    state.restore(tmp_path / "state.pt")
    assert state.model_optimizer.param_groups[0]["lr"] == state.disc_optimizer.param_groups[0]["lr"] == 1e-4


def test_a_damaged_state_is_refused(tmp_path):
    state = TrainingState(CONFIG, CPU)
    state.save(tmp_path / "state.pt")
    path = tmp_path / "state.pt"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(TrainingError, match="damaged"):
        TrainingState(CONFIG, CPU).restore(path)


def test_warm_start_begins_with_the_given_weights(tmp_path):
    train(dataclasses.replace(CONFIG, method="rb"), image_sets(), tmp_path, CPU)
    state = TrainingState(CONFIG, CPU)
    warm_start(state, str(tmp_path / "checkpoint"))
    given = load_checkpoint(tmp_path / "checkpoint").model
    assert torch.equal(state.model.encoder_z.moments.weight, given.encoder_z.moments.weight)
    wider = TrainingState(override(CONFIG, ["model.width=16"]), CPU)
    with pytest.raises(TrainingError, match="other networks"):
        warm_start(wider, str(tmp_path / "checkpoint"))


def test_divergence_and_saturation_stop_with_what_to_change():
    check(10, {"image_u": 1.0, "logit_q_u": 3.0}, images=10**6)
    with pytest.raises(TrainingError, match="image_u not finite; lower lr"):
        check(10, {"image_u": float("nan")}, images=1)
    with pytest.raises(TrainingError, match="discriminators have won"):
        check(10, {"logit_q_u": 1e3}, images=1)


def test_a_run_that_ignores_e_stops_once_it_had_time_to_use_it():
    check(10, {"spread_over_e": 0.01}, images=1000)
    check(10, {"spread_over_e": 1.0}, images=10**6)
    with pytest.raises(TrainingError, match=r"e is ignored at step 10.*latent_e_weight"):
        check(10, {"spread_over_e": 0.01}, images=10**6)


def test_settings_are_overridden_by_name():
    config = override(CONFIG, ["objective.form=raw", "lr=1", "model.dim_e=16"][::2] + ["lr=0.001"])
    assert config.objective.form == "raw" and config.model.dim_e == 16 and config.lr == 1e-3
    assert TrainConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("assignment", "message"),
    [("lr", "NAME=VALUE"), ("speed=3", "no setting 'speed'"), ("batch=many", "not of type int"),
     ("objective.form=hinge", "softplus"), ("lr=0", "lr=0"), ("model.image_size=50", "image_size")],
)  # fmt: skip
def test_a_bad_setting_is_named(assignment, message):
    with pytest.raises(ConfigError, match=message):
        override(CONFIG, [assignment])


def test_differences_leave_out_what_does_not_touch_the_numbers():
    begun, now = CONFIG.to_dict(), dataclasses.replace(CONFIG, steps=99, report_every=7).to_dict()
    assert differences(begun, now) == []


def test_unknown_presets_and_devices_list_what_there_is():
    with pytest.raises(ConfigError, match="faces-paper"):
        get_preset("huge")
    with pytest.raises(ConfigError, match="choose cpu"):
        pick_device("tpu")
    assert set(PRESETS) == {*("tiny", "tiny-code", "digits", "faces", "faces-128", "digits-paper", "faces-paper")}


def test_prepared_faces_are_read_back(prepared_faces):
    sets = load_images(prepared_faces, "faces", 32, seed=0)
    assert sets.unlabelled.shape[1:] == (3, 32, 32) and sets.unlabelled.dtype == torch.uint8
    assert len(sets.unlabelled) + len(sets.probe_test.images) == 30
    assert 0 < len(sets.references) < len(sets.unlabelled)
    with pytest.raises(DatasetError, match="prepared at 32 px and this model takes 64"):
        load_images(prepared_faces, "faces", 64, seed=0)


def test_a_folder_without_a_dataset_says_how_to_make_one(tmp_path):
    with pytest.raises(DatasetError, match="prepare_faces"):
        load_images(tmp_path, "faces", 64, seed=0)
    with pytest.raises(DatasetError, match="MNIST"):
        load_images(tmp_path, "digits", 64, seed=0)
