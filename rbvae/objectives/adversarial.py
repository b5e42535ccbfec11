"""The two-player terms: what a discriminator of q against p minimises, and what encoders and generator minimise."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus


def adversarial(d_q: Tensor, d_p: Tensor, form: str) -> Tensor:
    """E_q d - E_p d (A.1 Eq. 13, factor 1/2 dropped), for encoders and generator: [N].

    "raw" as it stands, "softplus" saturated on either side.
    """
    if form == "raw":
        return d_q - d_p
    return softplus(d_q) + softplus(-d_p)


def classify(d_q: Tensor, d_p: Tensor) -> Tensor:
    """Logistic loss of classifying q (label 1) against p (label 0), whose optimum is d = log q/p: [N]."""
    return softplus(-d_q) + softplus(d_p)
