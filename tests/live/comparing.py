"""Compares what the browser draws with what the library draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rbvae.editing.gestures import split

EXAMPLES = Path(__file__).resolve().parents[2] / "app" / "examples"
SEEN = 42.0  # dB
SEEN_SMALL = 38.0  # dB, where the face is small
SEEN_CHEEKS = 45.0  # dB, where folds of a smile disappear
SEEN_NEAR = 34.0  # dB, in boxes around mouth and eyes
ALIKE = 40.0  # dB, between the two rasterisers, in the face


def library(editor, portrait, named=None, neutral=False, parts=None):
    """The library's picture of an edit, float32 [H, W, 3]."""
    sigmas, gesture = split(named or {})
    e = editor.neutral_e(portrait) if neutral else editor.moved(portrait.e, sigmas)
    options = {"gesture": gesture} | ({"parts": parts} if parts else {})
    return np.asarray(editor.edit(portrait, e, **options).photo).astype(np.float32)


def psnr(a, b, portrait, box=None):
    """The peak signal-to-noise ratio in the face's box, or another one, in dB."""
    left, top, right, bottom = (max(0, int(edge)) for edge in box or portrait.box)
    error = (a.astype(np.float32) - b.astype(np.float32))[top:bottom, left:right]
    return 10 * np.log10(255**2 / max(float(np.square(error).mean()), 1e-9))
