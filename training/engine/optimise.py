"""A gradient step of any optimizer, and the short training of a small network."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.data.progress import Progress
from training.engine.processes import Processes

SHOWN_EVERY = 20  # steps; reading the loss waits for the device


def descend(optimizer: torch.optim.Optimizer, loss: Tensor, processes: Processes | None = None) -> None:
    """Takes one step down the gradient of `loss`, which is averaged over `processes`."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if processes:
        processes.average_gradients([p for group in optimizer.param_groups for p in group["params"]])
    optimizer.step()


@dataclass(frozen=True)
class Schedule:
    """A training with AdamW of so many `steps`, or if None of so many `minutes`.

    The learning rate rises to `rate` within `warm_up` steps and falls to 0 along a cosine.
    """

    steps: int | None
    minutes: float = 5.0
    warm_up: int = 50
    rate: float = 2e-3
    weight_decay: float = 0.02


def fit(network: nn.Module, loss_at: Callable[[int], Tensor], schedule: Schedule, title: str) -> int:
    """Trains a network in place on the loss of each step; returns the number of steps."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=schedule.rate, weight_decay=schedule.weight_decay)
    network.train()
    started, step, done, line = time.monotonic(), 0, 0.0, ""
    with Progress(title, 1) as progress:
        while done < 1.0:
            loss = loss_at(step)
            warm_up = min(1, (step + 1) / schedule.warm_up)
            optimizer.param_groups[0]["lr"] = schedule.rate * warm_up * 0.5 * (1 + math.cos(math.pi * done))
            descend(optimizer, loss)
            step += 1
            seconds = time.monotonic() - started
            done = step / schedule.steps if schedule.steps else seconds / (60 * schedule.minutes)
            if step % SHOWN_EVERY == 0 or done >= 1:
                line = f"step {step}, {seconds:.0f} s, loss {loss.item():.3f}"
                progress.update(min(done, 1), line, title)
        progress.say(f"{title}: {line}")
    return step
