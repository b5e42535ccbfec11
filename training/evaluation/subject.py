"""A model with what it makes of the images of a run, inferred in one pass, from which everything else is measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rbvae.images.arrays import to_float, to_uint8
from rbvae.models.model import RbVAE
from training.data.image_sets import ImageSets
from training.evaluation.probes import posterior_means

GREY_LEVELS = 127.5  # of 255, per unit of an image in [-1, 1]


@dataclass(frozen=True)
class Subject:
    """A model in evaluation mode, with its posterior means of the probe images `z_train` [M, D_z], `e_train` [M, D_e],
    and of the held-out images `z` [N, D_z], `e` [N, D_e], all on the CPU.

    `errors` are the mean absolute reconstruction errors of the held-out images [N], or, of a model of codes, of the
    textures that were kept. `fidelity` is their summary.
    """

    model: RbVAE
    sets: ImageSets
    device: torch.device
    z_train: Tensor
    e_train: Tensor
    z: Tensor
    e: Tensor
    errors: np.ndarray
    fidelity: dict[str, float]

    def usual_errors(self) -> dict[str, float]:
        """Returns the 95th and 99th percentiles of `errors`, in grey levels.

        rbvae.editing.warnings uses them to warn about unusual photos.
        """
        p95, p99 = np.percentile(self.errors, [95, 99])
        return {"error_p95": round(float(p95), 2), "error_p99": round(float(p99), 2)}

    @torch.inference_mode()
    def decoded(self, z: Tensor, e: Tensor, batch: int = 200) -> Tensor:
        """Returns G(z, e) as images uint8 [N, 3, S, S] on the CPU."""
        parts = zip(z.split(batch), e.split(batch), strict=True)
        return torch.cat(
            [to_uint8(self.model.decode(z_k.to(self.device), e_k.to(self.device))).cpu() for z_k, e_k in parts]
        )


def infer(model: RbVAE, sets: ImageSets, device: torch.device) -> Subject:
    """Infers and reconstructs the images of a run with a model on `device`."""
    model.eval()
    z_train, e_train = posterior_means(model, sets.probe_train.images, device)
    if sets.codes:
        from training.evaluation.codes import texture_errors

        z, e = posterior_means(model, sets.probe_test.images, device)
        errors, lost = texture_errors(model, sets, device), texture_errors(None, sets, device)
        fidelity = {"basis_l1": float(lost.mean()), "l1": float(errors.mean())}
    else:
        z, e, errors, fidelity = _reconstructed(model, sets.probe_test.images, device)
    return Subject(model, sets, device, z_train, e_train, z, e, errors, fidelity)


@torch.inference_mode()
def _reconstructed(
    model: RbVAE, images: Tensor, device: torch.device, batch: int = 256
) -> tuple[Tensor, Tensor, np.ndarray, dict[str, float]]:
    """Returns z, e, `errors` in grey levels, and L1 in grey levels (0 to 255) and PSNR in dB over all pixels."""
    z, e, errors = [], [], []
    absolute, squared, count = 0.0, 0.0, 0
    for part in images.split(batch):
        x = to_float(part.to(device))
        q_z, q_e = model.encode(x)
        difference = model.decode(q_z.mean, q_e.mean).float() - x
        z.append(q_z.mean.cpu())
        e.append(q_e.mean.cpu())
        errors.append(difference.abs().mean(dim=(1, 2, 3)).cpu())
        absolute += float((difference * GREY_LEVELS).abs().sum())
        squared += float((difference * GREY_LEVELS).square().sum())
        count += difference.numel()
    fidelity = {"l1": absolute / count, "psnr": float(10 * np.log10(255.0**2 * count / max(squared, 1e-9)))}
    return torch.cat(z), torch.cat(e), torch.cat(errors).numpy() * GREY_LEVELS, fidelity
