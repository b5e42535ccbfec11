"""What all commands share on the terminal: output that never fails, and an ordinary end on SIGTERM."""

from __future__ import annotations

import signal
import sys
from types import FrameType


def printable_output() -> None:
    """Let standard output and error escape letters that their encoding lacks, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not if a test or a notebook has replaced it
            stream.reconfigure(errors="backslashreplace")


def interrupt_on_termination() -> None:
    """Let SIGTERM interrupt the program as Ctrl-C does, so that files are completed or removed."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
