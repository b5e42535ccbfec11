"""What the face of a clip does: its expression e over time, smoothed, and the most neutral one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from rbvae.editing.edits import Portrait
from rbvae.editing.portraits import PortraitEditor
from rbvae.editing.smoothing import OneEuro, both_ways
from rbvae.editing.tracking import FaceTracker
from rbvae.errors import FaceNotFoundError
from rbvae.faces.finding import Faces
from rbvae.faces.mesh import INNER_LIPS
from rbvae.faces.mouth import SHOWN
from rbvae.faces.openings import Opening
from rbvae.images.clips import Clip

CLIP_SIDE = 1280  # pixels: larger frames of the clip are reduced, as only a face's landmarks and texture are read
NEUTRAL_SHARE, NEUTRAL_LEAST = 0.05, 3  # of the frames with a face, and at least this many: the clip's neutral frames
SMOOTHING = OneEuro(rest=1.5, beta=0.5)  # of e
THREADS, AHEAD = 2, 4  # threads that work on frames, and frames that wait for them, at most

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Performance:
    """The expression of a face over time.

    `times` [N + 1], in seconds of the clip's file, are those at which the frames begin and the last one ends. `es`
    float32 [N, D_e] is smoothed; while no face is seen, it changes evenly from the last one seen to the next.
    `neutral` [D_e] is the mean of the most neutral frames. `mouth` is a frame that shows the teeth, if there is one.
    """

    times: np.ndarray
    es: np.ndarray
    neutral: np.ndarray
    mouth: Portrait | None = None


def perform(editor: PortraitEditor, clip: Clip, progress: Callable[[float], None] | None = None) -> Performance:
    """Infer the expression of a clip's face in every frame.

    `progress` is called as in `drive`. Raises ImageError if the clip cannot be read, and FaceNotFoundError if it shows
    no face.
    """
    times: list[float] = []
    widest = WidestMouth()

    def faces() -> Iterator[tuple[float, Faces]]:
        tracker = FaceTracker(editor.landmarker)
        for frame in clip.frames(CLIP_SIDE):
            times.append(frame.time)
            if progress and clip.length:
                progress(min(1.0, (frame.time - times[0]) / clip.length))
            if face := tracker.find(frame.pixels, frame.time):
                found = Faces(frame.pixels, (face,))
                widest.offer(found)
                yield frame.time, found

    seen = list(in_threads(lambda one: (one[0], editor.infer(one[1]).e), faces()))
    if not seen:
        raise FaceNotFoundError(
            f"No face was found in {clip.name}. Give a clip of an upright face, seen from the front."
        )
    at, es = np.array([time for time, _ in seen]), np.array([e for _, e in seen])
    smooth = both_ways(es, at, SMOOTHING)
    filled = np.stack([np.interp(times, at, column) for column in smooth.T], axis=1)
    mouth = editor.infer(widest.faces) if widest.faces else None
    end = times[-1] + (times[-1] - times[0]) / (len(times) - 1)  # the last frame lasts as long as the average
    return Performance(np.array([*times, end]), filled.astype(np.float32), most_neutral(smooth, editor.e_ref), mouth)


class WidestMouth:
    """Keeps the frame whose mouth is open the widest, if one shows its inside: `faces`."""

    def __init__(self) -> None:
        self.faces: Faces | None = None
        self._gap = SHOWN

    def offer(self, faces: Faces) -> None:
        """Keep these faces of a frame if the mouth of the first is open wider than all before."""
        gap = Opening.of(faces.found[0].points, INNER_LIPS).gap
        if gap > self._gap:
            self._gap, self.faces = gap, faces


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
