"""What a run tells while it goes: a progress bar, stats.jsonl, TensorBoard scalars, sample grids."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from rbvae.errors import TrainingError
from rbvae.images import to_array, to_float
from rbvae.model import RbVAE

PEOPLE, RANDOM_E, GAP = 8, 6, 4
LOGIT_LIMIT = 60.0  # a logit this large is a discriminator that has won
LINE_SECONDS = 20.0  # between printed lines where there is no terminal for a bar


class Report:
    """Collects every step's terms on the device and looks at them only when due."""

    def __init__(self, run_dir: Path, step: int, steps: int, images_a_step: int) -> None:
        self.run_dir, self.images_a_step, self.console = run_dir, images_a_step, Console()
        self._drop_lines_after(step)
        self.board = SummaryWriter(str(run_dir / "tensorboard"), purge_step=step)
        columns = (TextColumn("step"), MofNCompleteColumn(), BarColumn(), TextColumn("{task.fields[line]}"))
        self.progress = Progress(
            *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=self.console,
            disable=not self.console.is_terminal,
        )  # fmt: skip
        self.task = self.progress.add_task("train", completed=step, total=steps, line="")
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.since, self.since_step = time.perf_counter(), step
        self.printed = 0.0
        self.progress.start()

    def add(self, terms: dict[str, Tensor]) -> None:
        """Adds a step's mean terms to the running sums, without waiting for the device."""
        for name, term in terms.items():
            self.sums[name] = self.sums[name] + term if name in self.sums else term.clone()
            self.counts[name] = self.counts.get(name, 0) + 1

    def flush(self, step: int) -> dict[str, float]:
        """Means since the last flush, written everywhere; raises TrainingError when the run has diverged."""
        stats = {name: float(total) / self.counts[name] for name, total in self.sums.items()}
        now = time.perf_counter()
        stats["images_per_s"] = (step - self.since_step) * self.images_a_step / (now - self.since)
        check(step, stats)
        with (self.run_dir / "stats.jsonl").open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"step": step, **{name: round(v, 6) for name, v in stats.items()}}) + "\n")
        for name, value in stats.items():
            self.board.add_scalar(name, value, step)
        shown = ("image_u", "adversarial_u", "classify_u", "kl_e_u", "latent_e_u")
        line = " ".join(f"{name} {stats[name]:.4g}" for name in shown if name in stats)
        line = f"{stats['images_per_s']:.0f} images/s {line}"
        self.progress.update(self.task, completed=step, line=line)
        if not self.console.is_terminal and now - self.printed > LINE_SECONDS:
            print(f"step {step}: {line}", flush=True)
            self.printed = now
        self.sums, self.counts, self.since, self.since_step = {}, {}, time.perf_counter(), step
        return stats

    def close(self) -> None:
        """Ends the bar and the TensorBoard file."""
        self.progress.stop()
        self.board.close()

    def _drop_lines_after(self, step: int) -> None:
        path = self.run_dir / "stats.jsonl"
        if path.exists():
            kept = [line for line in path.read_text(encoding="utf-8").splitlines() if _step_of(line) <= step]
            path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError):  # a line cut short by a kill
        return float("inf")


def check(step: int, stats: dict[str, float]) -> None:
    """Raises TrainingError with what to change when a term is not finite or a discriminator has saturated."""
    broken = [name for name, value in stats.items() if not np.isfinite(value)]
    if broken:
        raise TrainingError(
            f"diverged before step {step}: {', '.join(broken)} not finite; lower lr or raise objective.r1_weight, "
            "and begin again in another --out (the last saved state is intact)"
        )
    saturated = [name for name, value in stats.items() if name.startswith("logit") and abs(value) > LOGIT_LIMIT]
    if saturated:
        raise TrainingError(
            f"the discriminators have won before step {step}: {', '.join(saturated)} beyond {LOGIT_LIMIT:.0f}; "
            "use objective.form=softplus or raise objective.r1_weight"
        )


def mosaic(rows: list[list[Tensor]], gap: int = GAP) -> Image.Image:
    """Rows of pictures, each float [3, S, S] in [-1, 1], on white."""
    side = rows[0][0].shape[-1]
    pitch = side + gap
    canvas = np.full((len(rows) * pitch + gap, max(map(len, rows)) * pitch + gap, 3), 255, np.uint8)
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            top, left = gap + i * pitch, gap + j * pitch
            canvas[top : top + side, left : left + side] = to_array(picture)
    return Image.fromarray(canvas)


@torch.inference_mode()
def sample_grid(model: RbVAE, images: Tensor, seed: int = 0) -> Image.Image:
    """One row a person: image, reconstruction, e_ref, then six random e, the same in every row at fixed z."""
    device = model.e_ref.device
    x = to_float(images[:PEOPLE].to(device))
    q_z, q_e = model.encode(x)
    rng = torch.Generator().manual_seed(seed)
    random_e = torch.randn(RANDOM_E, model.config.dim_e, generator=rng).to(device)
    columns = [x, model.decode(q_z.mean, q_e.mean), model.decode_reference(q_z.mean)]
    columns += [model.decode(q_z.mean, e) for e in random_e]
    return mosaic([list(row) for row in zip(*columns, strict=True)])


@torch.inference_mode()
def transfer_grid(model: RbVAE, images: Tensor) -> Image.Image:
    """Expression of the top row on the face of the left column; the corner is empty."""
    x = to_float(images[: 2 * (PEOPLE - 1)].to(model.e_ref.device))
    faces, expressions = (x[0::2], x[1::2]) if len(x) > 1 else (x, x)
    z, e = model.encoder_z(faces).mean, model.encoder_e(expressions).mean
    rows = [[torch.ones_like(x[0]), *expressions]]
    rows += [[face, *model.decode(z_k.expand(len(e), -1), e)] for face, z_k in zip(faces, z, strict=True)]
    return mosaic(rows)
