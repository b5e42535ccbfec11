"""Uploads are decoded in processes of their own, with little memory and little time: what breaks one breaks no more.

Such a process knows neither the visitors nor the host's secrets: it has an almost empty environment, may write no
file, and sees one picture at a time. One that takes too long is ended, and a new one takes its place.
"""

from __future__ import annotations

import atexit
import functools
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np

from rbvae import ImageError
from rbvae.images import UPLOAD

PROGRAM = Path(__file__).with_name("decoder_process.py")
WORKERS = 4  # of 70 MB: one more than pictures that are opened at a time, so that a slow one keeps nobody waiting
SECONDS = 2.4  # for one picture; the process ends itself after one or two of the processor's own
PASSED_ON = ("PATH", "HOME", "SYSTEMROOT", "LD_LIBRARY_PATH", "PYTHONPATH")


class Decoder:
    """A few processes that decode, one picture each at a time; safe to share between threads."""

    def __init__(self, workers: int = WORKERS, seconds: float = SECONDS, program: Path = PROGRAM) -> None:
        self.seconds, self.program = seconds, program
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        self._all = [self._started() for _ in range(workers)]
        for process in self._all:
            self._idle.put(process)

    def decode(self, content: bytes, name: str = "", max_side: int = 0) -> np.ndarray:
        """Encoded bytes -> uint8 RGB [H, W, 3], upright, at its own size or at most `max_side`; raises ImageError."""
        called = name or "the picture"
        if len(content) > UPLOAD.bytes:  # not even sent
            raise ImageError(f"{called} is larger than {UPLOAD.bytes // 10**6} MB, the limit; save it smaller first")
        process = self._idle.get()
        if process.poll() is not None:  # it died between two pictures
            process = self._replaced(process)
        late = threading.Event()
        timer = threading.Timer(self.seconds, lambda: (late.set(), process.kill()))
        timer.start()
        try:
            said = _ask(process, content, name.encode("utf-8", "replace"), max_side)
        except (OSError, EOFError) as error:  # it is no longer there
            slow = late.is_set() or process.wait(1) == -getattr(signal, "SIGXCPU", 0)
            words = "takes too long to decode" if slow else "cannot be decoded here"
            raise ImageError(f"{called} {words}; save it as an ordinary JPEG first") from error
        finally:
            timer.cancel()
            self._idle.put(process if process.poll() is None and not late.is_set() else self._replaced(process))
        if isinstance(said, str):
            raise ImageError(said)
        said.flags.writeable = False  # so that nobody downstream needs a copy of their own
        return said

    def close(self) -> None:
        """Ends the processes."""
        for process in self._all:
            _end(process)

    def _started(self) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment["OPENBLAS_NUM_THREADS"] = "1"
        command = [sys.executable, str(self.program), str(PROGRAM.parents[1])]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

    def _replaced(self, process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        _end(process)
        self._all[self._all.index(process)] = new = self._started()
        return new


@functools.cache
def decoder() -> Decoder:
    """The app's own, started when it is first asked for."""
    made = Decoder()
    atexit.register(made.close)
    return made


def decoded(source: bytes | Path, name: str = "", max_side: int = 0) -> np.ndarray:
    """An upload, as bytes or as a file -> uint8 RGB [H, W, 3] as Decoder.decode gives it; raises ImageError."""
    if isinstance(source, bytes):
        return decoder().decode(source, name, max_side)
    try:
        if source.stat().st_size > UPLOAD.bytes:
            raise ImageError(f"the picture is larger than {UPLOAD.bytes // 10**6} MB, the limit; save it smaller first")
        content = source.read_bytes()
    except (OSError, ValueError) as error:
        raise ImageError("the picture is not here any more; upload it again") from error
    return decoder().decode(content, name or source.name, max_side)


def _ask(process: subprocess.Popen[bytes], content: bytes, name: bytes, max_side: int) -> np.ndarray | str:
    assert process.stdin and process.stdout
    process.stdin.write(struct.pack(">III", len(name), len(content), max_side) + name)
    process.stdin.write(content)
    process.stdin.flush()
    height, width, said = struct.unpack(">III", _exactly(process, bytearray(12)))
    if said:
        return _exactly(process, bytearray(said)).decode()
    return np.frombuffer(_exactly(process, bytearray(height * width * 3)), np.uint8).reshape(height, width, 3)


def _exactly(process: subprocess.Popen[bytes], buffer: bytearray) -> bytearray:
    assert process.stdout
    if process.stdout.readinto(buffer) < len(buffer):  # type: ignore[attr-defined]  # a buffered reader reads on
        raise EOFError
    return buffer


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream:
            try:
                stream.close()
            except OSError:  # what it was still to be told
                pass
