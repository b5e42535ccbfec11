"""Puts away what was left behind, also when nobody calls: opened pictures, files, Gradio's notes of sessions."""

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
FILES_KEPT_FOR = 600  # seconds after their last change
PREFIX = "rbvae-"
FULL = 1_000_000_000  # bytes of all files together; from then on no more are taken
LEAST = 1 << 16  # bytes that a file counts for however small it is: there is an end to their number, too

log = logging.getLogger("rbvae.app")


def keeper(
    visits: Visits, every: float = EVERY, age: float = FILES_KEPT_FOR
) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """The server's lifespan, during which everything is looked through every so many seconds."""

    async def keep(server: Any) -> None:
        while True:
            await asyncio.sleep(every)
            try:
                visits.expire()
                forget_sessions(server, age)
                await run_sync(sweep, Path(get_upload_folder()), age)
                await run_sync(return_memory)
            except Exception as error:  # one look that fails must not be the last
                log.error("%s while looking through what was left behind", type(error).__name__)

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
    """How full the folder of files is: looked up every `every` seconds at most; what came since is added."""

    def __init__(self, size: int = FULL, every: float = 1.0) -> None:
        self.size, self.every = size, every
        self._held, self._looked = 0, -math.inf

    async def look(self) -> None:
        """Looks it up, unless that was done just now."""
        if time.monotonic() - self._looked >= self.every:
            self._looked = time.monotonic()
            self._held = await run_sync(taken, Path(get_upload_folder()))

    def add(self, count: int) -> None:
        """Notes so many bytes more."""
        self._held += count

    @property
    def full(self) -> bool:
        """Whether nothing more should be put there."""
        return self._held > self.size


def taken(folder: Path) -> int:
    """The bytes of the files in a folder and below."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                total += max(LEAST, Path(place, name).lstat().st_size)
    return total


def sweep(folder: Path, age: float) -> None:
    """Deletes the files that were not changed for `age` seconds, and the folders that this leaves empty."""
    before = time.time() - age
    for place, folders, files in os.walk(folder, topdown=False):
        for name in files:
            with suppress(OSError):
                if (path := Path(place, name)).lstat().st_mtime < before:
                    path.unlink()
        for name in folders:
            with suppress(OSError):
                if (path := Path(place, name)).lstat().st_mtime < before:
                    path.rmdir()  # of an empty one


def forget_sessions(server: Any, age: float) -> None:
    """Drops what Gradio notes of sessions quiet for `age` seconds: their last arguments, results nobody read."""
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
    """A folder for this process's files that nobody else may look into, gone when it ends.

    Folders of processes that were killed, and so could not tidy up, are deleted on the way.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        pid = left.name.removeprefix(PREFIX).split("-")[0]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            shutil.rmtree(left, ignore_errors=True)  # somebody else's stays: it isn't ours to delete
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
