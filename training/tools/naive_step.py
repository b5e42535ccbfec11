"""The training step without the engine's optimisations, so that speed.py can measure the effect of each of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from rbvae.images.arrays import to_tensor
from rbvae.models.blocks import LEAK, LeakyPixelNorm, PixelNorm
from rbvae.models.distributions import DiagonalGaussian, laplace_nll
from rbvae.models.joints import Noise, draw_encoder_joint, draw_generator_joint
from rbvae.objectives import srb_vae
from rbvae.objectives.adversarial import adversarial
from rbvae.objectives.method import drawn_from_prior
from training.engine.config import TrainConfig
from training.engine.processes import Processes
from training.engine.state import TrainingState


@dataclass(frozen=True)
class Optimisations:
    """Optimisations that a straightforward implementation lacks.

    They are: one draw for all terms of both updates, joined batches without gradients for real images, fused Adam, and
    a hand-written gradient of the pixel norm.
    """

    shared_draws: bool = True
    joined_batches: bool = True
    fused_adam: bool = True
    own_gradient: bool = True


class Halves(nn.Module):
    """Calls a network separately for each half of a batch, like code that treats real and generated images apart."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor, still: int = 0) -> Tensor | DiagonalGaussian:
        middle = len(inputs[0]) // 2
        first, second = self.network(*(x[:middle] for x in inputs)), self.network(*(x[middle:] for x in inputs))
        if isinstance(first, Tensor):
            return torch.cat([first, second])
        return DiagonalGaussian(torch.cat([first.mean, second.mean]), torch.cat([first.log_var, second.log_var]))


class NaiveState(TrainingState):
    """sRb-VAE's `TrainingState` without some of the optimisations; losses and updates are the same."""

    def __init__(self, config: TrainConfig, processes: Processes, optimisations: Optimisations) -> None:
        self.optimisations = optimisations
        super().__init__(config, processes)
        if not optimisations.own_gradient:
            plain_norms(self.model)
        if not optimisations.joined_batches:
            for name in ("encoder_z", "generator"):
                setattr(self.model, name, Halves(getattr(self.model, name)))
                setattr(self.ema, name, Halves(getattr(self.ema, name)))
            for name in list(self.discs):
                self.discs[name] = Halves(self.discs[name])

    def _adam(self, networks: nn.Module) -> torch.optim.Adam:
        if self.optimisations.fused_adam:
            return super()._adam(networks)
        config = self.config
        return torch.optim.Adam(
            networks.parameters(), config.lr, betas=(config.beta1, config.beta2), foreach=False, fused=False
        )

    def _update_both(self, x_u: Tensor, x_r: Tensor, noise: Noise, lazy: bool) -> dict[str, Tensor]:
        if self.optimisations.shared_draws:
            return super()._update_both(x_u, x_r, noise, lazy)
        objective = self.config.objective
        with torch.no_grad(), self.autocast():
            draws = self.method.draw(self.model, x_u, x_r, noise, objective, drawn_from_prior)
        terms = self.update_discriminators(draws, lazy)
        self.discs.requires_grad_(False)
        with self.autocast():
            parts = self._adversarial(x_u, x_r, noise) | self._image_cycle(x_u, x_r, noise) | self._latent_cycle(noise)
            parts = {name: term.mean() for name, term in parts.items()}
        self._descend(self.model_optimizer, parts)
        return terms | {name: term.detach() for name, term in parts.items()}

    def _adversarial(self, x_u: Tensor, x_r: Tensor, noise: Noise) -> dict[str, Tensor]:
        objective = self.config.objective
        draws = srb_vae.draw(self.model, x_u, x_r, noise, objective, drawn_from_prior)
        d_q_u, d_p_u, d_q_r, d_p_r = srb_vae.logits(dict(self.discs.items()), draws)
        return {
            "adversarial_u": adversarial(d_q_u, d_p_u, objective.form),
            "adversarial_r": adversarial(d_q_r, d_p_r, objective.form),
        }

    def _image_cycle(self, x_u: Tensor, x_r: Tensor, noise: Noise) -> dict[str, Tensor]:
        q = draw_encoder_joint(self.model, x_u, x_r, noise)
        x_hat_u, x_hat_r = self.model.decode(q.z_u, q.e_u), self.model.decode_reference(q.z_r)
        scale = self.config.objective.laplace_scale
        return {
            "image_u": laplace_nll(x_u, x_hat_u.float(), scale),
            "image_r": laplace_nll(x_r, x_hat_r.float(), scale),
        }

    def _latent_cycle(self, noise: Noise) -> dict[str, Tensor]:
        p = draw_generator_joint(self.model, noise)
        q_z, q_e = self.model.encode(p.x_u)
        nll_z_r = self.model.encoder_z(p.x_r).nll(p.z_r)
        return {"latent_z_u": q_z.nll(p.z_u), "latent_e_u": q_e.nll(p.e_u), "latent_z_r": nll_z_r}


def plain_norms(module: nn.Module) -> None:
    """Replaces every LeakyPixelNorm by the two layers it fuses."""
    for name, child in module.named_children():
        if isinstance(child, LeakyPixelNorm):
            setattr(module, name, nn.Sequential(nn.LeakyReLU(LEAK), PixelNorm()))
        plain_norms(child)


class EncodedImages(Dataset[Tensor]):
    """Compressed images that are decoded on every access."""

    def __init__(self, images: Tensor) -> None:
        self.encoded: list[bytes] = []
        for image in images:
            stream = io.BytesIO()
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(stream, "WEBP", quality=90)
            self.encoded.append(stream.getvalue())

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, row: int) -> Tensor:
        return to_tensor(np.asarray(Image.open(io.BytesIO(self.encoded[row])).convert("RGB")))


def loaded_batches(images: Tensor, batch: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields endless batches (x_u, x_r), decoded by a DataLoader with default settings and copied to the device."""
    loader = DataLoader(EncodedImages(images), batch_size=batch, shuffle=True, drop_last=True)
    while True:
        for x_u, x_r in zip(loader, loader, strict=True):
            yield x_u.to(device), x_r.to(device)
