"""Who enters which network when the joints are drawn."""

import dataclasses

import torch

from rbvae.config import ModelConfig
from rbvae.models.joints import draw_encoder_joint, draw_generator_joint, draw_noise
from rbvae.models.model import RbVAE

SMALL = ModelConfig(image_size=32, width=8, dim_z=16, dim_e=4, patch=2)


def images(n, seed=0):
    return torch.rand(n, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def noise(n, seed=0, **share):
    return draw_noise(SMALL, n, torch.Generator().manual_seed(seed), **share)


def draw_joints(model, x_u, x_r, some):
    return draw_encoder_joint(model, x_u, x_r, some), draw_generator_joint(model, some)


def test_reference_images_never_enter_encoder_e():
    model, seen = RbVAE(SMALL), []
    model.encoder_e.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    x_u, x_r = images(3, seed=1), images(3, seed=2)
    draw_joints(model, x_u, x_r, noise(3))
    assert len(seen) == 1 and torch.equal(seen[0], x_u)


def test_references_of_the_generator_joint_are_decoded_with_e_ref():
    model = RbVAE(SMALL)
    torch.nn.init.normal_(model.e_ref)
    _, p = draw_joints(model, images(3), images(3), noise(3))
    torch.testing.assert_close(p.x_r, model.decode_reference(p.z_r))
    torch.testing.assert_close(p.x_u, model.decode(p.z_u, p.e_u))


def test_encoder_joint_keeps_the_real_images():
    x_u, x_r = images(3), images(3, seed=1)
    q, _ = draw_joints(RbVAE(SMALL), x_u, x_r, noise(3))
    assert q.x_u is x_u and q.x_r is x_r


def test_one_seed_gives_one_pair_of_joints():
    model = RbVAE(SMALL)
    first, again = (draw_joints(model, images(2), images(2), noise(2, seed=5)) for _ in range(2))
    for joint, same in zip(first, again, strict=True):
        for field in ("z_u", "e_u", "z_r", "x_u", "x_r"):
            assert torch.equal(getattr(joint, field), getattr(same, field))


def test_detached_joints_carry_no_history():
    q, p = draw_joints(RbVAE(SMALL), images(2), images(2), noise(2))
    for joint in (q.detach(), p.detach()):
        for field in dataclasses.fields(joint):
            value = getattr(joint, field.name)
            tensors = [value] if isinstance(value, torch.Tensor) else [value.mean, value.log_var]
            assert not any(tensor.requires_grad for tensor in tensors)


def test_the_shares_of_two_processes_are_the_whole_draw():
    whole, shares = noise(4), [noise(4, rank=rank, world=2) for rank in (0, 1)]
    for field in dataclasses.fields(whole):
        value = getattr(whole, field.name)
        parts = [getattr(share, field.name) for share in shares]
        assert torch.equal(value, torch.cat(parts)), field.name
