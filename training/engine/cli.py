"""What every command of training/ shares: one clear line and exit code 2 for bad input, and the choice of device."""

from __future__ import annotations

import errno
import json
import os
import platform
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from rbvae.checkpoint import write_atomically
from rbvae.errors import ConfigError, RbvaeError
from rbvae.terminal import printable_output
from training.evaluation.scores import plain


def run_command(main: Callable[[list[str] | None], int], argv: list[str] | None = None) -> int:
    """Runs `main`; what the project refuses, and what the disk refuses, becomes one line on stderr and exit code 2."""
    printable_output()
    try:
        return main(argv)
    except (RbvaeError, OSError) as error:
        full = "; free some space and run the same command again" if getattr(error, "errno", 0) == errno.ENOSPC else ""
        print(f"error: {' '.join(str(error).split())}{full}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; what was saved stays, and the same command continues", file=sys.stderr)
        return 130


def write_json(path: Path, record: object) -> None:
    """Writes a record as indented JSON, atomically, and makes the folder if it is missing; NaN becomes null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(plain(record), indent=2) + "\n").encode())


def command_line(script: str, options: list[str]) -> str:
    """Returns a command to be published, in which absolute paths lose their private folders."""
    names = [Path(option).name if Path(option).is_absolute() else option for option in options]
    return shlex.join(["python", script, *names])


def device_name(device: torch.device) -> str:
    """Returns the name of the GPU, or the kind of CPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{platform.machine()} CPU"


def cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pick_device(name: str) -> torch.device:
    """ "auto" is the GPU where there is one; raises ConfigError for a device that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda") and not name.startswith("cuda:"):
        raise ConfigError(f"--device {name!r}; choose cpu, cuda or auto")
    if name != "cpu" and not torch.cuda.is_available():
        raise ConfigError(f"--device {name}: no CUDA device here; use --device cpu")
    return torch.device(name)
