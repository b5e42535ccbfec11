"""How far a transferred expression goes: faces are detected again in the edits, and their blendshapes compared.

A pair is a face B that gets the expression of A, another person: edit = G(z_B, e_A). What is told of A and B
themselves are the blendshapes of the photos they were cropped from, so the photo's own crop, detected again, is a
ceiling and not 1 by definition. rbvae.faces.landmarks gives crops below 200 px a border and enlarges them to 256.
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

# Landmarks of MediaPipe's face mesh, by its own groups.
PARTS = {
    "mouth": [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409]
    + [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415],
    "eyes": [263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398]
    + [33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173],
    "brows": [276, 283, 282, 295, 285, 300, 293, 334, 296, 336, 46, 53, 52, 65, 55, 70, 63, 105, 66, 107],
}
OUTER_EYE_CORNERS = (33, 263)
DRAWS = 1000  # of the bootstrap
BROAD, APART = 3, 12  # windows in which light is averaged: as many fit over a side, and as many steps between them

Track = Callable[[Iterable, str, int], Iterable]  # shows progress over so many things, named


@dataclass(frozen=True)
class Pairs:
    """P test photos and who lends whom: photo i is B; `a[i]` is A, `c[i]` somebody else again, each a number below P.

    `rows` int64 [P] are the photos' rows in the test set.
    """

    rows: np.ndarray
    a: np.ndarray
    c: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def choose_pairs(shows: tuple[str, ...], total: int, count: int, seed: int) -> Pairs:
    """`count` of `total` photos, seeded; each gets an A and a C from among them, all different people if possible.

    `shows` names who (or which digit) is in each photo; () where nobody knows: then they are only different photos.
    """
    rng = np.random.default_rng(seed)
    rows = rng.permutation(total)[:count]
    who = np.array(shows)[rows] if shows else rows
    a = np.array([_other(rng, who, [i]) for i in range(len(rows))], dtype=np.int64)
    c = np.array([_other(rng, who, [i, own]) for i, own in enumerate(a.tolist())], dtype=np.int64)
    return Pairs(rows, a, c)


def _other(rng: np.random.Generator, who: np.ndarray, taken: list[int]) -> int:
    """One that shows none of those taken; where there is none, another photo; at last any."""
    free = np.flatnonzero(~np.isin(who, who[taken]))
    if not len(free):
        free = np.setdiff1d(np.arange(len(who)), taken)
    return int(rng.choice(free if len(free) else np.arange(len(who))))


@dataclass(frozen=True)
class Seen:
    """What the landmarker sees in P pictures; NaN where it finds no face.

    `scores` [P, 52] blendshapes; `points` [P, 478, 2] brought onto the mean shape by the landmarks that expressions
    hardly move, in units of the distance between the outer eye corners; `pose` [P, 3] yaw, pitch, roll in degrees.
    """

    scores: np.ndarray
    points: np.ndarray
    pose: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Seen:
        return Seen(self.scores[rows], self.points[rows], self.pose[rows])

    @property
    def found(self) -> float:
        """The share of pictures in which there was a face."""
        return float(np.isfinite(self.pose[:, 0]).mean())


def look(landmarker: FaceLandmarker, images: Tensor, track: Track, name: str) -> Seen:
    """uint8 [P, 3, S, S] -> Seen, one picture at a time."""
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
    """A face's landmarks [478, 2] on the mean shape, in units of its distance between the outer eye corners."""
    points = face.points[:, :2].astype(np.float64)
    fit = fit_similarity(points[STABLE], mean_shape()[STABLE])
    left, right = mean_shape()[list(OUTER_EYE_CORNERS)]
    return (points @ fit[:, :2].T + fit[:, 2]) / np.linalg.norm(left - right)


def broad_light(x: Tensor) -> Tensor:
    """Images [N, 3, S, S] -> their means in overlapping windows, [N, M]."""
    side = x.shape[-1]
    return torch.nn.functional.avg_pool2d(x, side // BROAD, max(1, side // APART)).flatten(1)


def moved(edit: np.ndarray, b: np.ndarray, a: np.ndarray) -> np.ndarray:
    """How far edits went from B to A, [P] from scores [P, K]: 0 not at all, 1 all the way.

    (edit - B).(A - B) / |A - B|^2. Whatever lies midway between all people, an average face, scores about 0.5.
    """
    towards = a - b
    return ((edit - b) * towards).sum(axis=1) / np.square(towards).sum(axis=1).clip(1e-9)


def follows(edit: np.ndarray, goal: np.ndarray) -> float:
    """How much of a difference between two people's `goal` shows up in their edits: the pooled least-squares slope.

    Both [P] or [P, K]: sum over k of cov(edit_k, goal_k) / sum over k of var(goal_k). 1 when edits differ as their
    goals do, 0 when they have nothing to do with them; unlike `moved`, it gains nothing from an average face.
    """
    kept = np.isfinite(edit.reshape(len(edit), -1)).all(axis=1)
    if not kept.any():
        return float("nan")
    edit, goal = edit[kept] - edit[kept].mean(axis=0), goal[kept] - goal[kept].mean(axis=0)
    return float((edit * goal).sum() / max(np.square(goal).sum(), 1e-9))


def middle(values: np.ndarray) -> float:
    """The median of what was measured; NaN where nothing was."""
    found = values[np.isfinite(values)]
    return float(np.median(found)) if len(found) else float("nan")


def quartiles(values: np.ndarray) -> list[float]:
    """[low, high] of the middle half of what was measured."""
    found = values[np.isfinite(values)]
    return [float(edge) for edge in np.percentile(found, [25, 75])] if len(found) else [float("nan")] * 2


def median_interval(values: np.ndarray, seed: int) -> list[float]:
    """95% of the medians of DRAWS resamples of the pairs: [low, high]; NaN are left out."""
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
    """All figures of expression transfer; `pictures` holds `photo`, `rebuilt` and `edit`, uint8 [P, 3, S, S] of each B.

    In every table `edit` is what the model does, `floor` the plain reconstruction of B, `shuffled` the same edit held
    against the expression of a third person, `rebuilt_a` the plain reconstruction of A and `photo_a` A's own crop.
    """
    seen = {name: look(landmarker, some, track, f"faces: {name}") for name, some in pictures.items()}
    edit, rebuilt, photo = seen["edit"], seen["rebuilt"], seen["photo"]
    b = photos.factors.numpy()[pairs.rows]
    a, c = b[pairs.a], b[pairs.c]
    held = {  # what is looked at, and the expression it is held against
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
    """Blendshapes [P, 52] -> the named factors, [P] each."""
    return named_factors(LabelledImages(torch.empty(0), torch.from_numpy(np.asarray(scores)), BLENDSHAPES))


def _distance(scores: np.ndarray, goal: np.ndarray) -> float:
    return middle(np.linalg.norm((scores - goal)[:, ENERGETIC], axis=1))


def _changes(rebuilt: Tensor, edit: Tensor, pairs: Pairs) -> dict[str, dict[str, float]]:
    """Grey levels between an edit and the plain reconstruction of B, and between those of A and B: of pixels, and of
    the broad light."""
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
