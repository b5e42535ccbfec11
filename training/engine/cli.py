"""What every command of training/ shares: one clear line and exit code 2 for bad input, and the choice of device."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable

import torch

from rbvae.errors import ConfigError, RbvaeError


def run_command(main: Callable[[list[str] | None], int], argv: list[str] | None = None) -> int:
    """Runs `main`; what the project refuses, and what the disk refuses, becomes one line on stderr and exit code 2."""
    try:
        return main(argv)
    except (RbvaeError, OSError) as error:
        full = "; free some space and run the same command again" if getattr(error, "errno", 0) == errno.ENOSPC else ""
        print(f"error: {' '.join(str(error).split())}{full}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; what was saved stays, and the same command continues", file=sys.stderr)
        return 130


def pick_device(name: str) -> torch.device:
    """ "auto" is the GPU where there is one; raises ConfigError for a device that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda") and not name.startswith("cuda:"):
        raise ConfigError(f"--device {name!r}; choose cpu, cuda or auto")
    if name != "cpu" and not torch.cuda.is_available():
        raise ConfigError(f"--device {name}: no CUDA device here; use --device cpu")
    return torch.device(name)
