"""Validation of file arguments: only uploaded files are accepted, never URLs or other paths on the server.

Gradio fetches URLs and copies files in any argument before it calls a function, so arguments are checked before that.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import gradio as gr
from starlette.routing import BaseRoute

from app.server.request_limits import in_cache
from app.server.state import Visits

NOT_UPLOADED = "a picture must be uploaded first; URLs and paths are not accepted"
EXPIRED = "this file is no longer available; upload it again"
WRONG_ARGUMENTS = "the arguments do not match this endpoint; see Use via API at the foot of the page"
UPLOAD_URL = re.compile(r"https?://[^/?#]+/(?:[^?#]*/)?gradio_api/file=([^?#]+)")
RECORD_KEYS = ("path", "url", "meta")  # keys by which Gradio recognizes a file record


class Page(gr.Blocks):
    """gr.Blocks that accept only uploaded files, with the page's routes and the storage of opened images."""

    visits: Visits
    page_routes: list[BaseRoute]

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *rest: Any, **options: Any) -> list[Any]:
        """Check the inputs, then preprocess them as Gradio does. Raises gr.Error if they are invalid."""
        try:
            inputs = [validated(one, block) for one, block in zip(inputs, block_fn.inputs, strict=False)]
            return await super().preprocess_data(block_fn, inputs, *rest, **options)
        except gr.Error:
            raise
        except Exception as error:  # Gradio would print its message, which quotes the arguments
            raise gr.Error(WRONG_ARGUMENTS, print_exception=False) from error


def validated(value: Any, block: Any) -> Any:
    """Validate one argument of an endpoint. File records are reduced to the path and the original name.

    Raises gr.Error if it contains a URL or a path that is not an upload.
    """
    if not isinstance(block, (gr.Image, gr.File)):
        _refuse_records(value)
        return value
    if isinstance(value, list):
        return [_record(one) for one in value]
    return _record(value)


def _record(value: Any) -> Any:
    """Return a validated file record with only the required fields."""
    if value is None:
        return None
    path = _local_path(value.get("path") if isinstance(value, dict) else value)
    if not isinstance(path, str) or not path or "://" in path or path.startswith("data:"):
        raise gr.Error(NOT_UPLOADED, print_exception=False)
    if not in_cache(path):
        raise gr.Error(
            EXPIRED if isinstance(value, dict) and value.get("orig_name") else NOT_UPLOADED, print_exception=False
        )
    name = value.get("orig_name") if isinstance(value, dict) else None
    return {"path": path, "orig_name": name if isinstance(name, str) else None, "meta": {"_type": "gradio.FileData"}}


def _local_path(path: Any) -> Any:
    """Convert the URL of an upload, as MCP tools pass it, to its path. Returns other values unchanged."""
    address = UPLOAD_URL.fullmatch(path) if isinstance(path, str) else None
    return unquote(address[1]) if address else path


def _refuse_records(value: Any) -> None:
    if isinstance(value, dict):
        if any(key in value for key in RECORD_KEYS):
            raise gr.Error(NOT_UPLOADED, print_exception=False)
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            _refuse_records(one)
