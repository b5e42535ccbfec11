"""Terms beside the paper's, off unless a weight asks for them: a perceptual term, what e was told, e pinned on
references, the swap cycle, z blind to references."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rbvae.extensions.reference_classifier import Teller
from rbvae.models.blocks import LEAK, linear
from rbvae.models.joints import EncoderJoint
from rbvae.models.model import RbVAE
from rbvae.objectives.adversarial import adversarial, classify
from rbvae.objectives.method import Discriminators


class ReferenceClassifier(nn.Module):
    """z [N, D_z], e [N, D_e] -> logit [N] of "this z is of a reference image, and e of some other image"."""

    def __init__(self, dim_z: int, dim_e: int, hidden: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            linear(dim_z + dim_e, hidden), nn.LeakyReLU(LEAK), linear(hidden, hidden), nn.LeakyReLU(LEAK),
            nn.Linear(hidden, 1),
        )  # fmt: skip

    def forward(self, z: Tensor, e: Tensor) -> Tensor:
        return self.layers(torch.cat([z, e], dim=1)).squeeze(1).float()


def teller_of(discs: Discriminators) -> Teller:
    """The network that tells references from others."""
    teller = discs["teller"]
    assert isinstance(teller, Teller)
    return teller


def perceptual(discs: Discriminators, x: Tensor, x_hat: Tensor) -> Tensor:
    """How far a reconstruction is from its image to the network that tells references from others: [N]; no gradient for
    x. What that network learned is what references hold still, so mouths and brows weigh more than hair."""
    return teller_of(discs).distance(x, x_hat)


def forgotten(discs: Discriminators, x: Tensor, mean_e: Tensor) -> Tensor:
    """How far the first dimensions of the means of q(e|x) [N, D_e] are from what that network tells of x, squared, a
    dimension: [N]."""
    with torch.no_grad():
        told = teller_of(discs).told(x).float()
    return (mean_e[:, : told.shape[1]] - told).square().mean(dim=1)


def pin(model: RbVAE, x_r: Tensor) -> Tensor:
    """|E[q(e|x_r)] - e_ref|^2 a dimension: [N] (SepVAE, Louiset et al. 2023, its salient prior made a mean)."""
    return (model.encoder_e(x_r).mean - model.e_ref).square().mean(dim=1)


def swap(model: RbVAE, q: EncoderJoint) -> tuple[Tensor, Tensor]:
    """-log q(z_a|x) and -log q(e_b|x) of x = G(z_a, e_b), b the next image of the batch: [N] each.

    The cycle of Mathieu et al. 2016 and of MUNIT (Huang et al. 2018), with the latents as fixed targets.
    """
    z, e = q.z_u.detach(), q.e_u.detach().roll(1, dims=0)
    q_z, q_e = model.encode(model.generator(z, e))
    return q_z.nll(z), q_e.nll(e)


def tell_reference(disc_z: nn.Module, q: EncoderJoint) -> Tensor:
    """Logistic loss of telling (z_r, e_u), which know nothing of each other, from (z_u, e_u) of one image: [N].

    Its optimum is log q(z_r) q(e_u) / q(z_u, e_u): nothing to be told where z_u is distributed as z_r and independent
    of e_u, as both joints of the paper agree on at the optimum.
    """
    return classify(disc_z(q.z_r, q.e_u), disc_z(q.z_u, q.e_u))


def hide_reference(disc_z: nn.Module, q: EncoderJoint) -> Tensor:
    """What encoder_z alone minimises against it: labels swapped, so that the gradient never dies (Ganin and Lempitsky
    2015 reverse it instead): [N]."""
    e_u = q.e_u.detach()
    return adversarial(disc_z(q.z_r, e_u), disc_z(q.z_u, e_u), "softplus")
