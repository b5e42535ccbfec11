"""Uploads are decoded in processes of their own, with little memory and little time: what breaks one breaks no more.

Such a process knows neither the visitors nor the host's secrets: it has an almost empty environment, may write no
file, and sees one picture at a time. One that takes too long is ended, and a new one takes its place.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from app.server.job_queue import BusyError
from rbvae import ImageError
from rbvae.images.decoding import UPLOAD

PROGRAM = Path(__file__).with_name("decoder_process.py")
WORKERS = 4  # of 70 MB: one more than pictures that are opened at a time, so that a slow one keeps nobody waiting
SECONDS = 2.4  # for one picture; the process ends itself after one or two of the processor's own
STARTING = 5  # for a process until it is ready, which on a busy machine takes a while
PATIENCE = 10  # seconds for one that is idle; as many may ask at a time as there are, so that few ever wait
LONGEST_ANSWER = 10_000  # bytes of words
PASSED_ON = ("PATH", "HOME", "SYSTEMROOT", "LD_LIBRARY_PATH", "PYTHONPATH")


class Worker:
    """One process that decodes, and another after an answer that was not read to its end.

    What is left unread of one picture would be taken for the next one.
    """

    def __init__(self, program: Path) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.ready = False

    def start(self) -> subprocess.Popen[bytes]:
        """The process, a new one where there is none that runs; raises OSError where none can be started."""
        if self.process is None or self.process.poll() is not None:
            self.end()
            environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
            environment["OPENBLAS_NUM_THREADS"] = "1"
            command = [sys.executable, str(self.program), str(PROGRAM.parents[2])]
            self.ready = False
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        return self.process

    def ask(self, content: bytes, name: bytes, max_side: int, seconds: float) -> np.ndarray | str:
        """Pixels, or what is wrong; raises TimeoutError, and OSError, EOFError or MemoryError where it breaks."""
        process, late, read = self.start(), threading.Event(), False
        try:
            if not self.ready:
                with _ended_after(STARTING, process, late):
                    _exactly(process, bytearray(1))
                self.ready = True
            with _ended_after(seconds, process, late):
                said = _ask(process, content, name, max_side)
            read = True
            return said
        except (OSError, EOFError) as error:  # it is no longer there
            self.end()
            if late.is_set() or process.returncode == -getattr(signal, "SIGXCPU", 0):
                raise TimeoutError from error
            raise
        finally:
            if late.is_set() or not read:
                self.end()
                with contextlib.suppress(OSError, MemoryError):  # at the next picture it is tried again
                    self.start()

    def end(self) -> None:
        """Ends the process, if there is one."""
        if self.process is not None:
            _end(self.process)
        self.process = None


class Decoder:
    """A few processes that decode, one picture each at a time; safe to share between threads."""

    def __init__(
        self, workers: int = WORKERS, seconds: float = SECONDS, program: Path = PROGRAM, patience: float = PATIENCE
    ) -> None:
        self.seconds, self.patience = seconds, patience
        self._waiting = 0
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        self.workers = [Worker(program) for _ in range(workers)]
        for worker in self.workers:
            worker.start()
            self._idle.put(worker)

    def decode(self, content: bytes, name: str = "", max_side: int = 0) -> np.ndarray:
        """Encoded bytes -> uint8 RGB [H, W, 3], upright, at its own size or at most `max_side`.

        Raises ImageError for what is no picture, BusyError where no process is to be had.
        """
        called = name or "the picture"
        if len(content) > UPLOAD.bytes:  # not even sent
            raise ImageError(f"{called} is larger than {UPLOAD.bytes // 10**6} MB, the limit; save it smaller first")
        with self._worker() as worker:
            try:
                said = worker.ask(content, name.encode("utf-8", "replace"), max_side, self.seconds)
            except TimeoutError as error:
                raise ImageError(f"{called} takes too long to decode; save it as an ordinary JPEG first") from error
            except (OSError, EOFError, MemoryError) as error:
                raise ImageError(f"{called} cannot be decoded here; save it as an ordinary JPEG first") from error
        if isinstance(said, str):
            raise ImageError(said)
        said.flags.writeable = False  # so that nobody downstream needs a copy of their own
        return said

    def close(self) -> None:
        """Ends the processes."""
        for worker in self.workers:
            worker.end()

    @contextlib.contextmanager
    def _worker(self) -> Iterator[Worker]:
        """An idle one, started; raises BusyError where none is idle for long, or can be started."""
        self._waiting += 1
        try:
            worker = self._idle.get(timeout=self.patience)
        except queue.Empty:
            raise BusyError(self._waiting - 1) from None
        finally:
            self._waiting -= 1
        try:
            try:
                worker.start()
            except (OSError, MemoryError) as error:  # the machine is full; this place is kept for when it no longer is
                raise BusyError(self._waiting) from error
            yield worker
        finally:
            self._idle.put(worker)


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


@contextlib.contextmanager
def _ended_after(seconds: float, process: subprocess.Popen[bytes], late: threading.Event) -> Iterator[None]:
    """Ends the process, and says that it was late, where what is done here takes longer."""
    timer = threading.Timer(seconds, lambda: (late.set(), process.kill()))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # so that it ends nothing later on


def _ask(process: subprocess.Popen[bytes], content: bytes, name: bytes, max_side: int) -> np.ndarray | str:
    assert process.stdin and process.stdout
    process.stdin.write(struct.pack(">III", len(name), len(content), max_side) + name)
    process.stdin.write(content)
    process.stdin.flush()
    height, width, said = struct.unpack(">III", _exactly(process, bytearray(12)))
    if said > LONGEST_ANSWER or height * width > UPLOAD.pixels:
        raise EOFError  # no answer of ours
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
