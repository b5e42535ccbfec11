"""What the face of a clip does: its expression e over time, smoothed, and the most neutral one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch

from rbvae.editing.edits import Portrait
from rbvae.editing.portraits import PortraitEditor
from rbvae.editing.smoothing import OneEuro, both_ways
from rbvae.editing.tracking import FaceTracker
from rbvae.errors import FaceNotFoundError
from rbvae.faces.face import Face
from rbvae.faces.finding import Faces
from rbvae.faces.lips import SHOWN
from rbvae.faces.mesh import INNER_LIPS, POINTS, face_mesh
from rbvae.faces.openings import Opening
from rbvae.faces.pose import fit_pose
from rbvae.images.clips import Clip

CLIP_SIDE = 1280  # pixels: larger frames of the clip are reduced, as only a face's landmarks and texture are read
NEUTRAL_SHARE, NEUTRAL_LEAST = 0.05, 3  # of the frames with a face, and at least this many: the clip's neutral frames
OF_LANDMARKS = OneEuro(rest=3.0, beta=150.0)  # in head coordinates, where a face is about 1 wide
OF_E = OneEuro(rest=2.0, beta=2.0, speed=2.0)
TRACKING = 0.4  # share of the work that the search for the landmarks is, for progress
SMILE_GAP = 0.17  # gap of a mouth, relative to its width, in a smile that shows the teeth
THREADS, AHEAD = 2, 4  # threads that work on frames, and frames that wait for them, at most

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Performance:
    """The expression of a face over time.

    `times` [N + 1], in seconds of the clip's file, are those at which the frames begin and the last one ends. `es`
    float32 [N, D_e] is smoothed; while no face is seen, it changes evenly from the last one seen to the next.
    `neutral` [D_e] is the mean of the most neutral frames. `mouth` is a frame with the mouth open as in a smile, if
    there is one: it fills the mouth in the whole film, so that the teeth stay the same.
    """

    times: np.ndarray
    es: np.ndarray
    neutral: np.ndarray
    mouth: Portrait | None = None


def perform(editor: PortraitEditor, clip: Clip, progress: Callable[[float], None] | None = None) -> Performance:
    """Infer the expression of a clip's face in every frame.

    The clip is read twice: for the landmarks, and for e at the smoothed landmarks. `progress` is called as in `drive`.
    Raises ImageError if the clip cannot be read, and FaceNotFoundError if it shows no face.
    """
    report = progress or (lambda share: None)
    times, faces = _tracked(editor, clip, lambda share: report(TRACKING * share))
    seen = [number for number, face in enumerate(faces) if face]
    if not seen:
        raise FaceNotFoundError(
            f"No face was found in {clip.name}. Give a clip of an upright face, seen from the front."
        )
    at = np.array(times)[seen]
    steady = dict(zip(seen, _steadied([face for face in faces if face], at), strict=True))
    toothy = min(seen, key=lambda number: abs(_gap(steady[number]) - SMILE_GAP))
    mouths: list[Portrait] = []

    def frames() -> Iterator[tuple[int, Faces]]:
        for number, frame in enumerate(clip.frames(CLIP_SIDE)):
            report(TRACKING + (1 - TRACKING) * number / len(faces))
            if number in steady:
                yield number, Faces(frame.pixels, (steady[number],))

    def infer(one: tuple[int, Faces]) -> np.ndarray:
        number, found = one
        if number == toothy and _gap(steady[number]) > SHOWN:
            mouths.append(editor.infer(found))
        return e_of(editor, found)

    es = both_ways(np.array(list(in_threads(infer, frames()))), at, OF_E)
    filled = np.stack([np.interp(times, at, column) for column in es.T], axis=1).astype(np.float32)
    end = times[-1] + (times[-1] - times[0]) / (len(times) - 1)  # the last frame lasts as long as the average
    return Performance(np.array([*times, end]), filled, most_neutral(es, editor.e_ref), mouths[0] if mouths else None)


@torch.inference_mode()
def e_of(editor: PortraitEditor, found: Faces) -> np.ndarray:
    """Infer e [D_e] of the first face alone, which is quicker than all of a portrait."""
    if editor.faces is None:
        return editor.infer(found).e
    code = editor.faces.observe(found.source, found.found[0].points).code
    _, q_e = editor.model.encode(torch.from_numpy(code)[None])
    return q_e.mean[0].numpy()


def _tracked(
    editor: PortraitEditor, clip: Clip, report: Callable[[float], None]
) -> tuple[list[float], list[Face | None]]:
    """Return the time of each frame and the face that it shows, if it does."""
    times, faces = [], []
    tracker = FaceTracker(editor.landmarker)
    for frame in clip.frames(CLIP_SIDE):
        times.append(frame.time)
        faces.append(tracker.find(frame.pixels, frame.time))
        report(min(1.0, (frame.time - times[0]) / clip.length) if clip.length else 0.0)
    return times, faces


def _steadied(faces: list[Face], times: np.ndarray) -> list[Face]:
    """Smooth the landmarks in head coordinates, so that they move with the head without delay."""
    poses = [fit_pose(face.points[:POINTS], face_mesh().mean) for face in faces]
    shapes = np.array([pose.to_head(face.points) for pose, face in zip(poses, faces, strict=True)])
    smooth = both_ways(shapes, times, OF_LANDMARKS)
    return [
        replace(face, points=pose.to_photo(shape).astype(np.float32))
        for face, pose, shape in zip(faces, poses, smooth, strict=True)
    ]


def _gap(face: Face) -> float:
    return Opening.of(face.points, INNER_LIPS).gap


def most_neutral(es: np.ndarray, e_ref: np.ndarray) -> np.ndarray:
    """Return the mean of the rows of `es` [N, D_e] that are nearest to e_ref [D_e], float32 [D_e]."""
    count = max(NEUTRAL_LEAST, round(NEUTRAL_SHARE * len(es)))
    nearest = np.argsort(np.linalg.norm(es - e_ref, axis=1), kind="stable")[:count]
    return es[nearest].mean(axis=0).astype(np.float32)


def in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Apply `function` to items in THREADS threads, in order; takes at most AHEAD items before a result is used."""
    with ThreadPoolExecutor(THREADS) as threads:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(threads.submit(function, item))
            if len(waiting) >= AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
