"""What a host may offer: ZeroGPU on Hugging Face Spaces, and MCP where its package is installed."""

from __future__ import annotations

import base64
import contextlib
import ctypes
import importlib.metadata
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import gradio.mcp
from gradio.utils import get_upload_folder

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


def tidy_tools() -> None:
    """Has Gradio's MCP tools keep what they are given where it is swept up, and hand on pictures as they were written.

    Otherwise photos would stay in the system's temporary folder for good, and the pictures would lose a part of the
    note that an AI edited them.
    """
    gradio.mcp.DEFAULT_TEMP_DIR = get_upload_folder()
    gradio.mcp.GradioMCPServer.get_base64_data = staticmethod(as_written)


def as_written(picture: Any, format: str) -> str:
    """The bytes of the file that a picture was opened from, in base64."""
    return base64.b64encode(Path(picture.filename).read_bytes()).decode()


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
