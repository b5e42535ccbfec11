"""Periodic cleanup of opened images, temporary files and Gradio's session data."""

from __future__ import annotations

import asyncio
import atexit
import logging
import math
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync
from gradio.utils import get_upload_folder

from app.server.hosting import return_memory
from app.server.state import Visits
from rbvae.errors import ConfigError

INTERVAL = 30  # seconds
FILES_KEPT_FOR = 600  # seconds after the last modification
PREFIX = "rbvae-"
MAX_FOLDER_BYTES = 1_000_000_000  # bytes of all files; above this, no more files are accepted
MIN_FILE_BYTES = 1 << 16  # bytes that even the smallest file counts for, to limit the number of files as well

log = logging.getLogger("rbvae.app")


def cleanup(
    visits: Visits, interval: float = INTERVAL, age: float = FILES_KEPT_FOR
) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """Return an ASGI lifespan that cleans up every `interval` seconds.

    Files and idle sessions are deleted after `age` seconds.
    """

    async def clean(server: Any) -> None:
        while True:
            await asyncio.sleep(interval)
            try:
                visits.expire()
                forget_sessions(server, age)
                await run_sync(sweep, Path(get_upload_folder()), age)
                await run_sync(return_memory)
            except Exception as error:  # an error must not end the loop
                log.error("%s during cleanup", type(error).__name__)

    @asynccontextmanager
    async def lifespan(server: Any) -> AsyncIterator[None]:
        task = asyncio.create_task(clean(server))
        try:
            yield
        finally:
            task.cancel()
            visits.clear()

    return lifespan


class UploadFolder:
    """Tracks the size of the upload folder.

    The folder is scanned at most every `interval` seconds. In between, the bytes passed to `add` are counted.
    """

    def __init__(self, size: int = MAX_FOLDER_BYTES, interval: float = 1.0) -> None:
        self.size, self.interval = size, interval
        self._bytes, self._measured = 0, -math.inf

    async def measure(self) -> None:
        """Scan the folder, unless it was scanned less than `interval` seconds ago."""
        if time.monotonic() - self._measured >= self.interval:
            self._measured = time.monotonic()
            self._bytes = await run_sync(folder_size, Path(get_upload_folder()))

    def add(self, count: int) -> None:
        """Count `count` more bytes."""
        self._bytes += count

    @property
    def full(self) -> bool:
        """Whether the folder is too large for more files."""
        return self._bytes > self.size


def folder_size(folder: Path) -> int:
    """Return the total size of the files in a folder and its subfolders, in bytes; each counts as at least LEAST."""
    total = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                total += max(MIN_FILE_BYTES, Path(parent, name).lstat().st_size)
    return total


def sweep(folder: Path, age: float) -> None:
    """Delete the files not modified for `age` seconds, and the empty folders this leaves."""
    cutoff = time.time() - age
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in files:
            with suppress(OSError):
                if (path := Path(parent, name)).lstat().st_mtime < cutoff:
                    path.unlink()
        for name in folders:
            with suppress(OSError):
                if (path := Path(parent, name)).lstat().st_mtime < cutoff:
                    path.rmdir()  # fails unless it is empty


def forget_sessions(server: Any, age: float) -> None:
    """Drop Gradio's data of sessions that were idle for `age` seconds: last arguments and unread results."""
    queue, holder = server.get_blocks()._queue, server.state_holder
    cutoff = datetime.now() - timedelta(seconds=age)
    for session, used in list(holder.time_last_used.items()):
        if used < cutoff:
            holder.time_last_used.pop(session, None)
            holder.session_data.pop(session, None)
    running = {event.session_hash for event in queue.event_ids_to_events.values()}
    for session, unread in list(queue.pending_event_ids_session.items()):
        if session not in running and (not unread or session not in holder.session_data):
            queue.pending_event_ids_session.pop(session, None)
            queue.pending_messages_per_session.pop(session, None)


def upload_folder() -> Path:
    """Return the folder of GRADIO_TEMP_DIR, or else `own_folder`. Raises ConfigError if it cannot be written to."""
    try:
        if not (named := os.environ.get("GRADIO_TEMP_DIR")):
            return own_folder()
        Path(named).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=named):
            return Path(named)
    except OSError as error:
        raise ConfigError(
            f"Temporary files cannot be written ({error.strerror}). "
            "Set GRADIO_TEMP_DIR or TMPDIR to a folder that can be written to."
        ) from error


def own_folder() -> Path:
    """Create a private temporary folder for this process, deleted on exit.

    Also deletes the folders of processes that were killed before they could delete them.
    """
    for abandoned in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        pid = abandoned.name.removeprefix(PREFIX).split("-")[0]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            shutil.rmtree(abandoned, ignore_errors=True)  # ignores folders of other users
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
