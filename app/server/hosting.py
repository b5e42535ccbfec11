"""Integration with the host: ZeroGPU on Hugging Face Spaces, MCP if its package is installed, and malloc settings."""

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
    """Register a function with ZeroGPU if the `spaces` package is installed; otherwise return it unchanged."""
    if importlib.util.find_spec("spaces") is None:
        return function
    import spaces

    return spaces.GPU(function)


@on_gpu
def idle() -> str:
    """A placeholder: ZeroGPU rejects a Space without a GPU function.

    The models need no GPU; they take about a millisecond on a CPU.
    """
    return "the models run on the processor"


def has_mcp() -> bool:
    """Return whether the endpoints can be MCP tools. Gradio requires version 1 of the mcp package."""
    try:
        return importlib.metadata.version("mcp").startswith("1.")
    except importlib.metadata.PackageNotFoundError:
        return False


def patch_mcp_tools() -> None:
    """Patch Gradio's MCP tools to store uploads in its cache and to return image files unmodified.

    Otherwise photos would stay in the system's temporary folder, and re-encoding would remove a part of the AI
    metadata.
    """
    gradio.mcp.DEFAULT_TEMP_DIR = get_upload_folder()
    gradio.mcp.GradioMCPServer.get_base64_data = staticmethod(file_base64)  # type: ignore[method-assign, assignment]


def file_base64(picture: Any, format: str) -> str:
    """Return the file that a PIL image was opened from, base64-encoded."""
    return base64.b64encode(Path(picture.filename).read_bytes()).decode()


def not_a_tool(function: Function) -> Function:
    """Exclude an endpoint from the MCP tools. Gradio's tools can take a file, but not a list of files."""
    function._mcp_type = "endpoint"  # type: ignore[attr-defined]
    return function


def limit_malloc() -> None:
    """Configure glibc to return freed blocks to the system. Otherwise threads hold hundreds of unused MB."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # not glibc
        libc = ctypes.CDLL(None)
        libc.mallopt(-3, 1 << 20)  # M_MMAP_THRESHOLD: 1 MiB; setting it also disables its growth
        libc.mallopt(-8, 2)  # M_ARENA_MAX


def return_memory() -> None:
    """Return free heap memory to the system."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
