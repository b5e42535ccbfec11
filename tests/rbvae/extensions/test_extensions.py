"""What each extension adds to a method, and that the paper's presets have none."""

from types import SimpleNamespace

import pytest
import torch

from rbvae.config import ModelConfig
from rbvae.errors import ConfigError
from rbvae.extensions import EXTENSIONS, ExtensionConfig, crossing, enabled_extensions, pins, r1, reversal
from rbvae.models.joints import draw_encoder_joint, draw_noise
from rbvae.models.model import RbVAE
from rbvae.objectives import ObjectiveConfig, get_method, method_names
from rbvae.objectives.method import drawn_from_prior
from rbvae.objectives.srb_vae import Draws

SMALL = ModelConfig(image_size=32, width=8, dim_z=16, dim_e=4, patch=2)
OBJECTIVE = ObjectiveConfig()


def images(n, seed=0):
    return torch.rand(n, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def noise(n):
    return draw_noise(SMALL, n, torch.Generator().manual_seed(0))


def draws_of(method, model, n=2):
    return method.draw(model, images(n), images(n, seed=1), noise(n), OBJECTIVE, drawn_from_prior)


class Linear(torch.nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def forward(self, x):
        return x.flatten(1) @ self.weight


def test_without_a_setting_there_is_no_extension():
    assert all(enabled_extensions(ExtensionConfig(), name) == () for name in method_names())


def test_a_setting_adds_its_extension_to_the_methods_that_have_a_place_for_it():
    every = ExtensionConfig(1.0, 16, 1.0, 1.0, 0.5, 1.0)
    names = {name: {one.name for one in enabled_extensions(every, name)} for name in ("srb", "rb", "svae", "vae")}
    assert names["srb"] == {one.name for one in EXTENSIONS}
    assert names["rb"] == {"pretrained e"} and names["svae"] == {"R1"} and names["vae"] == set()


@pytest.mark.parametrize("wrong", [{"r1_weight": -1}, {"r1_every": 0}, {"crossed_share": 2}, {"pin_weight": -0.1}])
def test_a_setting_out_of_range_is_named(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ExtensionConfig(**wrong)


def test_gradient_penalty_of_a_linear_discriminator_is_half_its_squared_weight():
    weight = torch.randn(3 * 8 * 8)
    penalty = r1.gradient_penalty(Linear(weight), torch.randn(5, 3, 8, 8))
    torch.testing.assert_close(penalty, 0.5 * weight.square().sum().expand(5))


@pytest.mark.parametrize("name", r1.EXTENSION.methods)
def test_r1_penalises_every_discriminator_and_makes_up_for_being_lazy(name):
    method, model, settings = get_method(name), RbVAE(SMALL), ExtensionConfig(r1_weight=2.0, r1_every=8)
    discs = method.discriminators(SMALL, OBJECTIVE)
    terms = r1.discriminator_terms(discs, draws_of(method, model).detach(), settings)
    weights = r1.weights(settings, SMALL, name)
    assert len(terms) == len(discs) and all(term.min() > 0 and weights[key] == 16.0 for key, term in terms.items())


def test_pins_vanish_where_references_have_the_references_e():
    model, settings = RbVAE(SMALL), ExtensionConfig(pin_weight=1.0)
    draws = draws_of(get_method("srb"), model)
    model.encoder_e.forward = lambda x: SimpleNamespace(mean=model.e_ref.expand(len(x), -1))
    assert pins.model_terms(model, {}, draws, settings)["pin_r"].abs().max() == 0


def test_crossing_takes_the_z_of_the_other_set():
    model = RbVAE(SMALL)
    q, some = draw_encoder_joint(model, images(4), images(4, seed=1), noise(4)), noise(4)
    every = crossing.prior(some, q, ExtensionConfig(crossed_share=1.0))
    assert torch.equal(every.prior_z_u, q.z_r) and torch.equal(every.prior_z_r, q.z_u)
    assert torch.equal(every.prior_e_u, some.prior_e_u)
    none = crossing.prior(some, q, ExtensionConfig())
    assert torch.equal(none.prior_z_u, some.prior_z_u)


def test_reversal_teaches_encoder_z_alone_and_its_classifier_sees_dependence():
    """(z_r, e) and (z_u, e) of one distribution cannot be classified; z_u = e can, by the correlation."""
    model, settings = RbVAE(SMALL), ExtensionConfig(reversal_weight=1.0)
    q = draw_encoder_joint(model, images(4), images(4, seed=1), noise(4))
    reversal.model_terms(model, reversal.networks(SMALL), Draws(q, q), settings)["hide_z"].sum().backward()
    assert model.encoder_z.moments.weight.grad is not None and model.encoder_e.moments.weight.grad is None
    rng = torch.Generator().manual_seed(0)
    z_r, e = torch.randn(512, 2, generator=rng), torch.randn(512, 2, generator=rng)
    losses = {}
    for name, z_u in (("independent", torch.randn(512, 2, generator=rng)), ("copied", e)):
        discs = {"disc_z": reversal.LatentClassifier(2, 2)}
        optimizer = torch.optim.Adam(discs["disc_z"].parameters(), 1e-2)
        joint = SimpleNamespace(q=SimpleNamespace(z_r=z_r, z_u=z_u, e_u=e))
        for _ in range(100):
            optimizer.zero_grad()
            loss = reversal.discriminator_terms(discs, joint, settings)["classify_z"].mean()
            loss.backward()
            optimizer.step()
        losses[name] = loss.item()
    assert losses["copied"] < 0.4 < 1.0 < losses["independent"]  # 2 log 2 = 1.39: chance
