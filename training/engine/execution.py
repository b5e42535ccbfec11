"""How a step is executed: precision, memory format, compiled networks, and the whole step as one CUDA graph."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from rbvae.errors import ConfigError

CHOICES = ("auto", "on", "off")
EAGER_STEPS = 3  # before a capture: libraries choose their algorithms and memory is reserved


@dataclass(frozen=True)
class ExecutionOptions:
    """How a step is executed, each "on", "off" or "auto": none changes what is computed beyond rounding.

    bf16           autocast of every forward; auto: on a GPU
    channels_last  memory format of images and activations; auto: on
    compile        networks through torch.compile; auto: on a GPU
    graph          both updates replayed as one CUDA graph; auto: on a GPU, with one process
    """

    bf16: str = "auto"
    channels_last: str = "auto"
    compile: str = "auto"
    graph: str = "auto"

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if getattr(self, field.name) not in CHOICES:
                raise ConfigError(
                    f"execution.{field.name}={getattr(self, field.name)!r}; choose one of {', '.join(CHOICES)}"
                )

    def resolve(self, device: torch.device, world: int) -> Execution:
        """What "auto" means on this device; raises ConfigError for a graph where there can be none."""
        gpu = device.type == "cuda"
        if self.graph == "on" and (not gpu or world > 1):
            raise ConfigError("execution.graph=on needs one process on one GPU; leave it at auto")
        defaults = {"bf16": gpu, "channels_last": True, "compile": gpu, "graph": gpu and world == 1}
        chosen = {name: getattr(self, name) for name in defaults}
        return Execution(
            **{name: defaults[name] if value == "auto" else value == "on" for name, value in chosen.items()}
        )


@dataclass(frozen=True)
class Execution:
    """The resolved options."""

    bf16: bool
    channels_last: bool
    compile: bool
    graph: bool

    @property
    def memory_format(self) -> torch.memory_format:
        """Of images, activations and convolution weights."""
        return torch.channels_last if self.channels_last else torch.contiguous_format


Step = Callable[..., dict[str, Tensor]]


class GraphedStep:
    """A step of tensors to named scalars, run as it is for EAGER_STEPS calls, then captured once and replayed.

    The step must be free of host synchronisation and own no other changing tensors than those it updates in place
    (parameters, optimizer state). Inputs are copied into fixed buffers; the next call overwrites the results.
    """

    def __init__(self, step: Step) -> None:
        self.step = step
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.inputs: list[Tensor] = []
        self.terms: dict[str, Tensor] = {}
        self.stream = torch.cuda.Stream()

    def __call__(self, *inputs: Tensor) -> dict[str, Tensor]:
        self.calls += 1
        if self.calls <= EAGER_STEPS:
            return self._eagerly(*inputs)
        if self.graph is None and not self._capture(*inputs):
            self.calls = -(10**12)  # never again
            return self._eagerly(*inputs)
        assert self.graph is not None
        torch._foreach_copy_(self.inputs, list(inputs))
        self.graph.replay()
        return self.terms

    def _eagerly(self, *inputs: Tensor) -> dict[str, Tensor]:
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            terms = self.step(*inputs)
        torch.cuda.current_stream().wait_stream(self.stream)
        return terms

    def _capture(self, *inputs: Tensor) -> bool:
        """Records the step without running it; says so and returns False where the device cannot."""
        graph = torch.cuda.CUDAGraph()
        self.inputs = [tensor.clone() for tensor in inputs]
        try:
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # other threads may load images meanwhile
                self.terms = self.step(*self.inputs)
        except RuntimeError as error:
            warnings.warn(f"no CUDA graph of this step ({error}); it runs without, slower", stacklevel=2)
            return False
        self.graph = graph
        return True
