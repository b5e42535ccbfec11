"""Everything a run carries from step to step: networks, discriminators, optimizers, EMA, step; save and restore."""

from __future__ import annotations

import copy
import io
import math
import pickle
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from rbvae.checkpoint import load_checkpoint, write_atomically
from rbvae.errors import TrainingError
from rbvae.model import RbVAE
from rbvae.objectives import get_method, means
from training.config import TrainConfig
from training.datasets import step_generator


class TrainingState:
    """Owns the parameters and the two updates; each update moves only its own parameters."""

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        torch.manual_seed(config.seed)
        self.config, self.device, self.step = config, device, 0
        self.method = get_method(config.method)
        self.model = RbVAE(config.model).to(device, memory_format=torch.channels_last)
        self.discs = nn.ModuleDict(self.method.discriminators(config.model, config.objective))
        self.discs.to(device, memory_format=torch.channels_last)
        self.ema = copy.deepcopy(self.model).requires_grad_(False)
        self.weights = self.method.weights(config.objective, config.model)
        self.model_optimizer = self._adam(self.model.parameters())
        self.disc_optimizer = self._adam(self.discs.parameters()) if len(self.discs) else None

    def _adam(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Adam:
        config = self.config
        return torch.optim.Adam(parameters, lr=config.lr, betas=(config.beta1, config.beta2), eps=1e-8, fused=True)

    def autocast(self) -> torch.autocast:
        """bf16 on a GPU, full precision elsewhere."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda")

    def update(self, x_u: Tensor, x_r: Tensor) -> dict[str, Tensor]:
        """One step: draw once, discriminators on the detached draws, then encoders and generator on the same draws."""
        with self.autocast():
            rng = step_generator(self.config.seed, self.step, self.device)
            draws = self.method.draw(self.model, x_u, x_r, rng)
        terms = self.update_discriminators(draws.detach()) if self.disc_optimizer else {}
        terms |= self.update_model(draws)
        self._average()
        self.step += 1
        return terms

    def update_discriminators(self, draws: object) -> dict[str, Tensor]:
        """Gradient step of the discriminators alone; returns the mean of each term."""
        assert self.disc_optimizer and self.method.discriminator_terms
        self.discs.requires_grad_(True)
        with self.autocast():
            terms = means(self.method.discriminator_terms(self.discs, draws, self.config.objective, self.step))
        self._descend(self.disc_optimizer, terms)
        return {name: term.detach() for name, term in terms.items()}

    def update_model(self, draws: object) -> dict[str, Tensor]:
        """Gradient step of encoders, generator and e_ref alone; returns the mean of each term."""
        self.discs.requires_grad_(False)
        with self.autocast():
            terms = means(self.method.model_terms(self.model, self.discs, draws, self.config.objective))
        self._descend(self.model_optimizer, terms)
        return {name: term.detach() for name, term in terms.items()}

    def _descend(self, optimizer: torch.optim.Optimizer, terms: dict[str, Tensor]) -> None:
        loss = torch.stack([self.weights[name] * term for name, term in terms.items() if name in self.weights]).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    @torch.no_grad()
    def _average(self) -> None:
        images = 2 * self.config.batch
        half_life = min(self.config.ema_images, max(0.05 * self.step * images, images))  # ramps up, as in EDM
        decay = math.pow(0.5, images / half_life)
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.model.parameters()), 1.0 - decay)

    def warm_start(self, checkpoint: str) -> None:
        """Begins with the weights of a checkpoint; raises TrainingError when its networks have another shape."""
        model = load_checkpoint(checkpoint).model
        if model.config != self.config.model:
            raise TrainingError(f"--init {checkpoint} has other networks ({model.config}) than this run")
        self.model.load_state_dict(model.state_dict())
        self.ema.load_state_dict(model.state_dict())

    def save(self, path: Path) -> None:
        """Writes the whole state atomically."""
        stream = io.BytesIO()
        torch.save(
            {
                "config": self.config.to_dict(),
                "step": self.step,
                "model": self.model.state_dict(),
                "ema": self.ema.state_dict(),
                "discs": self.discs.state_dict(),
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
        changed = differences(saved["config"], self.config.to_dict())
        if changed:
            raise TrainingError(
                f"{path.parent} was begun with other settings ({'; '.join(changed)}); "
                "use the settings it was begun with, or another --out"
            )
        self.step = saved["step"]
        self.model.load_state_dict(saved["model"])
        self.ema.load_state_dict(saved["ema"])
        self.discs.load_state_dict(saved["discs"])
        self.model_optimizer.load_state_dict(saved["model_optimizer"])
        if self.disc_optimizer:
            self.disc_optimizer.load_state_dict(saved["disc_optimizer"])
        for optimizer in filter(None, (self.model_optimizer, self.disc_optimizer)):
            for group in optimizer.param_groups:
                group["lr"] = self.config.lr


# What may change when a run is continued: how long and how often it tells, and the two dials people turn down late.
MAY_CHANGE = {"steps", "report_every", "save_every", "grid_every", "lr", "ema_images"}


def differences(begun: dict, now: dict, prefix: str = "") -> list[str]:
    """Settings that differ and may not change within a run, as `name: was -> is`."""
    found = []
    for name in sorted(set(begun) | set(now)):
        was, is_now = begun.get(name), now.get(name)
        if isinstance(was, dict) and isinstance(is_now, dict):
            found += differences(was, is_now, f"{prefix}{name}.")
        elif was != is_now and name not in MAY_CHANGE:
            found.append(f"{prefix}{name}: {was} -> {is_now}")
    return found
