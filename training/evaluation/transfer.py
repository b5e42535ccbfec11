"""Measures expression transfer by detecting faces in the edits and comparing their blendshapes.

In a pair, face B gets the expression of another person A: edit = G(z_B, e_A). The true blendshapes of A and B are
those of the original photos, so crops of the photos themselves, detected again, are a ceiling below 1.
rbvae.faces.landmarks adds a border to crops below 200 px and enlarges them to 256 px.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rbvae.faces.alignment import STABLE, fit_similarity, mean_shape
from rbvae.faces.landmarks import BLENDSHAPES, ENERGETIC, Face, FaceLandmarker
from training.data.image_sets import LabelledImages
from training.evaluation.probes import named_factors
from training.evaluation.subgroups import groups

# Landmarks of MediaPipe's face mesh, in MediaPipe's groups.
PARTS = {
    "mouth": [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409]
    + [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415],
    "eyes": [263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398]
    + [33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173],
    "brows": [276, 283, 282, 295, 285, 300, 293, 334, 296, 336, 46, 53, 52, 65, 55, 70, 63, 105, 66, 107],
}
OUTER_EYE_CORNERS = (33, 263)
DRAWS = 1000  # of the bootstrap
BROAD, APART = 3, 12  # lighting is averaged over windows of 1/3 of the side at strides of 1/12 of it

Track = Callable[[Iterable, str, int], Iterable]  # (things, name, total): shows progress while iterating


@dataclass(frozen=True)
class Pairs:
    """P test photos paired for transfer: photo i is B, photo `a[i]` is A, and photo `c[i]` is a third person.

    `rows` int64 [P] are the photos' rows in the test set; `a` and `c` int64 [P] are positions in `rows`.
    """

    rows: np.ndarray
    a: np.ndarray
    c: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def choose_pairs(shows: tuple[str, ...], total: int, count: int, seed: int) -> Pairs:
    """Draws `count` of `total` photos and assigns each an A and a C among them, different people if possible.

    `shows` names the person or digit in each photo; if it is (), only different photos are guaranteed.
    """
    rng = np.random.default_rng(seed)
    rows = rng.permutation(total)[:count]
    who = np.array(shows)[rows] if shows else rows
    a = np.array([_other(rng, who, [i]) for i in range(len(rows))], dtype=np.int64)
    c = np.array([_other(rng, who, [i, own]) for i, own in enumerate(a.tolist())], dtype=np.int64)
    return Pairs(rows, a, c)


def _other(rng: np.random.Generator, who: np.ndarray, taken: list[int]) -> int:
    """Draws a photo of a person not in `taken`; if there is none, a different photo; otherwise any photo."""
    free = np.flatnonzero(~np.isin(who, who[taken]))
    if not len(free):
        free = np.setdiff1d(np.arange(len(who)), taken)
    return int(rng.choice(free if len(free) else np.arange(len(who))))


@dataclass(frozen=True)
class Seen:
    """Landmarker results for P images; NaN where no face is detected.

    `scores` [P, 52] are blendshapes. `points` [P, 478, 2] are aligned to the mean shape by landmarks that expressions
    hardly move, in units of the distance between the outer eye corners. `pose` [P, 3] is yaw, pitch and roll in
    degrees.
    """

    scores: np.ndarray
    points: np.ndarray
    pose: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Seen:
        return Seen(self.scores[rows], self.points[rows], self.pose[rows])

    @property
    def found(self) -> float:
        """The share of images in which a face was detected."""
        return float(np.isfinite(self.pose[:, 0]).mean())


def look(landmarker: FaceLandmarker, images: Tensor, track: Track, name: str) -> Seen:
    """Runs the landmarker on images uint8 [P, 3, S, S], one at a time."""
    scores, points = np.full((len(images), len(BLENDSHAPES)), np.nan), np.full((len(images), 478, 2), np.nan)
    pose = np.full((len(images), 3), np.nan)
    pictures = images.permute(0, 2, 3, 1).contiguous().numpy()
    for row, picture in enumerate(track(pictures, name, len(pictures))):
        faces = landmarker.detect(picture)
        if faces:
            scores[row], points[row] = faces[0].blendshapes, standard_points(faces[0])
            pose[row] = faces[0].yaw, faces[0].pitch, faces[0].roll
    return Seen(scores, points, pose)


def standard_points(face: Face) -> np.ndarray:
    """Aligns a face's landmarks [478, 2] to the mean shape, in units of its distance between the outer eye corners."""
    points = face.points[:, :2].astype(np.float64)
    fit = fit_similarity(points[STABLE], mean_shape()[STABLE])
    left, right = mean_shape()[list(OUTER_EYE_CORNERS)]
    return (points @ fit[:, :2].T + fit[:, 2]) / np.linalg.norm(left - right)


