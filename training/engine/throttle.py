"""How often a long task says where it is, where there is no terminal to draw a bar on."""

from __future__ import annotations

import time


class Throttle:
    """Asked at every step whether a line is due: true once in `seconds`, counted from when this was made."""

    def __init__(self, seconds: float = 20.0) -> None:
        self.seconds, self.last = seconds, time.monotonic()

    def due(self) -> bool:
        """Whether `seconds` have passed since it was last true."""
        now = time.monotonic()
        if now - self.last <= self.seconds:
            return False
        self.last = now
        return True
