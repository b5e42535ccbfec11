"""Limits on how many jobs run and wait at the same time, and on the bytes they hold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from rbvae import RbvaeError

Result = TypeVar("Result")


class BusyError(RbvaeError):
    """The server is at its limit. `waiting` requests are ahead; retry after `again` seconds."""

    def __init__(self, waiting: int, again: int = 2) -> None:
        super().__init__(f"busy: {waiting} are waiting before you; try again in a moment")
        self.again = again


class GoneError(Exception):
    """The client has disconnected."""


class Gate:
    """Runs up to `at_once` jobs in threads, first in, first out, while up to `line` jobs wait."""

    def __init__(self, at_once: int, line: int) -> None:
        self.at_once, self.line, self.waiting = at_once, line, 0
        self._limiter: CapacityLimiter | None = None  # created in the event loop of the server

    async def run(self, job: Callable[[], Result], gone: Callable[[], Awaitable[bool]]) -> Result:
        """Run a job in a thread and return its result.

        Raises BusyError if the line is full, and GoneError if `gone()` is true when the job's turn comes.
        """
        self._limiter = self._limiter or CapacityLimiter(self.at_once)
        if self.waiting >= self.line:
            raise BusyError(self.waiting)
        self.waiting += 1
        me = object()
        try:
            await self._limiter.acquire_on_behalf_of(me)
        finally:
            self.waiting -= 1
        try:
            if await gone():
                raise GoneError
            return await run_sync(job)
        finally:
            self._limiter.release_on_behalf_of(me)


class Room:
    """A limit of `size` bytes on all request or response bodies of one kind that are in flight.

    The first `free` bytes of each body do not count.
    """

    def __init__(self, size: int, free: int = 0) -> None:
        self.size, self.free, self.held, self.uploads = size, free, 0, 0

    @contextmanager
    def upload(self) -> Iterator[Callable[[int], None]]:
        """Yield a function that reserves more bytes for one body. It raises BusyError if the limit is exceeded."""
        came = mine = 0

        def take(count: int) -> None:
            nonlocal came, mine
            more = max(0, came + count - self.free) - mine
            if more and self.held + more > self.size:
                raise BusyError(self.uploads - (mine > 0))
            self.uploads += mine == 0 < more
            came, mine, self.held = came + count, mine + more, self.held + more

        try:
            yield take
        finally:
            self.uploads -= mine > 0
            self.held -= mine
