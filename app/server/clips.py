"""Reading of visitors' clips in a process with limited memory and time, so that a bad file cannot crash the app."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from app.server.clip_process import END, ERROR, FRAME, SOUND
from app.server.decoder import PASSED_VARIABLES, kill
from app.server.jobs import LONGEST
from rbvae import ImageError
from rbvae.images.clips import Clip, Frame
from rbvae.images.sound import Sound

PROGRAM = Path(__file__).with_name("clip_process.py")
CLIP_SECONDS = 20.0  # the longest clip
READING_SECONDS = LONGEST  # that the process may live
FAILED = "this clip cannot be read here. Give an MP4, MOV or WebM of less than 20 seconds that plays on a phone."


class SafeClip(Clip):
    """A clip that another process reads: `process` has answered with its length in seconds. See `read_clip`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.name, self.seconds = "this clip", CLIP_SECONDS
        self._await()
        (self.length,) = self._numbers(">d")

    def frames(self, side: int) -> Iterator[Frame]:
        """As in Clip. They have to be read to the end before anything else is."""
        self._request(FRAME + struct.pack(">I", side))
        while self._await():
            (time,), (height, width) = self._numbers(">d"), self._counts(2)
            pixels = np.frombuffer(self._read(3 * height * width), np.uint8).reshape(height, width, 3)
            yield Frame(time, pixels)

    def sound(self, start: float, seconds: float) -> Sound | None:
        """As in Clip."""
        self._request(SOUND + struct.pack(">dd", start, seconds))
        if not self._await():
            return None
        rate, channels, count = self._counts(3)
        samples = np.frombuffer(self._read(4 * channels * count), np.float32).reshape(channels, count)
        return Sound(samples, rate)

    def _request(self, request: bytes) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(request)
            self._process.stdin.flush()
        except OSError as error:
            raise ImageError(FAILED) from error

    def _await(self) -> bool:
        """Return whether something follows. Raises ImageError if the clip cannot be read."""
        sign = self._read(1)
        if sign == ERROR:
            (length,) = self._counts(1)
            raise ImageError(bytes(self._read(length)).decode("utf-8", "replace"))
        return sign != END

    def _numbers(self, form: str) -> tuple[float, ...]:
        return struct.unpack(form, self._read(struct.calcsize(form)))

    def _counts(self, count: int) -> list[int]:
        return [int(number) for number in self._numbers(f">{count}I")]

    def _read(self, count: int) -> bytearray:
        assert self._process.stdout
        content = bytearray(count)
        place = memoryview(content)
        while place:
            read = self._process.stdout.readinto(place)  # type: ignore[attr-defined]
            if not read:
                raise ImageError(FAILED)
            place = place[read:]
        return content


@contextmanager
def read_clip(content: bytes, seconds: float = READING_SECONDS) -> Iterator[SafeClip]:
    """Yield the clip in a file. The process that reads it ends with the block, and after `seconds` at the latest.

    Raises ImageError if the clip cannot be read, or is longer than CLIP_SECONDS.
    """
    environment = {name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ}
    environment["OPENBLAS_NUM_THREADS"] = "1"
    command = [sys.executable, str(PROGRAM), str(PROGRAM.parents[2]), str(CLIP_SECONDS)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    late = threading.Timer(seconds, process.kill)
    late.start()
    try:
        assert process.stdin
        try:
            process.stdin.write(struct.pack(">Q", len(content)))
            process.stdin.write(content)
            process.stdin.flush()
        except OSError as error:
            raise ImageError(FAILED) from error
        yield SafeClip(process)
    finally:
        late.cancel()
        kill(process)
