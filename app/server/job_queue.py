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
    """The server is at its limit. `waiting` requests are ahead; retry after `retry_after` seconds."""

    def __init__(self, waiting: int, retry_after: int = 2) -> None:
        super().__init__(f"busy: {waiting} are waiting before you; try again in a moment")
        self.retry_after = retry_after


class DisconnectedError(Exception):
    """The client has disconnected."""


class JobQueue:
    """Runs up to `concurrency` jobs in threads, first in, first out, while up to `max_waiting` jobs wait."""

    def __init__(self, concurrency: int, max_waiting: int) -> None:
        self.concurrency, self.max_waiting, self.waiting = concurrency, max_waiting, 0
        self._limiter: CapacityLimiter | None = None  # created in the event loop of the server

    async def run(self, job: Callable[[], Result], is_disconnected: Callable[[], Awaitable[bool]]) -> Result:
        """Run a job in a thread and return its result.

        Raises BusyError if the queue is full, and DisconnectedError if `is_disconnected()` when the job's turn comes.
        """
        self._limiter = self._limiter or CapacityLimiter(self.concurrency)
        if self.waiting >= self.max_waiting:
            raise BusyError(self.waiting)
        self.waiting += 1
        borrower = object()
        try:
            await self._limiter.acquire_on_behalf_of(borrower)
        finally:
            self.waiting -= 1
        try:
            if await is_disconnected():
                raise DisconnectedError
            return await run_sync(job)
        finally:
            self._limiter.release_on_behalf_of(borrower)


class ByteLimit:
    """A limit of `size` bytes on all request or response bodies of one kind that are in flight.

    The first `free` bytes of each body do not count.
    """

    def __init__(self, size: int, free: int = 0) -> None:
        self.size, self.free, self.held, self.bodies = size, free, 0, 0

    @contextmanager
    def body(self) -> Iterator[Callable[[int], None]]:
        """Yield a function that reserves more bytes for one body. It raises BusyError if the limit is exceeded."""
        received = counted = 0

        def reserve(count: int) -> None:
            nonlocal received, counted
            more = max(0, received + count - self.free) - counted
            if more and self.held + more > self.size:
                raise BusyError(self.bodies - (counted > 0))
            self.bodies += counted == 0 < more
            received, counted, self.held = received + count, counted + more, self.held + more

        try:
            yield reserve
        finally:
            self.bodies -= counted > 0
            self.held -= counted
