"""Broad light that e draws becomes z's, and nothing else changes."""

import copy
import dataclasses

import pytest
import torch
from torch.nn import functional as F

from rbvae.config import ModelConfig
from rbvae.errors import ConfigError
from rbvae.images import to_float
from rbvae.model import RbVAE
from tests.test_telling import CPU, marked
from training.batches import Batches
from training.config import TrainConfig, get_preset
from training.light import broad_light, give_light_to_z, shear, taking_over
from training.linear_start import linear_start
from training.state import TrainingState

SMALL = ModelConfig(image_size=32, width=8, dim_z=6, dim_e=2, patch=2, linear=True)


@pytest.fixture(scope="module")
def batches():
    return Batches(marked(800, True, 0)[0], marked(800, False, 1)[0], batch=16, flip=False, seed=0)


@pytest.fixture(scope="module")
def begun(batches):
    torch.manual_seed(0)
    model = RbVAE(SMALL)
    linear_start(model, batches, True, CPU)
    with torch.no_grad():  # convolutions that draw something
        model.generator.to_image.weight.normal_(std=0.02)
    return model.requires_grad_(False)


def mixing(size):
    """C [D_e, D_z]"""
    return size * torch.randn(2, 6, generator=torch.Generator().manual_seed(0))


def codes(model, images):
    z, e = (q.mean for q in model.encode(to_float(images)))
    return z, e


def changed_by_e(model, images, how=lambda x: x):
    """The mean change of `how` a picture looks when it is drawn with somebody else's e."""
    with torch.no_grad():
        z, e = codes(model, images)
        return (how(model.decode(z, e.roll(1, 0))) - how(model.decode(z, e))).abs().mean().item()


def detail(x):
    """What is left of images without their light."""
    return x - F.avg_pool2d(x, 5, 1, 2, count_include_pad=False)


def test_a_sheared_model_draws_the_same_pictures_of_sheared_latents(begun):
    model, c = copy.deepcopy(begun), mixing(0.3)
    with torch.no_grad():
        shear(model, c)
        z, e = torch.randn(8, 6), torch.randn(8, 2)
        was, now = begun.decode(z, e), model.decode(z + (e - begun.e_ref) @ c, e)
    torch.testing.assert_close(now, was, atol=1e-5, rtol=1e-4)


def test_encoder_z_takes_over_what_is_linear_and_references_keep_their_z(begun):
    model, c, images = copy.deepcopy(begun), mixing(0.3), marked(50, True, 3)[0]
    with torch.no_grad():
        shear(model, c)
        z, e = codes(begun, images)
        torch.testing.assert_close(codes(model, images)[0], z + (e - begun.e_ref) @ c, atol=1e-4, rtol=1e-4)
        z = torch.randn(8, 6)
        torch.testing.assert_close(model.decode_reference(z), begun.decode_reference(z), atol=1e-5, rtol=1e-4)


def test_z_takes_from_e_what_it_can_draw_itself():
    of_z, wanted = torch.randn(4, 30), torch.randn(3, 4)
    weak = taking_over(of_z, wanted @ of_z)
    assert (weak - wanted).norm() < wanted.norm() * 0.8  # a ridge holds it back
    assert torch.equal(taking_over(of_z, torch.zeros(3, 30)), torch.zeros(3, 4))
    beyond = torch.linalg.svd(of_z, full_matrices=True)[2][4:7]
    torch.testing.assert_close(taking_over(of_z, beyond), torch.zeros(3, 4), atol=1e-5, rtol=0)


def test_light_that_e_draws_and_z_could_becomes_z_s(begun, batches):
    drawing_light, images = copy.deepcopy(begun), marked(200, True, 9)[0]
    with torch.no_grad():
        shear(drawing_light, mixing(1.0))
    assert changed_by_e(drawing_light, images, broad_light) > 3 * changed_by_e(begun, images, broad_light)
    model = copy.deepcopy(drawing_light)
    give_light_to_z(model, batches)
    assert changed_by_e(model, images, broad_light) < 0.7 * changed_by_e(drawing_light, images, broad_light)
    assert changed_by_e(model, images, detail) > 0.9 * changed_by_e(begun, images, detail)
    x = to_float(images)
    torch.testing.assert_close(model(x), drawing_light(x), atol=1e-3, rtol=1e-2)  # here all of e is linear in pixels


def test_light_is_the_same_for_details_of_no_mean_and_not_for_light():
    x = torch.zeros(2, 3, 32, 32)
    x[0, :, ::2], x[0, :, 1::2] = 0.5, -0.5
    x[1, :, :16] = 0.5
    light = broad_light(x)
    assert light[0].abs().max() < 0.1 and light[1].abs().max() > 0.4


def test_it_is_part_of_the_last_phase_for_methods_with_references(begun, batches):
    config = dataclasses.replace(get_preset("tiny"), model=SMALL, steps=3, batch=4, amortise_steps=2, light_in_z=True)
    for method, expected in (("srb", {"generator", "encoder_z"}), ("vae", set())):
        state = TrainingState(dataclasses.replace(config, method=method), CPU)
        state.ema.load_state_dict(begun.state_dict())
        before, state.step = copy.deepcopy(state.ema.state_dict()), 3
        state.amortise(batches)
        now = state.ema.state_dict()
        changed = {name.split(".")[0] for name in before if not torch.equal(before[name], now[name])}
        assert changed == expected


def test_it_needs_the_phase_that_follows():
    with pytest.raises(ConfigError, match="light_in_z"):
        TrainConfig(light_in_z=True)
