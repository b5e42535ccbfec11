"""The processes of one run, by Hugging Face Accelerate: one, or as many as torchrun or accelerate launch started."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rbvae.errors import ConfigError
from training.engine.cli import pick_device


@dataclass(frozen=True)
class Processes:
    """Which of `world` processes this is (`rank`), its device, and what they do together.

    Gradients are averaged in one all-reduce of a single flat vector: with networks of some 20 million parameters that
    is 80 MB, under a millisecond between GPUs of one host, so overlapping it with the backward pass
    (DistributedDataParallel) would gain little, and both updates may share one draw.
    """

    device: torch.device
    rank: int = 0
    world: int = 1
    accelerator: Any = None

    @property
    def main(self) -> bool:
        """Whether this process writes the run folder and talks."""
        return self.rank == 0

    def share(self, batch: int) -> int:
        """A process's part of a batch; raises ConfigError where it does not divide."""
        if batch % self.world:
            raise ConfigError(f"batch={batch} does not divide over {self.world} processes; give a multiple")
        return batch // self.world

    def average(self, tensors: list[Tensor]) -> list[Tensor]:
        """The mean over all processes of each tensor; the tensors themselves where there is one process."""
        if self.world == 1 or not tensors:
            return tensors
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        flat = self.accelerator.reduce(flat, reduction="mean")
        parts = flat.split([tensor.numel() for tensor in tensors])
        return [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]

    def average_gradients(self, parameters: list[torch.nn.Parameter]) -> None:
        """Replaces every gradient by its mean over all processes, in place."""
        if self.world > 1:
            gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
            torch._foreach_copy_(gradients, self.average(gradients))

    def from_main(self, tensors: list[Tensor]) -> list[Tensor]:
        """The main process's tensors, in every process."""
        if self.world == 1:
            return tensors
        from accelerate.utils import broadcast

        return [broadcast(tensor, from_process=0) for tensor in tensors]

    def any(self, flag: bool) -> bool:
        """Whether the flag is up in any process; all of them must ask together."""
        if self.world == 1:
            return flag
        return bool(self.average([torch.tensor([float(flag)], device=self.device)])[0] > 0)

    def wait(self) -> None:
        """Until every process is here."""
        if self.world > 1:
            self.accelerator.wait_for_everyone()

    def close(self) -> None:
        """Leaves the process group, if there was one."""
        if self.world > 1:
            self.accelerator.end_training()


def join(device: str) -> Processes:
    """The processes that a launcher started, or this one alone; `device` as for `pick_device`.

    Lets a GPU multiply in TF32 and choose its convolutions by measuring them.
    """
    if pick_device(device).type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes(pick_device(device))
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=pick_device(device).type == "cpu")
    return Processes(accelerator.device, accelerator.process_index, accelerator.num_processes, accelerator)
