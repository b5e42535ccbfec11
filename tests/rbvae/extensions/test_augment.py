"""What discriminators see: unchanged at p = 0, changed at p = 1, alike for both joints, and differentiable."""

import torch

from rbvae.extensions.augmentation import DRAWS, augment


def images(n=4):
    return torch.rand(n, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def uniform(n=4, seed=1):
    return torch.rand(n, DRAWS, generator=torch.Generator().manual_seed(seed))


def test_at_probability_zero_images_come_back_as_they_are():
    torch.testing.assert_close(augment(images(), uniform(), torch.tensor(0.0)), images())


def test_at_probability_one_every_image_changes_and_keeps_its_shape():
    x = images()
    changed = augment(x, uniform(), torch.tensor(1.0))
    assert changed.shape == x.shape and changed.isfinite().all()
    assert ((changed - x).abs().flatten(1).mean(dim=1) > 0.05).all()


def test_one_draw_changes_two_images_in_the_same_way():
    one = images()[:1].expand(2, -1, -1, -1)
    same = augment(one, uniform(1).expand(2, -1), torch.tensor(1.0))
    assert torch.equal(same[0], same[1])


def test_gradients_reach_the_images():
    x = images().requires_grad_(True)
    augment(x, uniform(), torch.tensor(1.0)).square().sum().backward()
    assert x.grad.isfinite().all() and (x.grad != 0).float().mean() > 0.5


def test_half_of_the_images_are_mirrored_when_nothing_else_moves():
    x, middle = images(64), torch.full((64, DRAWS), 0.5)
    middle[:, 0] = 0.0  # geometry on, the others off
    middle[:, 1:3] = 1.0
    middle[:32, 3], middle[32:, 3] = 0.25, 0.75
    seen = augment(x, middle, torch.tensor(0.5))
    torch.testing.assert_close(seen[:32], x[:32].flip(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen[32:], x[32:], atol=1e-5, rtol=0)
