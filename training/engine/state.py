"""Everything a run carries from step to step: networks, discriminators, optimizers, EMA, step; save and restore."""

from __future__ import annotations

import copy
import io
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rbvae.checkpoint import write_atomically
from rbvae.errors import TrainingError
from rbvae.extensions import enabled_extensions
from rbvae.extensions.pretrained import CLASSIFIER
from rbvae.extensions.reference_classifier import ReferenceClassifier
from rbvae.models.joints import EncoderJoint, Noise, draw_noise
from rbvae.models.model import RbVAE
from rbvae.objectives import get_method, means
from training.data.batches import step_generator
from training.engine.config import TrainConfig
from training.engine.execution import GraphedStep
from training.engine.optimise import descend
from training.engine.processes import Processes
from training.engine.reference_pretraining import pretrained_dims
from training.engine.report import DIVERGED
from training.engine.run_folder import refuse_changes

PARTS = {"config", "step", "model", "ema", "discs", "model_optimizer", "disc_optimizer"}


class TrainingState:
    """Owns the parameters and the two updates; each update moves only its own parameters."""

    def __init__(self, config: TrainConfig, processes: Processes) -> None:
        torch.manual_seed(config.seed)
        self.config, self.processes, self.device, self.step = config, processes, processes.device, 0
        self.execution = config.execution.resolve(self.device, processes.world)
        self.method = get_method(config.method)
        place: dict[str, Any] = {"device": self.device, "memory_format": self.execution.memory_format}
        self.model = RbVAE(config.model).to(**place)
        self.extensions = enabled_extensions(config.extensions, config.method)
        discriminators = self.method.discriminators(config.model, config.objective)
        for extension in self.extensions:
            discriminators |= extension.networks(config.model)
        self.discs = nn.ModuleDict(discriminators).to(**place)
        self.ema = copy.deepcopy(self.model).requires_grad_(False)
        self.weights = self.method.weights(config.objective, config.model)
        for extension in self.extensions:
            self.weights |= extension.weights(config.extensions, config.model, config.method)
        self.classifier: ReferenceClassifier | None = None
        if config.extensions.pretrained_weight and self.separates:
            self.classifier = self.new_classifier().to(**place).eval().requires_grad_(False)
        self.freeze()
        self.model_optimizer = self._adam(self.model)
        self.disc_optimizer = self._adam(self.discs) if len(self.discs) else None
        if self.execution.compile:
            torch._dynamo.config.suppress_errors = True  # a network that cannot be compiled runs as it is
            for network in [*self.model.children(), *self.discs.children()]:
                network.compile(dynamic=False)
        self._steps = {lazy: self._executable(lazy) for lazy in (False, True)}

    def _adam(self, networks: nn.Module) -> torch.optim.Adam:
        config, graph = self.config, self.execution.graph
        lr = torch.tensor(config.lr, device=self.device) if graph else config.lr  # a graph reads it from the device
        encoders = [*self.model.encoder_z.parameters(), *self.model.encoder_e.parameters()]
        slow = set(map(id, encoders)) if config.encoder_lr_factor != 1 else set()
        learnt = [p for p in networks.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in learnt if (id(p) in slow) == is_slow], "rate": rate}
            for is_slow, rate in ((False, 1.0), (True, config.encoder_lr_factor))
        ]
        return torch.optim.Adam(
            [group for group in groups if group["params"]],
            lr,
            betas=(config.beta1, config.beta2),
            eps=1e-8,
            fused=True,
            capturable=graph,
        )

    def _executable(self, lazy: bool) -> Callable[..., dict[str, Tensor]]:
        """The two updates as a function of tensors: x_u, x_r, then the fields of `Noise`."""

        def step(x_u: Tensor, x_r: Tensor, *noise: Tensor) -> dict[str, Tensor]:
            return self._update_both(x_u, x_r, Noise(*noise), lazy)

        return GraphedStep(step) if self.execution.graph else step

    def autocast(self) -> torch.autocast:
        """bf16 where the engine says so, full precision elsewhere."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.execution.bf16)

    def update(self, x_u: Tensor, x_r: Tensor) -> dict[str, Tensor]:
        """One step on this process's share of the batch; returns the mean of each term over it, on the device."""
        config, processes = self.config, self.processes
        rng = step_generator(config.seed, self.step, self.device)
        noise = draw_noise(config.model, config.batch, rng, processes.rank, processes.world)
        for optimizer in self.optimizers:
            set_lr(optimizer, self.lr)
        terms = self._steps[due(self.step, config.extensions.r1_every)](x_u, x_r, *vars(noise).values())
        self._average()
        self.step += 1
        return terms

    def prior(self, noise: Noise, q: EncoderJoint) -> Noise:
        """The draws from the prior, as the extensions leave them."""
        for extension in self.extensions:
            if extension.prior:
                noise = extension.prior(noise, q, self.config.extensions)
        return noise

    def _update_both(self, x_u: Tensor, x_r: Tensor, noise: Noise, lazy: bool) -> dict[str, Tensor]:
        """Draw once, discriminators on the detached draws, then encoders and generator on the same draws."""
        with self.autocast():
            draws = self.method.draw(self.model, x_u, x_r, noise, self.config.objective, self.prior)
        terms = self.update_discriminators(draws.detach(), lazy) if self.disc_optimizer else {}
        return terms | self.update_model(draws)

    def update_discriminators(self, draws: Any, lazy: bool) -> dict[str, Tensor]:
        """Gradient step of the discriminators alone, `lazy` terms included or not; returns the mean of each term."""
        assert self.disc_optimizer and self.method.discriminator_terms
        self.discs.requires_grad_(True)
        with self.autocast():
            discs = dict(self.discs.items())
            terms = means(self.method.discriminator_terms(discs, draws, self.config.objective))
            for extension in self.extensions:
                if extension.discriminator_terms and (lazy or not extension.lazy):
                    terms |= means(extension.discriminator_terms(discs, draws, self.config.extensions))
        self._descend(self.disc_optimizer, terms)
        return {name: term.detach() for name, term in terms.items()}

    def update_model(self, draws: Any) -> dict[str, Tensor]:
        """Gradient step of encoders, generator and e_ref alone; returns the mean of each term."""
        self.discs.requires_grad_(False)
        with self.autocast():
            discs = dict(self.discs.items())
            if self.classifier:
                discs[CLASSIFIER] = self.classifier
            terms = means(self.method.model_terms(self.model, discs, draws, self.config.objective))
            for extension in self.extensions:
                if extension.model_terms:
                    terms |= means(extension.model_terms(self.model, discs, draws, self.config.extensions))
        self._descend(self.model_optimizer, terms)
        return {name: term.detach() for name, term in terms.items()}

    def _descend(self, optimizer: torch.optim.Optimizer, terms: dict[str, Tensor]) -> None:
        loss = torch.stack([self.weights[name] * term for name, term in terms.items() if name in self.weights]).sum()
        descend(optimizer, loss, self.processes)

    @property
    def optimizers(self) -> list[torch.optim.Adam]:
        """That of the model, and that of the discriminators where there are any."""
        return [self.model_optimizer, *([self.disc_optimizer] if self.disc_optimizer else [])]

    @property
    def lr(self) -> float:
        """The learning rate of the coming step: from `lr_decay_images` on it falls as 1/sqrt(images) (Karras et al.
        2024, "EDM2"), which needs no end of the run to be known."""
        config = self.config
        if not config.lr_decay_images:
            return config.lr
        return config.lr / math.sqrt(max(1.0, 2 * config.batch * self.step / config.lr_decay_images))

    @torch.no_grad()
    def _average(self) -> None:
        images = 2 * self.config.batch
        half_life = min(self.config.ema_images, max(0.05 * self.step * images, images))  # ramps up, as in EDM
        decay = math.pow(0.5, images / half_life)
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.model.parameters()), 1.0 - decay)

    def new_classifier(self) -> ReferenceClassifier:
        """An untrained classifier of references for this run's images."""
        config = self.config
        grey = config.kind == "digits"  # white on black, or in any colour
        return ReferenceClassifier(config.model.image_size, pretrained_dims(config.model), grey, mirrored=config.flip)

    def freeze(self) -> None:
        """encoder_e, for the methods whose e is separated by references."""
        self.model.encoder_e.requires_grad_(not (self.config.freeze_encoder_e and self.separates))

    @property
    def separates(self) -> bool:
        """Whether the method separates e from z by references."""
        return self.method.features == "e"

    def save(self, path: Path) -> None:
        """Writes the whole state atomically; raises TrainingError, and leaves the last one, where this has diverged."""
        stream = io.BytesIO()
        if not all(bool(tensor.isfinite().all()) for tensor in (*self.model.parameters(), *self.discs.parameters())):
            raise TrainingError(f"diverged before step {self.step}: weights are not finite; {DIVERGED}")
        torch.save(
            {
                "config": self.config.to_dict(),
                "step": self.step,
                "model": self.model.state_dict(),
                "ema": self.ema.state_dict(),
                "discs": self.discs.state_dict(),
                "classifier": self.classifier.state_dict() if self.classifier else None,
                "model_optimizer": self.model_optimizer.state_dict(),
                "disc_optimizer": self.disc_optimizer.state_dict() if self.disc_optimizer else None,
            },
            stream,
        )
        write_atomically(path, stream.getvalue())

    def restore(self, path: Path) -> None:
        """Continues from a saved state; raises TrainingError when it is damaged or of another config."""
        try:
            saved = torch.load(path, map_location=self.device, weights_only=True)
        except (RuntimeError, OSError, EOFError, pickle.UnpicklingError) as error:
            raise TrainingError(f"{path} is damaged; delete the run folder or choose another --out") from error
        if not isinstance(saved, dict) or not PARTS <= set(saved) or not isinstance(saved["config"], dict):
            raise TrainingError(f"{path} is no state of a run; delete the run folder or choose another --out")
        refuse_changes(path.parent, saved["config"], self.config)
        self.step = saved["step"]
        self.model.load_state_dict(saved["model"])
        self.ema.load_state_dict(saved["ema"])
        self.discs.load_state_dict(saved["discs"])
        if self.classifier:
            self.classifier.load_state_dict(saved["classifier"])
        for optimizer, name in zip(self.optimizers, ("model_optimizer", "disc_optimizer"), strict=False):
            own = [{key: group[key] for key in ("lr", "capturable", "fused")} for group in optimizer.param_groups]
            optimizer.load_state_dict(saved[name])
            for group, kept in zip(optimizer.param_groups, own, strict=True):
                group.update(kept)  # how this run is executed, not how the saved one was


def due(step: int, every: int) -> bool:
    """Whether something that is done once in so many steps is done at this one."""
    return step % every == 0


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Of every group; where it lies on the device, without waiting for it."""
    for group in optimizer.param_groups:
        rate = lr * group.get("rate", 1.0)
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
