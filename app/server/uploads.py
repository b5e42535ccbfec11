"""What programs may name as a picture: a file they uploaded, never another address or a path of this machine.

Gradio fetches addresses it finds in any argument, and copies files, before a function is called; so this comes first.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import gradio as gr

from app.server.request_limits import in_cache

FOREIGN = "a picture has to be uploaded first; an address or a path is not taken"
GONE = "this file is not here (any more); upload it again"
WRONG = "the arguments are not what this endpoint takes; see Use via API at the foot of the page"
SERVED = re.compile(r"https?://[^/?#]+/(?:[^?#]*/)?gradio_api/file=([^?#]+)")
MARKS = ("path", "url", "meta")  # by one of these Gradio knows a file's record


class Page(gr.Blocks):
    """Blocks that take only uploaded files, and say so in words where they get anything else."""

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *rest: Any, **named: Any) -> list[Any]:
        """As Gradio's, on what is allowed of the inputs; raises gr.Error for everything else, and prints nothing."""
        try:
            inputs = [uploaded(one, block) for one, block in zip(inputs, block_fn.inputs, strict=False)]
            return await super().preprocess_data(block_fn, inputs, *rest, **named)
        except gr.Error:
            raise
        except Exception as error:  # its words would quote the arguments, and Gradio would print them
            raise gr.Error(WRONG, print_exception=False) from error


def uploaded(given: Any, block: Any) -> Any:
    """One argument, with nothing in it that Gradio would fetch or copy; raises gr.Error."""
    if not isinstance(block, (gr.Image, gr.File)):
        _refuse_records(given)
        return given
    if isinstance(given, list):
        return [_record(one) for one in given]
    return _record(given)


def _record(given: Any) -> Any:
    """A file's record with what is needed of it."""
    if given is None:
        return None
    path = _ours(given.get("path") if isinstance(given, dict) else given)
    if not isinstance(path, str) or not path or "://" in path or path.startswith("data:"):
        raise gr.Error(FOREIGN, print_exception=False)
    if not in_cache(path):
        raise gr.Error(GONE if isinstance(given, dict) and given.get("orig_name") else FOREIGN, print_exception=False)
    name = given.get("orig_name") if isinstance(given, dict) else None
    return {"path": path, "orig_name": name if isinstance(name, str) else None, "meta": {"_type": "gradio.FileData"}}


def _ours(path: Any) -> Any:
    """The address under which an upload is served, which is what MCP tools are given -> the path in it."""
    address = SERVED.fullmatch(path) if isinstance(path, str) else None
    return unquote(address[1]) if address else path


def _refuse_records(given: Any) -> None:
    if isinstance(given, dict):
        if any(mark in given for mark in MARKS):
            raise gr.Error(FOREIGN, print_exception=False)
        given = list(given.values())
    if isinstance(given, list):
        for one in given:
            _refuse_records(one)
