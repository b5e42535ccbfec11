"""Measures style transfer between digits by the colour, size and stroke width of the edits.

Colour is measured exactly from the pixels, as the stroke's shares of red, green and blue. Size and stroke width are
predicted by the feature network (training/tools/features.py), whose error on real digits is reported as well. The
ideal result is known: B's outline drawn in A's style.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rbvae.digits.styles import FACTORS, apply_style
from training.data.image_sets import StyledDigits
from training.data.progress import track
from training.evaluation.feature_net import FeatureNet
from training.evaluation.realism import likeness
from training.evaluation.transfer import Pairs, median_interval, transfer_progress, transfer_slope

INK = 32  # minimum grey level of the brightest channel of a stroke pixel
COLOURS = 3  # the first FACTORS are colours


def stroke_colour(digits: Tensor) -> Tensor:
    """Returns the shares of red, green and blue in the strokes of images uint8 [N, 3, S, S], as [N, 3].

    Each row sums to 1; all shares are 1/3 for an image without strokes.
    """
    ink = (digits.amax(dim=1, keepdim=True) >= INK) * digits
    sums = ink.double().sum(dim=(2, 3))
    return torch.where(sums.sum(dim=1, keepdim=True) > 0, sums / sums.sum(dim=1, keepdim=True).clamp_min(1), 1 / 3)


def read_style(net: FeatureNet, digits: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Returns the style factors [N, 5], ordered as FACTORS, and the digits int [N] of images uint8 [N, 3, S, S]."""
    _, factors, classes = net.predict(digits)
    return torch.cat([stroke_colour(digits), factors[:, COLOURS:].double()], dim=1).numpy(), classes.numpy()


def right_answer(digits: StyledDigits, pairs: Pairs) -> Tensor:
    """Draws each B in A's style, uint8 [P, 3, S, S]."""
    rows = torch.from_numpy(pairs.rows)
    return apply_style(digits.outlines[rows], digits.styles[rows[torch.from_numpy(pairs.a)]])


def measure_styles(net: FeatureNet, digits: StyledDigits, pairs: Pairs, pictures: dict[str, Tensor], seed: int) -> dict:
    """Returns all scores of style transfer; `pictures` holds photo, rebuilt, edit, answer and answer_rebuilt.

    The pictures are uint8 [P, 3, S, S]. In every table, `edit` is the model's result, `floor` the reconstruction of B,
    `shuffled` the edit compared with the style of a third digit, `rebuilt_a` the reconstruction of A, `photo_a` A
    itself and `answer` B drawn in A's style. Factors are scaled by their standard deviations.
    """
    predicted = {name: read_style(net, some) for name, some in track(pictures.items(), "styles: set of digits")}
    truth = digits.styles.factors().double().numpy()
    deviation = truth.std(axis=0)
    b = truth[pairs.rows]
    a, c = b[pairs.a], b[pairs.c]
    read = {name: factors for name, (factors, _) in predicted.items()}
    compared = {  # measured style, and the style it is compared with
        "edit": (read["edit"], a),
        "floor": (read["rebuilt"], a),
        "shuffled": (read["edit"], c),
        "rebuilt_a": (read["rebuilt"][pairs.a], a),
        "photo_a": (read["photo"][pairs.a], a),
        "answer": (read["answer"], a),
    }
    progress = {
        key: transfer_progress(found / deviation, b / deviation, goal / deviation)
        for key, (found, goal) in compared.items()
    }
    kept = {"edit": read["edit"], "rebuilt_b": read["rebuilt"], "photo_b": read["photo"]}
    return {
        "pairs": len(pairs),
        "transfer_progress": {key: float(np.median(values)) for key, values in progress.items()},
        "transfer_progress_interval": median_interval(progress["edit"], seed),
        "transfer_progress_quartiles": np.percentile(progress["edit"], [25, 75]).tolist(),
        "transfer_slope": {
            key: transfer_slope(found / deviation, goal / deviation) for key, (found, goal) in compared.items()
        },
        "keeps_b": {key: transfer_slope(found / deviation, b / deviation) for key, found in kept.items()},
        "transfer_slope_by_part": {
            name: {key: transfer_slope(found[:, k], goal[:, k]) for key, (found, goal) in compared.items()}
            for k, name in enumerate(FACTORS)
        },
        "error": {
            name: {key: float(np.abs(found - goal)[:, k].mean()) for key, (found, goal) in compared.items()}
            for k, name in enumerate(FACTORS)
        },
        "answer": {
            "edit": likeness(pictures["edit"], pictures["answer"]),
            "floor": likeness(pictures["photo"], pictures["answer"]),
            "answer_rebuilt": likeness(pictures["answer_rebuilt"], pictures["answer"]),
        },
        "digit": _digits(predicted, digits.shows, pairs),
    }


def _digits(predicted: dict[str, tuple[np.ndarray, np.ndarray]], shows: tuple[str, ...], pairs: Pairs) -> dict:
    """Returns the share of images classified as B's digit, or as A's (`edit_shows_a`) or a third's (`shuffled`)."""
    b = np.array([int(digit) for digit in shows])[pairs.rows]
    seen = {name: classes for name, (_, classes) in predicted.items()}
    return {
        "edit": float((seen["edit"] == b).mean()),
        "rebuilt_b": float((seen["rebuilt"] == b).mean()),
        "answer": float((seen["answer"] == b).mean()),
        "photo_b": float((seen["photo"] == b).mean()),
        "edit_shows_a": float((seen["edit"] == b[pairs.a]).mean()),
        "shuffled": float((seen["edit"] == b[pairs.c]).mean()),
    }
