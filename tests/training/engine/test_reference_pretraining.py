"""What a network that tells references from other images finds, and what encoder_e makes of it."""

import copy
import dataclasses

import pytest
import torch

from rbvae.config import ModelConfig
from rbvae.errors import ConfigError
from rbvae.extensions import ExtensionConfig
from rbvae.extensions.reference_classifier import ReferenceClassifier
from rbvae.models.encoders import Encoder
from rbvae.models.model import RbVAE
from training.data.batches import Batches, Sampling
from training.engine.config import TrainConfig, get_preset, override, per_value
from training.engine.linear_init import LinearStart, linear_init
from training.engine.processes import Processes
from training.engine.reference_pretraining import pretrain_e, train_classifier, varied
from training.engine.start import begin, first_images
from training.engine.state import TrainingState

SMALL = ModelConfig(image_size=32, width=8, dim_z=6, dim_e=3, patch=2, linear=True)
CPU = Processes(torch.device("cpu"))


def marked(n, moved, seed):
    """uint8 [n, 3, 32, 32]: noise of six shared patterns and, where `moved`, stripes of random phase, which are on
    average nothing; and how strong the stripes are, 0 to 1 [n]."""
    rng = torch.Generator().manual_seed(seed)
    patterns = torch.randn(6, 3, 4, 4, generator=torch.Generator().manual_seed(5))
    patterns = torch.nn.functional.interpolate(patterns, (32, 32), mode="bilinear")
    x = torch.einsum("nk,kchw->nchw", torch.randn(n, 6, generator=rng), patterns) * 10
    strength = torch.rand(n, generator=rng)
    phase = torch.rand(n, 1, 1, generator=rng) * 2 * torch.pi
    stripes = strength[:, None, None] * (torch.arange(32) * torch.pi / 4 + phase).sin().expand(n, 32, 32)
    x = x + 60 * stripes[:, None] * float(moved)
    return (x + 128).clamp(0, 255).to(torch.uint8), strength


def r2(features, target):
    """Of a ridge fitted on the first half and scored on the other."""
    known = torch.cat([features, torch.ones(len(features), 1)], dim=1)
    half = len(known) // 2
    a, b = known[:half], target[:half, None]
    w = torch.linalg.solve(a.T @ a + torch.eye(a.shape[1]), a.T @ b)
    residual = target[half:, None] - known[half:] @ w
    return (1 - residual.square().mean() / target[half:].var()).item()


@pytest.fixture(scope="module")
def batches():
    return Batches(marked(1500, True, 0)[0], marked(1500, False, 1)[0], Sampling(batch=16, seed=0))


@pytest.fixture(scope="module")
def classifier(batches):
    return train_classifier(batches, 60, CPU.device, lambda: ReferenceClassifier(32, 2))


@pytest.fixture(scope="module")
def started(batches, classifier):
    torch.manual_seed(0)
    model = RbVAE(SMALL)
    untouched = {name: tensor.clone() for name, tensor in model.encoder_z.trunk.state_dict().items()}
    images = first_images(batches)
    pretrain_e(model.encoder_e, classifier, batches, images, steps=60)
    linear_init(model, *images, LinearStart(contrast=True, pretrained=2))
    assert all(torch.equal(untouched[name], tensor) for name, tensor in model.encoder_z.trunk.state_dict().items())
    return model.eval()


def test_e_begins_with_what_no_linear_map_of_pixels_shows(batches, started):
    x, strength = marked(600, True, 2)
    linear = RbVAE(SMALL)
    linear_init(linear, *first_images(batches), LinearStart(contrast=True))
    with torch.no_grad():
        of_learnt, of_linear = (model.encoder_e(x / 127.5 - 1).mean for model in (started, linear.eval()))
    assert r2(of_learnt, strength) > 0.5 > 0.2 > r2(of_linear, strength)


