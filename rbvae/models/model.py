"""RbVAE: two encoders, a generator and the learned e_ref; discriminators, which only training needs, are separate."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rbvae.config import ModelConfig
from rbvae.models.basis import Basis
from rbvae.models.distributions import DiagonalGaussian, laplace_nll
from rbvae.models.encoders import Encoder
from rbvae.models.generator import CodeGenerator, Generator


class RbVAE(nn.Module):
    """q(z|x), q(e|x), p(x|z, e) and e_ref [D_e], the e shared by all reference images (section 2).

    A model of codes also has `reference_covariance` [D_e, D_e], that of the e inferred from references: the part of e
    that differs between neutral faces. It is measured after training, and 0 before.
    """

    reference_covariance: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder_z = Encoder(config, config.dim_z)
        self.encoder_e = Encoder(config, config.dim_e)
        self.generator: Generator | CodeGenerator
        if config.observes == "code":
            self.basis = Basis(config.basis)
            self.generator = CodeGenerator(config)
            self.register_buffer("reference_covariance", torch.zeros(config.dim_e, config.dim_e))
        else:
            self.generator = Generator(config)
        self.e_ref = nn.Parameter(torch.zeros(config.dim_e))

    def encode(self, x: Tensor) -> tuple[DiagonalGaussian, DiagonalGaussian]:
        """Return the posteriors (q_z, q_e) of x, an image [N, 3, S, S] in [-1, 1] or a code [N, K]."""
        return self.encoder_z(x), self.encoder_e(x)

    def decode(self, z: Tensor, e: Tensor) -> Tensor:
        """Decode z [N, D_z], e [N, D_e] or [D_e] to x: an image [N, 3, S, S] in [-1, 1], or a code [N, K]."""
        return self.generator(z, e.expand(len(z), -1))

    def decode_reference(self, z: Tensor) -> Tensor:
        """Decode z [N, D_z] with the target factors of the references, G(z, e_ref)."""
        return self.decode(z, self.e_ref)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct x from its posterior means."""
        q_z, q_e = self.encode(x)
        return self.decode(q_z.mean, q_e.mean)

    def nll(self, x: Tensor, x_hat: Tensor, scale: float = 1.0) -> Tensor:
        """-log Laplace(x; x_hat, scale), [N]; a code's coefficients count by their share of the pixels' variance."""
        if self.config.observes == "code":
            x, x_hat = x * self.basis.weight, x_hat * self.basis.weight
        return laplace_nll(x, x_hat, scale)
