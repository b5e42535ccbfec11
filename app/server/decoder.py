"""Decoding of uploads in worker processes with limited memory and time, so that a bad file cannot crash the app.

A worker has an almost empty environment without secrets, cannot write files, and sees one image at a time. A worker
that takes too long is killed and replaced.
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

from app.server.decoder_process import ALPHA
from app.server.job_queue import BusyError
from rbvae import ImageError
from rbvae.images.decoding import UPLOAD

PROGRAM = Path(__file__).with_name("decoder_process.py")
WORKERS = 4  # of 70 MB each; more than the images opened at the same time, so that a slow one does not block others
# Wall-clock seconds per image, for what waits instead of computing: CPU time is limited by the worker itself, because a
# busy machine slows a good photo down as much as a bad one.
IMAGE_SECONDS = 40
START_SECONDS = 30  # seconds for a worker to start: 5 were too few on a busy machine
WAIT_SECONDS = 10  # seconds to wait for an idle worker
MAX_MESSAGE = 10_000  # bytes of an error message
LARGE = 3 * 16_000_000  # bytes of pixels above which pictures take turns, see in_turns
PASSED_VARIABLES = ("PATH", "HOME", "SYSTEMROOT", "LD_LIBRARY_PATH", "PYTHONPATH")


_turn = threading.RLock()  # held by the thread that uses large pictures
_here = threading.local()


@contextlib.contextmanager
def in_turns() -> Iterator[None]:
    """Give back the memory of large pictures before another thread decodes one.

    The first large picture that is decoded in this context waits until no other thread is in such a context with
    one. Raises BusyError if that takes too long.
    """
    with contextlib.ExitStack() as until:
        outer, _here.until = getattr(_here, "until", None), until
        try:
            yield
        finally:
            _here.until = outer


def await_turn(size: int) -> None:
    """Wait, in the context of in_turns, before a picture of `size` bytes is read."""
    until = getattr(_here, "until", None)
    if until is None or size <= LARGE:
        return
    if not _turn.acquire(timeout=WAIT_SECONDS):
        raise BusyError(1)
    until.callback(_turn.release)


class Worker:
    """A decoding process, replaced whenever an answer was not read completely.

    Otherwise the unread bytes would be taken for the answer to the next request.
    """

    def __init__(self, program: Path) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.ready = False

    def start(self) -> subprocess.Popen[bytes]:
        """Return the running process, starting one if necessary. Raises OSError if it cannot be started."""
        if self.process is None or self.process.poll() is not None:
            self.kill()
            environment = {name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ}
            environment["OPENBLAS_NUM_THREADS"] = "1"
            command = [sys.executable, str(self.program), str(PROGRAM.parents[2])]
            self.ready = False
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        return self.process

    def decode(self, content: bytes, name: bytes, max_side: int, seconds: float) -> tuple[np.ndarray | None, str]:
        """Decode an image. Returns uint8 RGB [H, W, 3] and a note or "", or None and an error message.

        Raises TimeoutError if it takes longer than `seconds`, and OSError, EOFError or MemoryError if the process
        fails.
        """
        process, timed_out, complete = self.start(), threading.Event(), False
        try:
            if not self.ready:
                with _killed_after(START_SECONDS, process, timed_out):
                    _read_exactly(process, bytearray(1))
                self.ready = True
            with _killed_after(seconds, process, timed_out):
                answer = _exchange(process, content, name, max_side)
            complete = True
            return answer
        except (OSError, EOFError) as error:  # the process has died
            self.kill()
            if timed_out.is_set() or process.returncode == -getattr(signal, "SIGXCPU", 0):
                raise TimeoutError from error
            raise
        finally:
            if timed_out.is_set() or not complete:
                self.kill()
                with contextlib.suppress(OSError, MemoryError):  # the next request tries again
                    self.start()

    def kill(self) -> None:
        """Kill the process, if there is one."""
        if self.process is not None:
            kill(self.process)
        self.process = None


class Decoder:
    """A pool of decoding processes, safe to share between threads."""

    def __init__(
        self,
        workers: int = WORKERS,
        seconds: float = IMAGE_SECONDS,
        program: Path = PROGRAM,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self.seconds, self.wait_seconds = seconds, wait_seconds
        self._waiting = 0
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        self.workers = [Worker(program) for _ in range(workers)]
        for worker in self.workers:
            worker.start()
            self._idle.put(worker)

    def decode(self, content: bytes, name: str = "", max_side: int = 0) -> np.ndarray:
        """Decode an encoded image, see `decode_with_note`. Returns its pixels."""
        return self.decode_with_note(content, name, max_side)[0]

    def decode_with_note(self, content: bytes, name: str = "", max_side: int = 0) -> tuple[np.ndarray, str]:
        """Decode an encoded image. Returns read-only uint8 RGB [H, W, 3], with its orientation applied, and a note.

        The note says how a picture was changed that has too many pixels; otherwise it is "".

        If `max_side` is positive, a larger image is scaled down to it. `name` is used in error messages.

        Raises ImageError if the content cannot be decoded or exceeds a limit, and BusyError if no worker is available.
        """
        label = name or "the picture"
        if len(content) > UPLOAD.bytes:  # checked before sending
            raise ImageError(f"{label} is larger than {UPLOAD.bytes // 10**6} MB, the limit; save it smaller first")
        with self._worker() as worker:
            try:
                pixels, words = worker.decode(content, name.encode("utf-8", "replace"), max_side, self.seconds)
            except TimeoutError as error:
                raise ImageError(f"{label} takes too long to decode; save it as an ordinary JPEG first") from error
            except (OSError, EOFError, MemoryError) as error:
                raise ImageError(f"{label} cannot be decoded; save it as an ordinary JPEG first") from error
        if pixels is None:
            raise ImageError(words)
        pixels.flags.writeable = False  # so that callers can share it without copying
        return pixels, words

    def close(self) -> None:
        """Kill all processes."""
        for worker in self.workers:
            worker.kill()

    @contextlib.contextmanager
    def _worker(self) -> Iterator[Worker]:
        """Borrow an idle, running worker. Raises BusyError if none becomes idle in time or it cannot be started."""
        self._waiting += 1
        try:
            worker = self._idle.get(timeout=self.wait_seconds)
        except queue.Empty:
            raise BusyError(self._waiting - 1) from None
        finally:
            self._waiting -= 1
        try:
            try:
                worker.start()
            except (OSError, MemoryError) as error:  # out of memory or processes; retried later
                raise BusyError(self._waiting) from error
            yield worker
        finally:
            self._idle.put(worker)


@functools.cache
def decoder() -> Decoder:
    """Return the app's decoder, started on first use."""
    pool = Decoder()
    atexit.register(pool.close)
    return pool


