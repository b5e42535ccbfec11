"""Long jobs: their progress by name, and their end when they are cancelled or take too long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.server.job_queue import DisconnectedError
from rbvae import ConfigError

LONGEST = 480.0  # seconds; a clip of 20 s takes a minute or two, and more on a busy machine


class Jobs:
    """The jobs that are running, by the names that their visitors chose."""

    def __init__(self, longest: float = LONGEST) -> None:
        self.longest = longest
        self._shares: dict[str, float] = {}

    @contextmanager
    def running(self, name: object, cancelled: threading.Event) -> Iterator[Callable[[float], None]]:
        """Yield the function to which a job reports the share that is done, in [0, 1].

        The function raises DisconnectedError when the job is cancelled, and ConfigError when it takes too long.
        """
        key, end = str(name), time.monotonic() + self.longest

        def report(share: float) -> None:
            self._shares[key] = share
            if cancelled.is_set():
                raise DisconnectedError
            if time.monotonic() > end:
                raise ConfigError(
                    f"this film took longer than {self.longest / 60:.0f} minutes; make it of a smaller photo or a "
                    "shorter clip"
                )

        try:
            yield report
        finally:
            self._shares.pop(key, None)

    def share(self, name: str) -> float:
        """Return the share of a job that is done; 0 if it does not run."""
        return self._shares.get(name, 0.0)
