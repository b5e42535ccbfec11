"""A closer z and e for a picture: gradient steps from what the encoders infer.

One encoder serves all pictures, so what it infers is not quite what draws this one best (the amortisation gap of Cremer
et al. 2018). A few steps of Adam on z and e themselves, with the generator as it is, close much of it (semi-amortised
inference, Kim et al. 2018); the paper has nothing of the kind. Few steps, so that z and e stay what edits start from.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rbvae.errors import ConfigError, quoted
from rbvae.model import RbVAE

STEPS, MOST_STEPS = 20, 1000
RATE_Z, RATE_E = 0.12, 0.06  # of Adam, falling to 0 along a line; z and e have a prior standard deviation of 1


def refine(model: RbVAE, x: Tensor, z: Tensor, e: Tensor, steps: int = STEPS) -> tuple[Tensor, Tensor]:
    """Image [N, 3, S, S] in [-1, 1], z [N, D_z] and e [N, D_e] -> the z and e after so many steps on |G(z, e) - x|.

    Each picture for itself; one that G(z, e) would draw less closely afterwards keeps what it had. The model is only
    read. Raises ConfigError for steps outside 0 to 1000.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or not 0 <= steps <= MOST_STEPS:
        raise ConfigError(f"refining by {quoted(steps)} steps; give a whole number from 0 to {MOST_STEPS}")
    with torch.inference_mode(False), torch.enable_grad():
        x = x.clone()  # one made in inference mode cannot be part of a graph
        start = z.detach().clone(), e.detach().clone()
        own = tuple(latent.clone().requires_grad_() for latent in start)
        adam = torch.optim.Adam(
            [{"params": [own[0]], "lr": RATE_Z}, {"params": [own[1]], "lr": RATE_E}], betas=(0.9, 0.99)
        )
        fall = torch.optim.lr_scheduler.PolynomialLR(adam, total_iters=max(1, steps))
        for _ in range(steps):
            found = torch.autograd.grad(_errors(model, x, *own).sum(), own)
            for latent, gradient in zip(own, found, strict=True):
                latent.grad = gradient
            adam.step()
            fall.step()
    with torch.no_grad():
        closer = (_errors(model, x, *own) < _errors(model, x, *start))[:, None]
        z_closer, e_closer = (torch.where(closer, after, before) for after, before in zip(own, start, strict=True))
    return z_closer, e_closer


def _errors(model: RbVAE, x: Tensor, z: Tensor, e: Tensor) -> Tensor:
    """The mean absolute error of each picture [N]."""
    return (model.decode(z, e) - x).abs().mean(dim=(1, 2, 3))
