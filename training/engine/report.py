"""Reports the course of a run: a progress bar, stats.jsonl, TensorBoard scalars, sample grids."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from rbvae.checkpoint import write_atomically
from rbvae.errors import TrainingError
from training.data.progress import Progress
from training.engine.processes import Processes

LOGIT_LIMIT = 60.0  # a logit this large is a discriminator that has won
LEAST_SPREAD, GRACE_IMAGES = 0.1, 200_000  # grey levels between random e, and when that begins to count
DIVERGED = "lower lr or raise extensions.r1_weight, and begin again in another --out (the last saved state is intact)"


class Means:
    """The mean of every term since it was last asked for, summed on the device without waiting for it."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}

    def add(self, terms: dict[str, Tensor]) -> None:
        """Adds a step's mean terms."""
        known = [name for name in terms if name in self.sums]
        if known:
            torch._foreach_add_([self.sums[name] for name in known], [terms[name] for name in known])
        for name, term in terms.items():
            if name not in self.sums:
                self.sums[name] = term.float().clone()
            self.counts[name] = self.counts.get(name, 0) + 1

    def take(self, processes: Processes) -> dict[str, float]:
        """The means over steps and processes, by name; waits for the device, and begins anew."""
        if not self.sums:
            return {}
        means = torch.stack([total / self.counts[name] for name, total in self.sums.items()])
        values = processes.average([means])[0].tolist()
        named = dict(zip(self.sums, values, strict=True))
        self.sums, self.counts = {}, {}
        return named


class Report:
    """Shows and records the course of a run; made by the main process alone."""

    def __init__(self, run_dir: Path, step: int, steps: int, images_a_step: int) -> None:
        self.run_dir, self.images_a_step = run_dir, images_a_step
        self._drop_lines_after(step)
        self.board = SummaryWriter(str(run_dir / "tensorboard"), purge_step=step)
        self.progress = Progress("step", steps, done=step)
        self.since, self.since_step = time.perf_counter(), step
        self.progress.bar.start()

    def write(self, step: int, stats: dict[str, float]) -> None:
        """Writes the means since the last call, and images a second, to stats.jsonl, TensorBoard and the screen."""
        now = time.perf_counter()
        stats = {**stats, "images_per_s": (step - self.since_step) * self.images_a_step / (now - self.since)}
        path = self.run_dir / "stats.jsonl"
        line = json.dumps({"step": step, **{name: round(v, 6) for name, v in stats.items()}})
        try:
            with path.open("a", encoding="utf-8") as lines:
                lines.write(line + "\n")
        except OSError as error:  # a full disk names no file
            raise OSError(error.errno, error.strerror, str(path)) from error
        for name, value in stats.items():
            self.board.add_scalar(name, value, step)
        shown = ("image_u", "adversarial_u", "classify_u", "kl_e_u", "latent_e_u")
        line = " ".join(f"{name} {stats[name]:.4g}" for name in shown if name in stats)
        self.progress.update(step, f"{stats['images_per_s']:.0f} images/s {line}")
        self.since, self.since_step = time.perf_counter(), step

    def close(self) -> None:
        """Ends the bar and the TensorBoard file."""
        self.progress.bar.stop()
        self.board.close()

    def _drop_lines_after(self, step: int) -> None:
        path = self.run_dir / "stats.jsonl"
        if path.exists():
            kept = [line for line in path.read_text(encoding="utf-8").splitlines() if _step_of(line) <= step]
            write_atomically(path, "".join(line + "\n" for line in kept).encode())


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError):  # a line cut short by a kill
        return float("inf")


def check(step: int, stats: dict[str, float], images: int) -> None:
    """Raises TrainingError with what to change when a term is not finite, a discriminator has saturated, or, `images`
    images into the run, e no longer moves a picture."""
    broken = [name for name, value in stats.items() if not np.isfinite(value)]
    if broken:
        raise TrainingError(f"diverged before step {step}: {', '.join(broken)} not finite; {DIVERGED}")
    saturated = [name for name, value in stats.items() if name.startswith("logit") and abs(value) > LOGIT_LIMIT]
    if saturated:
        raise TrainingError(
            f"the discriminators have won before step {step}: {', '.join(saturated)} beyond {LOGIT_LIMIT:.0f}; "
            "use objective.form=softplus or raise extensions.r1_weight"
        )
    spread = stats.get("spread_over_e")
    if spread is not None and images > GRACE_IMAGES and spread < LEAST_SPREAD:
        raise TrainingError(
            f"e is ignored at step {step}: random e move a picture by {spread:.3f} grey levels, below {LEAST_SPREAD}; "
            "use --method srb, raise objective.latent_e_weight, or lower model.dim_z"
        )
