import pytest
import torch

from rbvae import ModelConfig, RbVAE
from rbvae.extensions.closed_form import CodeStatistics, closed_form, principal_form

CONFIG = ModelConfig(
    observes="code", image_size=32, texels=4, texture_even=8, texture_odd=4, shape_even=3, shape_odd=1,
    dim_z=14, dim_e=2, hidden=8,
)  # fmt: skip
N, K = 4000, 16
EXPRESSION, LIGHT = 3, 7  # coefficients


@pytest.fixture(scope="module")
def data() -> CodeStatistics:
    """Codes in which one coefficient varies among non-references alone, and another with the light among all."""
    rng = torch.Generator().manual_seed(0)
    codes = torch.randn(N, K, generator=rng)
    references = torch.arange(N) < N // 2
    codes[references, EXPRESSION] *= 0.1
    codes[~references, EXPRESSION] *= 3
    light = torch.randn(N, 1, generator=rng)
    codes[~references, LIGHT] += 2 * light[~references, 0]  # references happen to be lit alike
    changes = torch.zeros(200, K)
    changes[:, LIGHT] = 3 * torch.randn(200, generator=rng)
    return CodeStatistics(codes, references, changes, light, torch.randn(N, 2, generator=rng))


@pytest.fixture(scope="module")
def model(data) -> RbVAE:
    model = RbVAE(CONFIG)
    closed_form(model, data)
    return model


@torch.no_grad()
def test_e_holds_what_references_lack_and_not_the_light(model, data):
    e = model.encoder_e(data.codes).mean
    together = torch.corrcoef(torch.cat([e, data.codes[:, [EXPRESSION, LIGHT]]], dim=1).T).abs()
    assert together[:2, 2].max() > 0.95
    assert together[:2, 3].max() < 0.3


@torch.no_grad()
def test_e_of_all_faces_together_is_the_prior(model, data):
    e = model.encoder_e(data.codes).mean
    torch.testing.assert_close(e.mean(dim=0), torch.zeros(2), atol=1e-3, rtol=0)
    torch.testing.assert_close(torch.cov(e.T), torch.eye(2), atol=1e-2, rtol=0)
    torch.testing.assert_close(model.e_ref, e[data.references].mean(dim=0), atol=1e-3, rtol=0)


@torch.no_grad()
def test_nothing_is_lost_where_there_are_as_many_latents_as_coefficients(model, data):
    torch.testing.assert_close(model(data.codes[:50]), data.codes[:50], atol=0.02, rtol=0)


@torch.no_grad()
def test_without_references_the_latents_are_principal_components(data):
    model = RbVAE(CONFIG)
    principal_form(model, data)
    torch.testing.assert_close(model(data.codes[:50]), data.codes[:50], atol=0.02, rtol=0)


@torch.no_grad()
def test_random_faces_lie_among_real_codes_even_if_few_faces_were_seen():
    """Light, pose and e together have as many columns as there are faces, so that they would explain any noise."""
    rng = torch.Generator().manual_seed(0)
    n = 28
    codes, light, pose = (torch.randn(n, columns, generator=rng) for columns in (K, 20, 4))
    few = CodeStatistics(codes, torch.arange(n) < 8, torch.randn(50, K, generator=rng), light, pose)
    model = RbVAE(CONFIG)
    closed_form(model, few)
    drawn = model.decode(torch.randn(2000, 14, generator=rng), torch.randn(2000, 2, generator=rng))
    assert (drawn.std(dim=0) / codes.std(dim=0)).max() < 1.5
