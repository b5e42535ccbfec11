"""Skips work of Gradio that this app does not need, so that it starts in half the time."""

from __future__ import annotations

import contextlib
import gc
import inspect
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def quick_imports() -> Iterator[None]:
    """Import Gradio in this context in half the time.

    For the class of every component, Gradio parses its own source three times to write a stub file (.pyi) for editors.
    It leaves that out for classes without a file, so in this context its classes have none. Nor is garbage collected,
    because what is imported stays.
    """
    find, collects = inspect.getfile, gc.isenabled()

    def getfile(thing: Any) -> str:
        if isinstance(thing, type) and thing.__module__.startswith("gradio."):
            raise OSError("no stub file is needed")
        return find(thing)

    inspect.getfile = getfile  # type: ignore[assignment]
    gc.disable()
    try:
        yield
    finally:
        inspect.getfile = find
        if collects:
            gc.enable()


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage in this context, and later only what is allocated after it."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def without_web_apps() -> Iterator[None]:
    """Build Blocks in this context without web apps: Gradio creates three, which `launch` replaces by a fourth."""
    from gradio.routes import App

    create = App.create_app
    App.create_app = staticmethod(lambda *_, **__: None)  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        App.create_app = create  # type: ignore[method-assign]