def broad_light(x: Tensor) -> Tensor:
    """Returns the means of images [N, 3, S, S] in overlapping windows, [N, M]."""
    side = x.shape[-1]
    return torch.nn.functional.avg_pool2d(x, side // BROAD, max(1, side // APART)).flatten(1)


def moved(edit: np.ndarray, b: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Returns how far each edit went from B (0) to A (1), [P], from scores [P, K].

    Computed as (edit - B).(A - B) / |A - B|^2. An average face scores about 0.5.
    """
    towards = a - b
    return ((edit - b) * towards).sum(axis=1) / np.square(towards).sum(axis=1).clip(1e-9)


def follows(edit: np.ndarray, goal: np.ndarray) -> float:
    """Returns the pooled least-squares slope of edits on goals, both [P] or [P, K].

    The slope is sum over k of cov(edit_k, goal_k) / sum over k of var(goal_k): 1 if edits differ as much as their
    goals, 0 if they are unrelated. Unlike `moved`, an average face scores 0.
    """
    kept = np.isfinite(edit.reshape(len(edit), -1)).all(axis=1)
    if not kept.any():
        return float("nan")
    edit, goal = edit[kept] - edit[kept].mean(axis=0), goal[kept] - goal[kept].mean(axis=0)
    return float((edit * goal).sum() / max(np.square(goal).sum(), 1e-9))


def middle(values: np.ndarray) -> float:
    """Returns the median of the finite values; NaN if there are none."""
    found = values[np.isfinite(values)]
    return float(np.median(found)) if len(found) else float("nan")


def quartiles(values: np.ndarray) -> list[float]:
    """Returns the 25th and 75th percentiles of the finite values."""
    found = values[np.isfinite(values)]
    return [float(edge) for edge in np.percentile(found, [25, 75])] if len(found) else [float("nan")] * 2


def median_interval(values: np.ndarray, seed: int) -> list[float]:
    """Returns the 95% bootstrap interval [low, high] of the median of the finite values."""
    values = values[np.isfinite(values)]
    if not len(values):
        return [float("nan")] * 2
    rows = np.random.default_rng(seed).integers(0, len(values), (DRAWS, len(values)))
    return [float(edge) for edge in np.percentile(np.median(values[rows], axis=1), [2.5, 97.5])]


def measure_transfer(
    landmarker: FaceLandmarker,
    photos: LabelledImages,
    pairs: Pairs,
    pictures: dict[str, Tensor],
    track: Track,
    seed: int,
) -> dict:
    """Returns all scores of expression transfer; `pictures` holds `photo`, `rebuilt` and `edit`, uint8 [P, 3, S, S].

    In every table, `edit` is the model's result, `floor` the reconstruction of B, `shuffled` the edit compared with
    the expression of a third person, `rebuilt_a` the reconstruction of A and `photo_a` the crop of A.
    """
    seen = {name: look(landmarker, some, track, f"faces: {name}") for name, some in pictures.items()}
    edit, rebuilt, photo = seen["edit"], seen["rebuilt"], seen["photo"]
    b = photos.factors.numpy()[pairs.rows]
    a, c = b[pairs.a], b[pairs.c]
    held = {  # measured expression, and the expression it is compared with
        "edit": (edit.scores, a),
        "floor": (rebuilt.scores, a),
        "shuffled": (edit.scores, c),
        "rebuilt_a": (rebuilt.scores[pairs.a], a),
        "photo_a": (photo.scores[pairs.a], a),
    }
    some = ENERGETIC  # without `_neutral` and `eye*`
    ways = {key: moved(scores[:, some], b[:, some], goal[:, some]) for key, (scores, goal) in held.items()}
    kept = {"edit": edit.scores, "rebuilt_b": rebuilt.scores, "photo_b": photo.scores}
    return {
        "pairs": len(pairs),
        "found": {key: views.found for key, views in seen.items()},
        "moved": {key: middle(way) for key, way in ways.items()},
        "moved_interval": median_interval(ways["edit"], seed),
        "moved_quartiles": quartiles(ways["edit"]),
        "follows_a": {key: follows(scores[:, some], goal[:, some]) for key, (scores, goal) in held.items()},
        "keeps_b": {key: follows(scores[:, some], b[:, some]) for key, scores in kept.items()},
        "follows_a_by_part": {
            part: {key: follows(by_part(scores)[part], by_part(goal)[part]) for key, (scores, goal) in held.items()}
            for part in by_part(b)
        },
        "changes": _changes(pictures["rebuilt"], pictures["edit"], pairs),
        "distance": {key: _distance(scores, goal) for key, (scores, goal) in held.items()}
        | {"strangers": _distance(b, a)},
        "landmarks": {part: _landmarks(seen, pairs, rows) for part, rows in PARTS.items()},
        "pose": {
            name: {
                key: middle(np.abs(views.pose - photo.pose)[:, axis])
                for key, views in (("edit", edit), ("rebuilt_b", rebuilt), ("photo_a", photo[pairs.a]))
            }
            for axis, name in enumerate(("yaw", "pitch", "roll"))
        },
        "whom": {
            name: {
                "pairs": int(chosen.sum()),
                "found": edit[chosen].found,
                "moved": middle(ways["edit"][chosen]),
                "floor": middle(ways["floor"][chosen]),
            }
            for name, chosen in ((name, whole[pairs.rows]) for name, whole in groups(photos).items())
            if chosen.any()
        },
    }


def by_part(scores: np.ndarray) -> dict[str, np.ndarray]:
    """Converts blendshapes [P, 52] to the named factors, each [P]."""
    return named_factors(LabelledImages(torch.empty(0), torch.from_numpy(np.asarray(scores)), BLENDSHAPES))


def _distance(scores: np.ndarray, goal: np.ndarray) -> float:
    return middle(np.linalg.norm((scores - goal)[:, ENERGETIC], axis=1))


def _changes(rebuilt: Tensor, edit: Tensor, pairs: Pairs) -> dict[str, dict[str, float]]:
    """Returns mean changes in grey levels of pixels and of broad lighting, relative to the reconstruction of B.

    `edit` is the change in the edit, `strangers` that in the reconstruction of A.
    """
    before, others = rebuilt.float(), {"edit": edit.float(), "strangers": rebuilt[torch.from_numpy(pairs.a)].float()}
    return {
        name: {key: float((how(other) - how(before)).abs().mean()) for key, other in others.items()}
        for name, how in (("pixels", torch.Tensor.float), ("light", broad_light))
    }


def _landmarks(seen: dict[str, Seen], pairs: Pairs, rows: list[int]) -> dict[str, float]:
    photo, rebuilt = seen["photo"].points[:, rows], seen["rebuilt"].points[:, rows]
    edit, photo_a = seen["edit"].points[:, rows], photo[pairs.a]

    def apart(one: np.ndarray, other: np.ndarray) -> float:
        return middle(np.linalg.norm(one - other, axis=2).mean(axis=1))

    return {
        "edit": apart(edit, photo_a),
        "floor": apart(rebuilt, photo_a),
        "rebuilt_a": apart(rebuilt[pairs.a], photo_a),
        "strangers": apart(photo, photo_a),
        "rebuilt_b": apart(rebuilt, photo),
    }
