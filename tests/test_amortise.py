"""What encoder_z learns after the last step, and what it must not."""

import copy
import dataclasses

import pytest
import torch

from rbvae.config import ModelConfig
from rbvae.errors import ConfigError
from rbvae.images import to_float
from rbvae.model import RbVAE
from tests.test_telling import CPU, marked
from training import amortise
from training.batches import Batches
from training.config import TrainConfig, get_preset
from training.linear_start import linear_start
from training.state import TrainingState

SMALL = ModelConfig(image_size=32, width=8, dim_z=6, dim_e=2, patch=2, linear=True)


@pytest.fixture(scope="module")
def batches():
    return Batches(marked(800, True, 0)[0], marked(800, False, 1)[0], batch=16, flip=False, seed=0)


@pytest.fixture(scope="module")
def begun(batches):
    """A model that draws well and whose encoder_z has been led astray."""
    torch.manual_seed(0)
    model = RbVAE(SMALL)
    linear_start(model, batches, True, CPU)
    with torch.no_grad():
        mixing = torch.eye(SMALL.dim_z) + 0.3 * torch.randn(SMALL.dim_z, SMALL.dim_z)
        model.encoder_z.linear.map.weight.copy_(mixing @ model.encoder_z.linear.map.weight)
    return model


def error(model):
    x = to_float(marked(200, True, 9)[0])
    with torch.no_grad():
        return (model(x) - x).abs().mean().item()


def wandering(model):
    """How far z moves, in its own units, when an unseen face is drawn with somebody else's e."""
    x = to_float(marked(200, True, 9)[0])
    with torch.no_grad():
        z, e = (q.mean for q in model.encode(x))
        return (model.encoder_z(model.decode(z, e.roll(1, 0))).mean - z).square().mean().item()


def amortised(model, batches, steps=150):
    model = copy.deepcopy(model)
    amortise.amortise(model, batches, steps)
    return model


def test_unseen_images_are_rebuilt_better_and_only_encoder_z_changes(begun, batches):
    after = amortised(begun, batches)
    assert error(after) < 0.9 * error(begun)
    was, now = begun.state_dict(), after.state_dict()
    changed = {name.split(".")[0] for name in was if not torch.equal(was[name], now[name])}
    assert changed == {"encoder_z"}


def test_without_the_crossed_term_z_would_depend_more_on_e(begun, batches, monkeypatch):
    kept = wandering(amortised(begun, batches))
    monkeypatch.setattr(amortise, "KEEP", 0.0)
    assert kept < 0.9 * wandering(amortised(begun, batches))


def test_it_comes_after_the_last_step_and_training_goes_on_without_it(batches, tmp_path):
    config = dataclasses.replace(get_preset("tiny"), model=SMALL, steps=3, batch=4, amortise_steps=1000)
    state = TrainingState(config, CPU)
    state.step = 2  # no more batches than it had steps
    state.save(tmp_path / "state.pt")
    trained = copy.deepcopy(state.model.state_dict())
    state.amortise(batches)
    assert all(torch.equal(value, trained[name]) for name, value in state.model.state_dict().items())
    again = TrainingState(config, CPU)
    again.restore(tmp_path / "state.pt")
    saved, shown = again.ema.encoder_z.moments.weight, state.ema.encoder_z.moments.weight
    assert not torch.equal(saved, shown)
    assert torch.equal(saved, trained["encoder_z.moments.weight"])


def test_no_step_at_all_needs_weights_to_begin_with():
    with pytest.raises(ConfigError, match="steps=0"):
        TrainConfig(steps=0)
    assert TrainConfig(steps=0, init="checkpoints/faces", amortise_steps=10).telling == 0
