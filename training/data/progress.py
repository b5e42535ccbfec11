"""Progress of a long task: a bar on a terminal, and a line once in a while elsewhere."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

SECONDS = 20.0  # between two lines where there is no terminal
Thing = TypeVar("Thing")


@functools.cache
def screen() -> Console:
    """Returns the console on stderr that all progress goes to, so that bars can be nested."""
    return Console(stderr=True)


class Progress:
    """Shows how many of `total` items are done, with a line of text; a context manager."""

    def __init__(self, items: str, total: int, done: int = 0, seconds: float = SECONDS) -> None:
        self.items, self.total, self.seconds = items, total, seconds
        self.console, self.printed = screen(), time.monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[line]}", markup=False))
        disable = not self.console.is_terminal
        self.bar = Bar(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=self.console, disable=disable)
        self.row = self.bar.add_task(items, total=total, completed=done, line="")

    def update(self, done: float, line: str, label: str = "") -> None:
        """Moves the bar; where there is none, prints the line if the last one is `seconds` old."""
        label = label or f"{self.items} {done:,.0f} of {self.total:,}"
        self.bar.update(self.row, completed=done, line=line, description=label)
        now = time.monotonic()
        if not self.console.is_terminal and now - self.printed > self.seconds:
            self.printed = now
            self.say(f"{label}: {line}")

    def say(self, line: str) -> None:
        """Prints a line, above the bar if there is one."""
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> Progress:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()


def track(things: Iterable[Thing], items: str, total: int | None = None) -> Iterator[Thing]:
    """Yields `things`, of which there are `total` or as many as they know, and shows how many are done and how fast."""
    started = time.monotonic()
    with Progress(items, len(things) if isinstance(things, Sized) else total or 0) as progress:
        for done, thing in enumerate(things, start=1):
            yield thing
            progress.update(done, f"{done / max(time.monotonic() - started, 1e-9):.1f}/s")
