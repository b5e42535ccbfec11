"""The page's own HTTP routes, beside Gradio's: what a moving slider asks for doesn't wait in a queue.

POST page/{faces|digits}/open takes a picture's bytes, every other action JSON; the files of app/js are served as they
are. A request names its picture by the key that `open` gave, and only its owner knows that key.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from app.actions import Actions, File
from app.state import ForgottenError
from rbvae import ConfigError, ImageError, RbvaeError

HERE = Path(__file__).resolve().parent
LARGEST = 25_000_000  # bytes of an upload
QUICK = ("draw", "drift")
AT_ONCE = 4  # slower actions at a time, for all visitors together


class Scripts(StaticFiles):
    """Static files that the browser asks about every time, so that nobody runs yesterday's."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """As usual, plus the header."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def routes(actions: Mapping[str, Actions]) -> list[BaseRoute]:
    """The routes for the editors' actions, by kind."""
    limiters: dict[bool, CapacityLimiter] = {}  # made in the server's own event loop

    async def answer(request: Request) -> Response:
        kind, name = request.path_params["kind"], request.path_params["action"]
        if kind not in actions or name not in ("open", *actions[kind].asked):
            return _refusal("there is no such action", 404)
        try:
            call = _call(actions[kind], name, await _body(request))
            quick = name in QUICK
            limiter = limiters.setdefault(quick, CapacityLimiter(16 if quick else AT_ONCE))
            result = await run_sync(call, limiter=limiter)
        except ForgottenError as error:
            return _refusal(str(error), 410)
        except RbvaeError as error:
            return _refusal(str(error), 422)
        except ClientDisconnect:
            return Response(status_code=204)
        if isinstance(result, File):
            return Response(result.content, media_type=result.media_type)
        return JSONResponse(result)

    return [
        Mount("/page/js", Scripts(directory=HERE / "js")),
        Route("/page/{kind}/{action}", answer, methods=["POST"]),
    ]


async def _body(request: Request) -> bytes:
    parts, held = [], 0
    async for part in request.stream():
        held += len(part)
        if held > LARGEST:
            raise ImageError(f"the file is larger than {LARGEST // 10**6} MB; save it smaller first")
        parts.append(part)
    return b"".join(parts)


def _call(actions: Actions, name: str, body: bytes) -> Callable[[], Any]:
    method = getattr(actions, name)
    if name == "open":
        return lambda: method(body)
    try:
        named = json.loads(body or b"{}")
        inspect.signature(method).bind(**named)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{name} was asked for wrongly ({error}); reload the page") from error
    return lambda: method(**named)


def _refusal(words: str, status: int) -> JSONResponse:
    return JSONResponse({"error": words}, status)