def test_e_begins_with_the_priors_variance_and_references_at_e_ref(started):
    with torch.no_grad():
        e_u, e_r = (started.encoder_e(marked(600, moved, 3)[0] / 127.5 - 1).mean for moved in (True, False))
    torch.testing.assert_close(e_u.std(0), torch.ones(3), rtol=0.2, atol=0)
    torch.testing.assert_close(e_r.mean(0), started.e_ref, rtol=0, atol=0.15)
    assert e_r.std(0).max() < 0.8


def test_the_first_pictures_are_drawn_with_the_learnt_e(started):
    x = marked(100, False, 4)[0] / 127.5 - 1
    with torch.no_grad():
        assert (started.decode_reference(started.encode(x)[0].mean) - x).abs().mean() < 0.4 * x.abs().mean()


def test_what_is_learnt_depends_on_nothing_drawn_before(batches, classifier):
    images = tuple(marked(300, moved, 7)[0] / 127.5 - 1 for moved in (True, False))
    first = Encoder(SMALL, 3)
    again, before = copy.deepcopy(first), torch.random.get_rng_state()
    for encoder in (first, again):
        pretrain_e(encoder, classifier, batches, images, steps=2)
        torch.randn(3)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    classifiers = [
        train_classifier(batches, 1, CPU.device, lambda: ReferenceClassifier(32, 2))
        for _ in range(2)
        if torch.randn(1) is not None
    ]
    assert all(torch.equal(a, b) for a, b in zip(*(t.parameters() for t in classifiers), strict=True))
    torch.random.set_rng_state(before)


CONFIG = TrainConfig(preset="tiny", kind="faces", model=SMALL, batch=16, pretraining_steps=3)


def test_methods_without_references_are_told_nothing_and_hold_nothing(batches):
    state = TrainingState(dataclasses.replace(CONFIG, method="vae", freeze_encoder_e=True), CPU)
    before = state.model.encoder_e.trunk.state_dict()["last.0.weight"].clone()
    begin(state, batches)
    assert torch.equal(before, state.model.encoder_e.trunk.state_dict()["last.0.weight"])
    state.update(*batches.at(0))
    assert not torch.equal(before, state.model.encoder_e.trunk.state_dict()["last.0.weight"])


def test_a_teller_tells_images_it_has_not_seen(classifier):
    with torch.no_grad():
        on_u, on_r = (classifier(marked(200, moved, 6)[0] / 127.5 - 1) for moved in (True, False))
    assert (on_r > 0).float().mean() > 0.8 and (on_u < 0).float().mean() > 0.6


def test_standardised_means_have_mean_0_and_variance_1():
    encoder = Encoder(SMALL, 3).eval()
    torch.nn.init.normal_(encoder.moments.weight)
    torch.nn.init.normal_(encoder.linear.map.weight)
    x = torch.rand(64, 3, 32, 32) * 2 - 1
    log_var = encoder(x).log_var.clone()
    encoder.standardise(encoder(x).mean.detach())
    torch.testing.assert_close(encoder(x).mean.mean(0), torch.zeros(3), rtol=0, atol=1e-4)
    torch.testing.assert_close(encoder(x).mean.std(0), torch.ones(3), rtol=1e-3, atol=0)
    torch.testing.assert_close(encoder(x).log_var, log_var)


