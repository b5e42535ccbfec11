"""What the closed form in which training may begin does with images whose factors are known."""

import dataclasses

import pytest
import torch
from torch.nn import functional as F

from rbvae.config import ModelConfig
from rbvae.models.model import RbVAE
from training.data.batches import Batches, Sampling
from training.engine.config import TrainConfig
from training.engine.linear_init import LinearStart, fitted, linear_init, symmetric
from training.engine.processes import Processes
from training.engine.start import begin, first_images
from training.engine.state import TrainingState

LINEAR = ModelConfig(image_size=32, width=4, dim_z=3, dim_e=2, patch=2, linear=True)
CPU = Processes(torch.device("cpu"))


def blended(n, styled, seed):
    """uint8 images [n, 3, 32, 32] of three factors all share, and two more where `styled`; and the factors [n, 5]."""
    rng = torch.Generator().manual_seed(seed)
    patterns = torch.randn(5, 3, 3, 3, generator=torch.Generator().manual_seed(9))
    patterns = F.interpolate(patterns, (16, 16), mode="bilinear", align_corners=True)
    factors = torch.randn(n, 5, generator=rng)
    factors[:, 3:] *= 2.0 if styled else 0.0
    small = torch.einsum("nk,kchw->nchw", factors, patterns)
    pixels = (small.repeat_interleave(2, 2).repeat_interleave(2, 3) * 8 + 128).clamp(0, 255).to(torch.uint8)
    return pixels, factors


def r2(features, target):
    known = torch.cat([features, torch.ones(len(features), 1)], dim=1)
    residual = target - known @ torch.linalg.lstsq(known, target).solution
    return (1 - residual.square().sum(0) / (target - target.mean(0)).square().sum(0)).min().item()


@pytest.fixture(scope="module")
def batches():
    return Batches(blended(2000, True, 0)[0], blended(2000, False, 1)[0], Sampling(batch=64, seed=0))


@pytest.mark.parametrize("linear_patch", [0, 4])
def test_what_references_lack_becomes_e_and_the_rest_z(batches, linear_patch):
    model = RbVAE(dataclasses.replace(LINEAR, linear_patch=linear_patch)).eval()
    linear_init(model, *first_images(batches), LinearStart(contrast=True))
    x, factors = blended(500, True, 2)
    q_z, q_e = model.encode(x / 127.5 - 1)
    assert r2(q_e.mean, factors[:, 3:]) > 0.95 and r2(q_z.mean, factors[:, :3]) > 0.95
    assert max(r2(q_z.mean, factors[:, k : k + 1]) for k in (3, 4)) < 0.05
    torch.testing.assert_close(q_e.mean.std(0), torch.ones(2), rtol=0.15, atol=0)
    assert (model(x / 127.5 - 1) - (x / 127.5 - 1)).abs().mean() < 0.2 * (x / 127.5 - 1).abs().mean()


def test_the_first_pictures_are_drawn_and_references_with_e_ref(batches):
    model = RbVAE(LINEAR).eval()
    linear_init(model, *first_images(batches), LinearStart(contrast=True))
    for seed, styled in ((2, True), (3, False)):
        x = blended(200, styled, seed)[0] / 127.5 - 1
        z = model.encode(x)[0].mean
        drawn = model(x) if styled else model.decode_reference(z)
        assert (drawn - x).abs().mean() < 0.2 * x.abs().mean()


def test_where_images_are_mirrored_what_is_lopsided_belongs_to_z():
    """Both a symmetric and a lopsided pattern vary among the unlabelled alone; the first becomes e, the other z."""
    rng = torch.Generator().manual_seed(0)
    pattern = F.interpolate(torch.randn(4, 1, 3, 3, generator=rng), (8, 8), mode="bilinear", align_corners=True)
    pattern = torch.cat([pattern[:3] + pattern[:3].flip(3), pattern[3:] - pattern[3:].flip(3)])
    factors = {kind: torch.randn(2000, 4, generator=rng) for kind in "ur"}
    factors["r"][:, 2:] = 0
    u, r = (torch.einsum("nk,kchw->nchw", factors[kind], pattern) for kind in "ur")
    code = symmetric(u, r, dim_z=3, dim_e=1)
    z, e = code(u.flatten(1)).split([3, 1], dim=1)
    assert r2(e, factors["u"][:, 2:3]) > 0.95 and r2(z, factors["u"][:, 3:]) > 0.95
    assert r2(z, factors["u"][:, 2:3]) < 0.05
    torch.testing.assert_close(code(u.flip(3).flatten(1))[:, 3:], e, rtol=0, atol=1e-4)
    both = torch.cat([code(u.flatten(1)), code(r.flatten(1))])[:, :3]
    torch.testing.assert_close(both.mean(0), torch.zeros(3), rtol=0, atol=1e-4)
    torch.testing.assert_close(both.std(0), torch.ones(3), rtol=1e-3, atol=0)


def test_without_contrast_the_latents_are_principal_components(batches):
    u, r = (batches.unlabelled.flatten(1).float(), batches.references.flatten(1).float())
    code = fitted(u[:, :600], r[:, :600], 3, 2, contrast=False)
    latents = code(torch.cat([u, r])[:, :600])
    assert (torch.corrcoef(latents.T) - torch.eye(5)).abs().max() < 0.05


def test_only_networks_with_a_linear_path_are_begun_so(batches):
    config = TrainConfig(preset="tiny", kind="faces", model=LINEAR, batch=8)
    for linear in (True, False):
        state = TrainingState(dataclasses.replace(config, model=dataclasses.replace(LINEAR, linear=linear)), CPU)
        before = {name: tensor.clone() for name, tensor in state.model.state_dict().items()}
        begin(state, batches)
        changed = {name for name, tensor in state.model.state_dict().items() if not torch.equal(before[name], tensor)}
        assert all("linear" in name or name == "e_ref" for name in changed) and bool(changed) == linear
        assert all(torch.equal(a, b) for a, b in zip(state.ema.parameters(), state.model.parameters(), strict=True))
