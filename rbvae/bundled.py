"""The checkpoints that come with rbvae."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
INSTALLED, CHECKOUT = PACKAGE / "checkpoints", PACKAGE.parent / "checkpoints"


def default_checkpoint(kind: str) -> str | Path:
    """Return the default checkpoint for "faces" or "digits".

    That is the value of RBVAE_FACES or RBVAE_DIGITS, a folder or Hub id, or else the one that comes with rbvae: inside
    the installed package, or in the checkout.
    """
    folder = INSTALLED if INSTALLED.is_dir() else CHECKOUT
    return os.environ.get(f"RBVAE_{kind.upper()}") or folder / kind
