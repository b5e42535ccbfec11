"""What a host may offer: ZeroGPU on Hugging Face Spaces, and MCP where its package is installed."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import importlib.util
from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def on_gpu(function: Function) -> Function:
    """`function` as ZeroGPU wants it where the `spaces` package is; as it is elsewhere."""
    if importlib.util.find_spec("spaces") is None:
        return function
    import spaces

    return spaces.GPU(function)


@on_gpu
def idle() -> str:
    """ZeroGPU refuses a Space without a GPU function, and the models here draw in a millisecond without one."""
    return "the models run on the processor"


def has_mcp() -> bool:
    """Whether the endpoints can be offered as MCP tools: Gradio wants version 1 of the mcp package."""
    try:
        return importlib.metadata.version("mcp").startswith("1.")
    except importlib.metadata.PackageNotFoundError:
        return False


def not_a_tool(function: Function) -> Function:
    """`function` as an endpoint that is no MCP tool: Gradio's tools can take a file, but not a list of files."""
    function._mcp_type = "endpoint"  # type: ignore[attr-defined]
    return function


def lean_memory() -> None:
    """Has glibc give large blocks back when they are freed; otherwise many threads keep hundreds of MB for nothing."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another system's C library
        libc = ctypes.CDLL(None)
        libc.mallopt(-3, 1 << 20)  # M_MMAP_THRESHOLD: a megabyte, and no longer growing
        libc.mallopt(-8, 2)  # M_ARENA_MAX


def return_memory() -> None:
    """Gives what is free to the system."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
