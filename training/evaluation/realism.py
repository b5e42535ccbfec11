"""Realism and fidelity: torchmetrics' Frechet and kernel distances in this project's own features, and SSIM.

The distances are called FID-expr and KID-expr (faces) or FID-style and KID-style (digits). They do not use Inception
features, so they are not FID and KID and can be compared only with values from the same feature network.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.data.progress import track
from training.evaluation.feature_net import FeatureNet

NAMES = {"faces": ("FID-expr", "KID-expr"), "digits": ("FID-style", "KID-style")}
SUBSETS, SUBSET_SIZE = 50, 500
BLUR = 0.03  # standard deviation of the blur relative to the image's side; 2 px at 64 px


class GivenFeatures(nn.Module):
    """Passes precomputed features to torchmetrics, so that they are not recomputed for every comparison."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.num_features = features

    def forward(self, features: Tensor) -> Tensor:
        return features


def distances(candidates: Tensor, photos: Tensor, seed: int) -> dict[str, float]:
    """Returns the distances {"fid", "kid", "kid_std"} between features [N, D] and [M, D] of two sets of images.

    fid is |m_1 - m_2|^2 + tr(C_1 + C_2 - 2 (C_1 C_2)^(1/2)). kid is the unbiased squared maximum mean discrepancy with
    the kernel (x.y/D + 1)^3, averaged over seeded random subsets; kid_std is its standard deviation over the subsets.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore", UserWarning)  # KID warns that it keeps all features in memory; there are few
        torch.manual_seed(seed)
        fid = FrechetInceptionDistance(GivenFeatures(photos.shape[1]))
        size = min(SUBSET_SIZE, len(candidates), len(photos))
        kid = KernelInceptionDistance(GivenFeatures(photos.shape[1]), subsets=SUBSETS, subset_size=size)
        for metric in (fid, kid):
            metric.update(photos.double(), real=True)
            metric.update(candidates.double(), real=False)
        mean, deviation = kid.compute()
        return {"fid": float(fid.compute()), "kid": float(mean), "kid_std": float(deviation)}


def measure_realism(net: FeatureNet, sets: dict[str, Tensor], train: Tensor, seed: int) -> dict[str, Any]:
    """Returns the distances of each set of images, uint8 [N, 3, S, S], to training photos [M, 3, S, S].

    Adds two floors: the images in `sets["photos"]` blurred, and uniform noise.
    """
    photos = sets["photos"]
    rng = torch.Generator().manual_seed(seed)
    noise = torch.randint(0, 256, photos.shape, dtype=torch.uint8, generator=rng)
    reference = net.predict(train)[0]
    sets = sets | {"blurred": blurred(photos), "noise": noise}
    found = {
        name: distances(net.predict(pictures)[0], reference, seed)
        for name, pictures in track(sets.items(), "realism: set of pictures")
    }
    return {"pictures": len(photos), "train_pictures": len(train), "to_train": found}


def blurred(pictures: Tensor) -> Tensor:
    """Blurs images uint8 [N, 3, S, S] with a Gaussian whose standard deviation is BLUR times the side."""
    from scipy.ndimage import gaussian_filter

    sigma = BLUR * pictures.shape[-1]
    soft = gaussian_filter(pictures.float().numpy(), sigma, mode="nearest", radius=round(3 * sigma), axes=(2, 3))
    return torch.from_numpy(soft).round().clamp(0, 255).to(torch.uint8)


def likeness(pictures: Tensor, photos: Tensor, batch: int = 200) -> dict[str, float]:
    """Compares images with the photos they reproduce, both uint8 [N, 3, S, S].

    Returns `l1` in grey levels (0 to 255), `psnr` in dB over all pixels together, and `ssim` averaged over images and
    channels (Wang et al. 2004; torchmetrics, Gaussian window of 11 px). SSIM is computed on [0, 1], because its
    luminance term is meaningless for values around 0.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    absolute, squared, similar = 0.0, 0.0, 0.0
    for one, other in zip(pictures.split(batch), photos.split(batch), strict=True):
        x, y = (some.float().to(memory_format=torch.channels_last) for some in (one, other))  # twice as fast
        absolute += float((x - y).abs().double().sum())
        squared += float((x - y).square().double().sum())
        similar += float(structural_similarity_index_measure(x / 255, y / 255, data_range=1.0)) * len(x)  # type: ignore[arg-type]
    psnr = 10 * np.log10(255.0**2 * photos.numel() / max(squared, 1e-9))
    return {"l1": absolute / photos.numel(), "psnr": float(psnr), "ssim": similar / len(photos)}


def mean_image(train: Tensor, like: Tensor) -> Tensor:
    """Returns the mean training image, repeated for each image of `like`, as the output of a trivial model."""
    mean = train.sum(dim=0, dtype=torch.int64).double() / len(train)  # avoids a float64 copy of 60,000 images
    return mean.round().to(torch.uint8).expand_as(like)
