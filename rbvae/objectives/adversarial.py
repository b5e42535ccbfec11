"""The two-player terms: what a discriminator of q against p minimises, what it is fought with, and its penalties."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus


def adversarial(d_q: Tensor, d_p: Tensor, form: str) -> Tensor:
    """E_q d - E_p d (A.1 Eq. 13, factor 1/2 dropped), for encoders and generator: [N].

    "raw" as it stands, "softplus" saturated on either side, "relativistic" saturated in the difference.
    """
    if form == "raw":
        return d_q - d_p
    if form == "relativistic":
        return softplus(d_q - d_p)
    return softplus(d_q) + softplus(-d_p)


def classify(d_q: Tensor, d_p: Tensor, form: str = "softplus") -> Tensor:
    """Logistic loss of telling q (label 1) from p (label 0), whose optimum is d = log q/p; relativistic: pairs: [N]."""
    if form == "relativistic":
        return softplus(d_p - d_q)
    return softplus(-d_q) + softplus(d_p)


def gradient_penalty(disc: nn.Module, x: Tensor, *latents: Tensor) -> Tensor:
    """|grad_x d(x, ...)|^2 / 2 (Mescheder et al. 2018): R1 on real images, R2 on generated ones: [N].

    Calls `forward` itself, past a compiled one: compiled code has no second derivative.
    """
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(disc.forward(x, *latents).sum(), x, create_graph=True)
    return 0.5 * gradient.float().square().flatten(1).sum(dim=1)


def sign_gap(d_q: Tensor, d_p: Tensor, form: str = "softplus") -> Tensor:
    """How surely the signs of the logits tell q from p (ADA's r_t, for both sides): 1 always, 0 by chance: [N]."""
    if form == "relativistic":
        return (d_q - d_p).sign()
    return 0.5 * (d_q.sign() - d_p.sign())