def decoded(source: bytes | Path, name: str = "", max_side: int = 0) -> np.ndarray:
    """Decode an upload, given as bytes or as a path, with `Decoder.decode`. Returns uint8 RGB [H, W, 3].

    Raises ImageError if the file is missing, too large or cannot be decoded, and BusyError if no worker is available.
    """
    if isinstance(source, bytes):
        return decoder().decode(source, name, max_side)
    try:
        if source.stat().st_size > UPLOAD.bytes:
            raise ImageError(f"the picture is larger than {UPLOAD.bytes // 10**6} MB, the limit; save it smaller first")
        content = source.read_bytes()
    except (OSError, ValueError) as error:
        raise ImageError("the picture is no longer available; upload it again") from error
    return decoder().decode(content, name or source.name, max_side)


def decoded_alpha(content: bytes) -> np.ndarray | None:
    """Decode the transparency of a PNG or WebP upload: uint8 [H, W], or None if it is opaque or cannot be decoded."""
    try:
        alpha = decoder().decode(content, max_side=ALPHA)[..., 0]
    except ImageError:
        return None
    return None if alpha.min() == 255 else np.ascontiguousarray(alpha)


@contextlib.contextmanager
def _killed_after(seconds: float, process: subprocess.Popen[bytes], timed_out: threading.Event) -> Iterator[None]:
    """Kill the process and set `timed_out` if the block takes longer than `seconds`."""

    def kill() -> None:
        timed_out.set()
        process.kill()

    timer = threading.Timer(seconds, kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # so that it cannot kill a later request


def _exchange(
    process: subprocess.Popen[bytes], content: bytes, name: bytes, max_side: int
) -> tuple[np.ndarray | None, str]:
    assert process.stdin and process.stdout
    process.stdin.write(struct.pack(">III", len(name), len(content), max_side) + name)
    process.stdin.write(content)
    process.stdin.flush()
    height, width, length = struct.unpack(">III", _read_exactly(process, bytearray(12)))
    if length > MAX_MESSAGE or height * width > UPLOAD.kept:
        raise EOFError  # not a valid answer
    words = _read_exactly(process, bytearray(length)).decode()
    if not height * width:
        return None, words
    await_turn(height * width * 3)
    pixels = _read_exactly(process, bytearray(height * width * 3))
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3), words


def _read_exactly(process: subprocess.Popen[bytes], buffer: bytearray) -> bytearray:
    assert process.stdout
    # A buffered reader fills the whole buffer before it returns.
    if process.stdout.readinto(buffer) < len(buffer):  # type: ignore[attr-defined]
        raise EOFError
    return buffer


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and close its pipes."""
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream:
            try:
                stream.close()
            except OSError:  # flushing to a dead process fails
                pass
