"""Counts the operations and memory traffic of a training step and computes the device's speed limit (roofline)."""

from __future__ import annotations

import dataclasses
import timeit
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from training.engine.config import TrainConfig
from training.engine.execution import ExecutionOptions
from training.engine.processes import Processes
from training.engine.state import TrainingState

FEW, MORE = 2, 4  # batch sizes of two counted steps; their difference gives the cost per image, the rest that per step


@dataclass(frozen=True)
class Limit:
    """The costs per image and per step, and the measured limits of the device.

    `flops` are floating-point operations per image (a multiply-add counts as two). `bytes` is the minimum memory
    traffic per image: every convolution, matrix product and optimizer reads its inputs and writes its results once,
    other operations are free. `eager_bytes` counts all operations. `step_bytes` is the traffic of weights and
    optimizers per step.
    """

    flops: float
    bytes: float
    eager_bytes: float
    step_bytes: float
    flops_per_s: float
    bytes_per_s: float
    batch: int

    @property
    def images_per_s(self) -> float:
        """The maximum number of images per second, set by the slower of computation and memory traffic."""
        return 1 / max(self.flops / self.flops_per_s, self.memory / self.bytes_per_s)

    @property
    def memory(self) -> float:
        """The minimum bytes per image, including its share of the bytes per step."""
        return self.bytes + self.step_bytes / (2 * self.batch)

    def text(self) -> str:
        """Returns a two-line summary."""
        return (
            f"an image: {self.flops / 1e9:.2f} GFLOP, at least {self.memory / 1e6:.1f} MB "
            f"(with nothing fused {self.eager_bytes / 1e6:.1f} MB)\n"
            f"the device: {self.flops_per_s / 1e12:.3g} TFLOP/s, {self.bytes_per_s / 1e9:.3g} GB/s, "
            f"so at most {self.images_per_s:,.0f} images/s"
        )


class Cost(TorchDispatchMode):
    """Counts FLOP and bytes read and written, for all operations and for those that a compiler cannot fuse away.

    Uses the formulas of torch's FlopCounterMode, which itself cannot handle the gradient penalty's second derivative.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flops = self.heavy = self.all = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        results = func(*args, **kwargs)
        if func._overloadpacket in flop_registry:
            self.flops += flop_registry[func._overloadpacket](*args, **kwargs, out_val=results)
        if not func.is_view:
            leaves = tree_leaves((args, kwargs, results))
            moved = sum(t.numel() * t.element_size() for t in leaves if isinstance(t, Tensor))
            self.all += moved
            if func._overloadpacket in flop_registry or "_fused_adam" in func.name():
                self.heavy += moved
        return results


def count(config: TrainConfig, pairs: int) -> torch.Tensor:
    """Returns FLOP, minimum bytes and eager bytes of a float32 step on `pairs` pairs, float64 [3].

    Gradient penalties are weighted by how often they are computed.
    """
    execution = ExecutionOptions("off", "on", "off", "off")
    state = TrainingState(dataclasses.replace(config, batch=pairs, execution=execution), Processes(torch.device("cpu")))
    side, every = config.model.image_size, config.extensions.r1_every
    x = torch.rand(pairs, 3, side, side).contiguous(memory_format=torch.channels_last)
    state.update(x, x)  # the optimizers create their state in the first step
    totals = torch.zeros(3, dtype=torch.float64)
    for step, share in ((1, 1 - 1 / every), (every, 1 / every)):
        state.step = step
        with Cost() as cost:
            state.update(x, x)
        totals += share * torch.tensor([cost.flops, cost.heavy, cost.all], dtype=torch.float64)
    return totals


def measure_limit(config: TrainConfig, device: torch.device) -> Limit:
    """Counts a step on the CPU and measures the device's limits with a large matrix product and a large copy."""
    few, more = count(config, FEW), count(config, MORE)
    image = (more - few) / (2 * (MORE - FEW))
    step = few - 2 * FEW * image
    gpu = device.type == "cuda"
    narrow = 0.5 if gpu else 1.0  # bf16 activations are half as wide; weights and optimizers stay float32
    dtype, side = (torch.bfloat16, 8192) if gpu else (torch.float32, 1024)
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    source = torch.randn((1 << 30) if gpu else (1 << 26), device=device)
    target = torch.empty_like(source)
    product, copy = best(lambda: a @ b, device), best(lambda: target.copy_(source), device)
    return Limit(
        flops=float(image[0]),
        bytes=narrow * float(image[1]),
        eager_bytes=narrow * float(image[2]),
        step_bytes=float(step[1]),
        flops_per_s=2 * side**3 / product,
        bytes_per_s=2 * source.numel() * source.element_size() / copy,
        batch=config.batch,
    )


def best(work: Callable[[], object], device: torch.device, repeats: int = 7) -> float:
    """Returns the time in seconds of the fastest of several runs."""

    def run() -> None:
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return min(timeit.repeat(run, number=1, repeat=repeats))
