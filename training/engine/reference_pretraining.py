"""Pretraining by the reference set: an e that is not linear in pixels.

A small network learns to classify references against unlabelled images, the one thing the reference set teaches. Its
features describe what references hold still, so the directions in which they vary more among unlabelled images than
among references (the contrast of linear_init.py, in features instead of pixels) are the target factors. encoder_e
learns to predict them, in half of its dimensions; the other half comes from pixels, since these features say little
about how to draw a factor. Ours, not the paper's.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rbvae.config import ModelConfig
from rbvae.extensions.reference_classifier import ReferenceClassifier
from rbvae.models.encoders import Encoder
from rbvae.objectives.adversarial import classify
from training.data.batches import AnyBatches, step_generator
from training.engine.linear_init import fitted, in_parts
from training.engine.optimise import Schedule, fit

LEAST_SPREAD = 1e-3  # of a feature
COMPONENTS = 256  # of the features, among which the contrast is looked for
SHIFT, CONTRAST, LIGHT = 1 / 32, 0.2, 0.15  # of the side, of 1, of the range [-1, 1]
STREAM = 4  # of the seeded draws; the batches have 1 to 3


def train_classifier(
    batches: AnyBatches, steps: int, device: torch.device, new: Callable[[], ReferenceClassifier]
) -> ReferenceClassifier:
    """A `new` network that has learnt for `steps` batches to separate x_r from x_u, in which references may be as well;
    its code is yet to be found. What comes out depends on nothing drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        classifier = new().to(device)

    def loss(x_u: Tensor, x_r: Tensor) -> Tensor:
        on_r, on_u = classifier(torch.cat([x_r, x_u])).split([len(x_r), len(x_u)])
        return classify(on_r, on_u).mean()

    fit_on(classifier, loss, batches, steps, "classifying references")
    return classifier.eval().requires_grad_(False)


def pretrained_dims(config: ModelConfig) -> int:
    """How many dimensions of e are pretrained: half of them."""
    return (config.dim_e + 1) // 2


def pretrain_e(
    encoder: Encoder, classifier: ReferenceClassifier, batches: AnyBatches, images: tuple[Tensor, Tensor], steps: int
) -> None:
    """Fits the code of `classifier`, the contrast between the `images` (x_u, x_r) [N, 3, S, S] in its features, and
    trains the first dimensions of the mean of q(e|x) to predict it, each of variance 1 over x_u.

    The result does not depend on random numbers drawn before."""
    x_u, x_r = images
    dims = classifier.to_code.out_features
    with torch.random.fork_rng(devices=[x_u.device] if x_u.device.type == "cuda" else []):
        torch.manual_seed(0)
        f_u, f_r = in_parts(classifier.features, x_u), in_parts(classifier.features, x_r)
        middle, spread = f_u.mean(dim=0), f_u.std(dim=0).clamp_min(LEAST_SPREAD)
        code = fitted((f_u - middle) / spread, (f_r - middle) / spread, max(COMPONENTS - dims, dims), dims, True)
        directions = code.directions[:, -dims:].T / spread
        set_linear(classifier.to_code, directions, -code.centre[-dims:] - directions @ middle)
        pretrain_encoder(encoder, classifier.code, batches, steps)
        scale, middle = encoder.standardise(in_parts(lambda x: encoder.forward(x).mean[:, :dims], x_u))
        set_linear(
            classifier.to_code, classifier.to_code.weight * scale[:, None], (classifier.to_code.bias - middle) * scale
        )


@torch.no_grad()
def set_linear(layer: nn.Linear, weight: Tensor, bias: Tensor) -> None:
    """Fills a linear layer."""
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)


def pretrain_encoder(encoder: Encoder, target: Callable[[Tensor], Tensor], batches: AnyBatches, steps: int) -> None:
    """Trains `encoder` for `steps` batches: the first K dimensions of its mean learn to predict `target` [N, K]."""

    def loss(x_u: Tensor, x_r: Tensor) -> Tensor:
        x = torch.cat([x_u, x_r])
        aim = target(x)
        return F.mse_loss(encoder.forward(x).mean[:, : aim.shape[1]], aim)

    fit_on(encoder, loss, batches, steps, "pretraining encoder_e")


def fit_on(
    network: nn.Module, loss_of: Callable[[Tensor, Tensor], Tensor], batches: AnyBatches, steps: int, title: str
) -> None:
    """Trains a network on the batches of the first `steps` steps, shifted and relit."""

    def loss_at(step: int) -> Tensor:
        x_u, x_r = batches.at(step)
        rng = step_generator(0, step, x_u.device, STREAM)
        return loss_of(varied(x_u, rng), varied(x_r, rng))

    fit(network, loss_at, Schedule(steps), f"before step 0: {title}")


def varied(x: Tensor, rng: torch.Generator) -> Tensor:
    """Images [N, 3, S, S], each in other light and contrast, all moved by a pixel or a few: none of that is e's."""
    most = max(1, round(SHIFT * x.shape[-1]))
    down, right = torch.randint(2 * most + 1, (2,), generator=rng, device=x.device).tolist()
    contrast, light = torch.rand(2, len(x), 1, 1, 1, generator=rng, device=x.device) * 2 - 1
    x = F.pad(x, [most] * 4, mode="replicate")[..., down : down + x.shape[2], right : right + x.shape[3]]
    return x * (1 + CONTRAST * contrast) + LIGHT * light
