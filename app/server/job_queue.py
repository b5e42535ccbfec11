"""How many jobs run and wait at a time: whoever comes to a full house is told how many are before them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from rbvae import RbvaeError

Result = TypeVar("Result")


class BusyError(RbvaeError):
    """The house is full; `again` is after how many seconds it is worth another try."""

    def __init__(self, waiting: int, again: int = 2) -> None:
        super().__init__(f"busy: {waiting} are waiting before you; try again in a moment")
        self.again = again


class GoneError(Exception):
    """Whoever asked is not there any more."""


class Gate:
    """Lets `at_once` jobs run in threads, in the order in which they came, while up to `line` wait."""

    def __init__(self, at_once: int, line: int) -> None:
        self.at_once, self.line, self.waiting = at_once, line, 0
        self._limiter: CapacityLimiter | None = None  # made in the server's own event loop

    async def run(self, job: Callable[[], Result], gone: Callable[[], Awaitable[bool]]) -> Result:
        """The job's result; raises BusyError when the line is full, GoneError for somebody who left it meanwhile."""
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
    """Bytes that all bodies of a kind take together while they are dealt with; the first `free` of each don't count."""

    def __init__(self, size: int, free: int = 0) -> None:
        self.size, self.free, self.held, self.uploads = size, free, 0, 0

    @contextmanager
    def upload(self) -> Iterator[Callable[[int], None]]:
        """Yields a function that takes room for so many bytes more; it raises BusyError when there is none."""
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
