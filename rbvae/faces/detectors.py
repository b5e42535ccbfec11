"""A pool of MediaPipe face landmarkers that is shared by all threads.

MediaPipe is imported when the first landmarker is created, so this module can be imported without it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from rbvae.errors import LandmarkerError

AT_ONCE = 2  # one landmarker processes 73 pictures/s on two cores, two process 125; each needs 70 MB

Argument = TypeVar("Argument")
Result = TypeVar("Result")

_silence_lock = threading.Lock()


class Detectors:
    """Up to `at_once` MediaPipe landmarkers, each used by one thread at a time; further threads wait.

    The first is created immediately, others only when all are busy. A landmarker that has failed never works again and
    is discarded. After a fork, inherited landmarkers are dropped without closing them, because any call would hang.
    """

    def __init__(self, bundle: bytes, num_faces: int, at_once: int = AT_ONCE) -> None:
        self._bundle, self._num_faces, self._at_once = bundle, num_faces, at_once
        self._idle: list[Any] = []
        self._in_use: list[Any] = []
        self._pid, self._created = os.getpid(), 0
        self._start()

    def detect(self, pixels: np.ndarray) -> Any:
        """Run MediaPipe on contiguous uint8 RGB [H, W, 3]; raises LandmarkerError if it fails or the pool is closed."""
        if self._pid != os.getpid():
            self._drop_inherited()
            self._start()
        landmarker = self._borrow()
        succeeded = False
        try:
            result = landmarker.detect(_image(pixels))
            succeeded = True
        except (RuntimeError, ValueError) as error:
            raise LandmarkerError(f"MediaPipe failed on a picture of {pixels.shape}: {error}; try another") from error
        finally:
            self._give_back(landmarker, succeeded)
        return result

    def close(self) -> None:
        """Close all landmarkers, those in use as soon as they are returned. May be called more than once."""
        if self._pid != os.getpid():
            self._drop_inherited()
            return
        with self._changed:
            self._closed, idle, self._idle = True, self._idle, []
            self._created -= len(idle)
            self._changed.notify_all()
        for landmarker in idle:
            _discard(landmarker)

    def _start(self) -> None:
        self._changed = threading.Condition()
        self._closed = False
        self._pid = os.getpid()
        self._idle.append(_create(self._bundle, self._num_faces))
        self._created = 1

    def _drop_inherited(self) -> None:
        """Drop the landmarkers of the parent process."""
        for landmarker in (*self._idle, *self._in_use):
            landmarker._handle = None
        self._idle, self._in_use, self._closed = [], [], True

    def _borrow(self) -> Any:
        with self._changed:
            while not self._closed and not self._idle and self._created >= self._at_once:
                self._changed.wait()
            if self._closed:
                raise LandmarkerError("this face landmarker is closed; make a new FaceLandmarker")
            if self._idle:
                self._in_use.append(self._idle.pop())
                return self._in_use[-1]
            self._created += 1
        try:
            landmarker = _create(self._bundle, self._num_faces)
        except BaseException:
            self._count_lost()
            raise
        with self._changed:
            self._in_use.append(landmarker)
        return landmarker

    def _give_back(self, landmarker: Any, succeeded: bool) -> None:
        with self._changed:
            self._in_use.remove(landmarker)
            kept = succeeded and not self._closed
            if kept:
                self._idle.append(landmarker)
                self._changed.notify()
        if not kept:
            _discard(landmarker)
            self._count_lost()

    def _count_lost(self) -> None:
        with self._changed:
            self._created -= 1
            self._changed.notify()


def map_in_threads(function: Callable[[Argument], Result], items: Sequence[Argument]) -> list[Result]:
    """Apply `function` to each item, in up to AT_ONCE threads; returns the results in order."""
    if len(items) < 2:
        return [function(one) for one in items]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(function, items))


def _create(bundle: bytes, num_faces: int) -> Any:
    """Create a landmarker and run it once."""
    with _silence_lock, _quiet_stderr():
        try:
            with _without_matplotlib():
                import mediapipe
                from mediapipe.tasks.python import BaseOptions, vision
        except (ImportError, OSError) as error:
            raise LandmarkerError(
                f"MediaPipe cannot be loaded ({error}); install mediapipe, and on Linux libegl1 and libgles2"
            ) from error
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=bundle),
            num_faces=num_faces,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
        try:
            landmarker = vision.FaceLandmarker.create_from_options(options)
            landmarker.detect(
                mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.zeros((64, 64, 3), np.uint8))
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise LandmarkerError(f"MediaPipe cannot load the face landmarker model: {error}") from error
    return landmarker


def _image(pixels: np.ndarray) -> Any:
    import mediapipe

    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=pixels)


def _discard(landmarker: Any) -> None:
    """Close a landmarker permanently: without its handle, neither a second close nor `__del__` can hang."""
    try:
        landmarker.close()
    except Exception:  # after a failed detection MediaPipe's close raises too, and nothing is left to free
        pass
    finally:
        landmarker._handle = None


@contextlib.contextmanager
def _without_matplotlib() -> Iterator[None]:
    """Import MediaPipe without matplotlib, which it uses for plots alone and which takes over half of its import."""
    names = ("matplotlib", "matplotlib.pyplot")
    if "mediapipe" in sys.modules or "matplotlib" in sys.modules:
        yield
        return
    sys.modules.update({name: types.ModuleType(name) for name in names})
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Redirect file descriptor 2 to the null device: MediaPipe's C++ log ignores all logging settings."""
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, AttributeError, ValueError):  # a process without a stderr
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
