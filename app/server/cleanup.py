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

EVERY = 30  # seconds
FILES_KEPT_FOR = 600  # seconds after the last modification
PREFIX = "rbvae-"
FULL = 1_000_000_000  # bytes of all files; above this, no more files are accepted
LEAST = 1 << 16  # bytes that even the smallest file counts for, to limit the number of files as well

log = logging.getLogger("rbvae.app")


def keeper(
    visits: Visits, every: float = EVERY, age: float = FILES_KEPT_FOR
) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """Return an ASGI lifespan that cleans up every `every` seconds.

    Files and idle sessions are deleted after `age` seconds.
    """

    async def keep(server: Any) -> None:
        while True:
            await asyncio.sleep(every)
            try:
                visits.expire()
                forget_sessions(server, age)
                await run_sync(sweep, Path(get_upload_folder()), age)
                await run_sync(return_memory)
            except Exception as error:  # an error must not end the loop
                log.error("%s during cleanup", type(error).__name__)

    @asynccontextmanager
    async def lifespan(server: Any) -> AsyncIterator[None]:
        task = asyncio.create_task(keep(server))
        try:
            yield
        finally:
            task.cancel()
            visits.clear()

    return lifespan


class Shelf:
    """Tracks the size of the upload folder.

    The folder is scanned at most every `every` seconds. In between, the bytes passed to `add` are counted.
    """

    def __init__(self, size: int = FULL, every: float = 1.0) -> None:
        self.size, self.every = size, every
        self._held, self._looked = 0, -math.inf

    async def look(self) -> None:
        """Scan the folder, unless it was scanned less than `every` seconds ago."""
        if time.monotonic() - self._looked >= self.every:
            self._looked = time.monotonic()
            self._held = await run_sync(taken, Path(get_upload_folder()))

    def add(self, count: int) -> None:
        """Count `count` more bytes."""
        self._held += count

    @property
    def full(self) -> bool:
        """Whether the folder is too large for more files."""
        return self._held > self.size


def taken(folder: Path) -> int:
    """Return the total size of the files in a folder and its subfolders, in bytes; each counts as at least LEAST."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                total += max(LEAST, Path(place, name).lstat().st_size)
    return total


def sweep(folder: Path, age: float) -> None:
    """Delete the files not modified for `age` seconds, and the empty folders this leaves."""
    before = time.time() - age
    for place, folders, files in os.walk(folder, topdown=False):
        for name in files:
            with suppress(OSError):
                if (path := Path(place, name)).lstat().st_mtime < before:
                    path.unlink()
        for name in folders:
            with suppress(OSError):
                if (path := Path(place, name)).lstat().st_mtime < before:
                    path.rmdir()  # fails unless it is empty


def forget_sessions(server: Any, age: float) -> None:
    """Drop Gradio's data of sessions that were idle for `age` seconds: last arguments and unread results."""
    queue, holder = server.get_blocks()._queue, server.state_holder
    before = datetime.now() - timedelta(seconds=age)
    for session, used in list(holder.time_last_used.items()):
        if used < before:
            holder.time_last_used.pop(session, None)
            holder.session_data.pop(session, None)
    running = {event.session_hash for event in queue.event_ids_to_events.values()}
    for session, unread in list(queue.pending_event_ids_session.items()):
        if session not in running and (not unread or session not in holder.session_data):
            queue.pending_event_ids_session.pop(session, None)
            queue.pending_messages_per_session.pop(session, None)


def own_folder() -> Path:
    """Create a private temporary folder for this process, deleted on exit.

    Also deletes the folders of processes that were killed before they could delete them.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        pid = left.name.removeprefix(PREFIX).split("-")[0]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            shutil.rmtree(left, ignore_errors=True)  # ignores folders of other users
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