def test_images_are_moved_and_relit_by_their_seed_alone():
    x = torch.rand(4, 3, 32, 32) * 2 - 1
    first, again, other = (varied(x, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.shape == x.shape and (first - x).abs().mean() > 0.02


def test_pretraining_needs_linear_paths():
    with pytest.raises(ConfigError, match="set extensions.pretrained_weight=0"):
        override(get_preset("digits"), ["init=runs/rb/checkpoint"])
    for wrong in (["pretraining_steps=-1"], ["model.linear=false", "pretraining_steps=3"], ["pretraining_steps=0"]):
        with pytest.raises(ConfigError, match="pretraining_steps"):
            override(get_preset("digits"), wrong)


def pretrained(**changes):
    extensions = ExtensionConfig(pretrained_weight=1.0)
    settings = {"preset": "tiny", "kind": "faces", "model": SMALL, "batch": 8, "steps": 4, "pretraining_steps": 2}
    return TrainConfig(**settings, objective=get_preset("tiny").objective, extensions=extensions, **changes)


@pytest.mark.parametrize("method", ["rb", "srb"])
def test_a_frozen_encoder_e_stays_and_the_rest_learns(batches, method, tmp_path):
    state = TrainingState(pretrained(method=method, freeze_encoder_e=True), CPU)
    begin(state, batches)
    before = copy.deepcopy(state.model.state_dict())
    terms = state.update(*(x[:8] for x in batches.at(0)))
    assert terms["pretrained_e"] >= 0
    changed = {name for name, tensor in state.model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed and not any(name.startswith("encoder_e") for name in changed)
    assert any(name.startswith("generator.ups") or name.startswith("generator.to_image") for name in changed)
    state.save(tmp_path / "state.pt")
    again = TrainingState(state.config, CPU)
    again.restore(tmp_path / "state.pt")
    x = tuple(x[:8] for x in batches.at(1))
    for each in (state, again):
        each.update(*x)
    assert all(torch.equal(a, b) for a, b in zip(state.model.parameters(), again.model.parameters(), strict=True))
    assert all(
        torch.equal(a, b) for a, b in zip(state.classifier.parameters(), again.classifier.parameters(), strict=True)
    )


def test_a_mirrored_classifier_gives_a_mirror_image_the_same_code():
    torch.manual_seed(0)
    classifier, x = ReferenceClassifier(32, 3, mirrored=True).eval(), torch.rand(4, 3, 32, 32) * 2 - 1
    torch.testing.assert_close(classifier.code(x), classifier.code(x.flip(3)))
    assert not torch.allclose(
        ReferenceClassifier(32, 3).eval().code(x), ReferenceClassifier(32, 3).eval().code(x.flip(3))
    )


def test_a_grey_classifier_sees_neither_colour_nor_light():
    torch.manual_seed(0)
    classifier, x = ReferenceClassifier(32, 3, grey=True).eval(), torch.rand(4, 1, 32, 32) - 0.5
    coloured = x * torch.tensor([0.9, 0.5, 0.1])[:, None, None] + torch.tensor([0.1, 0.0, -0.3])[:, None, None]
    torch.testing.assert_close(
        classifier.code(x.expand(-1, 3, -1, -1)), classifier.code(coloured), rtol=1e-4, atol=1e-4
    )


def remembering(method, weight):
    settings = {"preset": "tiny", "kind": "faces", "model": SMALL, "batch": 16, "steps": 60, "lr": 2e-3}
    objective = per_value(SMALL, image=100.0, latent=1.0)
    extensions = ExtensionConfig(pretrained_weight=weight)
    return TrainingState(
        TrainConfig(method=method, pretraining_steps=60, objective=objective, extensions=extensions, **settings), CPU
    )


@pytest.fixture(scope="module")
def begun(batches):
    """What every method with a reference set begins with: the same, whatever the weight."""
    state = remembering("srb", 1.0)
    begin(state, batches)
    return state


@pytest.mark.parametrize("method", ["rb", "srb", "mathieu"])
def test_e_stays_near_what_was_pretrained_by_its_weight(batches, begun, method):
    forgot = {}
    for weight in (0.01, 100.0):
        state = remembering(method, weight)
        state.model.load_state_dict(begun.model.state_dict())
        state.classifier.load_state_dict(begun.classifier.state_dict())
        first, *_, last = [state.update(*batches.at(step))["pretrained_e"] for step in range(25)]
        forgot[weight] = float(last / first)
    assert forgot[100.0] < 0.8 * forgot[0.01], forgot
