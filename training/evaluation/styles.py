"""How far a transferred style goes: colour, size and stroke width are read from the digits that come out.

Colour is read from the pixels, where it is exact: a stroke's share of red, green and blue. Size and stroke width are
what the feature network tells (training/tools/features.py), whose own error on real digits is reported. Here the
right answer is known: B's outline drawn in A's style.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rbvae.digits.styles import FACTORS, apply_style
from training.data.image_sets import StyledDigits
from training.evaluation.feature_net import FeatureNet
from training.evaluation.realism import likeness
from training.evaluation.transfer import Pairs, Track, follows, median_interval, middle, moved, quartiles

INK = 32  # grey levels of the brightest channel from which a pixel belongs to the stroke
COLOURS = 3  # of FACTORS, at its beginning


def stroke_colour(digits: Tensor) -> Tensor:
    """uint8 [N, 3, S, S] -> the share of red, green and blue in the ink, [N, 3] summing to 1; thirds without ink."""
    ink = (digits.amax(dim=1, keepdim=True) >= INK) * digits
    sums = ink.double().sum(dim=(2, 3))
    return torch.where(sums.sum(dim=1, keepdim=True) > 0, sums / sums.sum(dim=1, keepdim=True).clamp_min(1), 1 / 3)


def read_style(net: FeatureNet, digits: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [N, 3, S, S] -> its five factors [N, 5] in the order of FACTORS, and which digit each is, int [N]."""
    _, factors, classes = net.predict(digits)
    return torch.cat([stroke_colour(digits), factors[:, COLOURS:].double()], dim=1).numpy(), classes.numpy()


def right_answer(digits: StyledDigits, pairs: Pairs) -> Tensor:
    """Each B of the pairs drawn in A's style: uint8 [P, 3, S, S]."""
    rows = torch.from_numpy(pairs.rows)
    return apply_style(digits.outlines[rows], digits.styles[rows[torch.from_numpy(pairs.a)]])


def measure_styles(
    net: FeatureNet, digits: StyledDigits, pairs: Pairs, pictures: dict[str, Tensor], track: Track, seed: int
) -> dict:
    """All figures of style transfer; `pictures` holds photo, rebuilt, edit, answer and answer_rebuilt, [P, 3, S, S].

    In every table `edit` is what the model does, `floor` the plain reconstruction of B, `shuffled` the same edit held
    against the style of a third digit, `rebuilt_a` the plain reconstruction of A, `photo_a` A itself, `answer` B drawn
    in A's style. Distances are in standard deviations of each factor.
    """
    steps = track(pictures.items(), "styles: sets of digits", len(pictures))
    told = {name: read_style(net, some) for name, some in steps}
    truth = digits.styles.factors().double().numpy()
    deviation = truth.std(axis=0)
    b = truth[pairs.rows]
    a, c = b[pairs.a], b[pairs.c]
    read = {name: factors for name, (factors, _) in told.items()}
    held = {  # what is read, and the style it is held against
        "edit": (read["edit"], a),
        "floor": (read["rebuilt"], a),
        "shuffled": (read["edit"], c),
        "rebuilt_a": (read["rebuilt"][pairs.a], a),
        "photo_a": (read["photo"][pairs.a], a),
        "answer": (read["answer"], a),
    }
    ways = {key: moved(found / deviation, b / deviation, goal / deviation) for key, (found, goal) in held.items()}
    kept = {"edit": read["edit"], "rebuilt_b": read["rebuilt"], "photo_b": read["photo"]}
    return {
        "pairs": len(pairs),
        "moved": {key: middle(way) for key, way in ways.items()},
        "moved_interval": median_interval(ways["edit"], seed),
        "moved_quartiles": quartiles(ways["edit"]),
        "follows_a": {key: follows(found / deviation, goal / deviation) for key, (found, goal) in held.items()},
        "keeps_b": {key: follows(found / deviation, b / deviation) for key, found in kept.items()},
        "follows_a_by_part": {
            name: {key: follows(found[:, k], goal[:, k]) for key, (found, goal) in held.items()}
            for k, name in enumerate(FACTORS)
        },
        "error": {
            name: {key: float(np.abs(found - goal)[:, k].mean()) for key, (found, goal) in held.items()}
            for k, name in enumerate(FACTORS)
        },
        "answer": {
            "edit": likeness(pictures["edit"], pictures["answer"]),
            "floor": likeness(pictures["photo"], pictures["answer"]),
            "answer_rebuilt": likeness(pictures["answer_rebuilt"], pictures["answer"]),
        },
        "digit": _digits(told, digits.shows, pairs),
    }


def _digits(told: dict[str, tuple[np.ndarray, np.ndarray]], shows: tuple[str, ...], pairs: Pairs) -> dict | None:
    """The share of pictures in which the classifier sees B's digit, or (`edit_shows_a`, `shuffled`) another's."""
    if not shows:
        return None
    b = np.array([int(digit) for digit in shows])[pairs.rows]
    seen = {name: classes for name, (_, classes) in told.items()}
    return {
        "edit": float((seen["edit"] == b).mean()),
        "rebuilt_b": float((seen["rebuilt"] == b).mean()),
        "answer": float((seen["answer"] == b).mean()),
        "photo_b": float((seen["photo"] == b).mean()),
        "edit_shows_a": float((seen["edit"] == b[pairs.a]).mean()),
        "shuffled": float((seen["edit"] == b[pairs.c]).mean()),
    }
