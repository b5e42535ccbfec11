"""The page's own HTTP routes, beside Gradio's: what a moving slider asks for doesn't wait in a queue.

POST page/{faces|digits}/open takes a picture's bytes, every other action JSON; the files of app/js are served as they
are. A request names its picture by the key that `open` gave, and its visitor by the header Visitor: only with both is a
picture had. POST page/leave deletes everything of the visitor whom the header, or else the body, names. GET
page/{faces|digits}/generator is what the page draws with itself.
"""

from __future__ import annotations

import copy
import inspect
import json
import re
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from app.server.actions import Actions, File
from app.server.drawing import generator_file
from app.server.job_queue import BusyError, Gate, GoneError
from app.server.rendering import sentence
from app.server.state import ForgottenError, Visits
from rbvae import ConfigError, RbvaeError
from rbvae.errors import shown

HERE = Path(__file__).resolve().parents[1]  # app/
LINE = 64  # who may wait at each gate
AT_ONCE = {"quick": 4, "slow": 2, "open": 2}  # by how long they take; none waits behind one of another kind
KINDS = {"open": "open", "face": "open"} | dict.fromkeys(("pick", "draw", "drift", "neutral", "transfer"), "quick")
AT_ANY_TIME = ("forget", "progress")
VISITOR = re.compile(r"[\w-]{16,64}")


class Scripts(StaticFiles):
    """Static files that the browser asks about every time, so that nobody runs yesterday's."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """As usual, plus the header."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def routes(actions: Mapping[str, Actions], visits: Visits) -> list[BaseRoute]:
    """The routes for the editors' actions, by kind."""
    gates = {kind: Gate(at_once, LINE) for kind, at_once in AT_ONCE.items()}

    async def answer(request: Request) -> Response:
        kind, name = request.path_params["kind"], request.path_params["action"]
        if kind not in actions or name not in ("open", *actions[kind].asked):
            return _refusal("there is no such action", 404)
        try:
            body = await request.body()  # before a place in line is taken: a slow upload keeps nobody waiting
            call = _call(_of(_visitor(request), actions[kind]), name, body)
            gate = gates[KINDS.get(name, "slow")]
            result = call() if name in AT_ANY_TIME else await gate.run(call, request.is_disconnected)
        except BusyError as error:
            return JSONResponse({"error": sentence(error)}, 503, {"Retry-After": str(error.again)})
        except ForgottenError as error:
            return _refusal(sentence(error), 410)
        except RbvaeError as error:
            traceback.clear_frames(error.__traceback__)  # which hold the photo for as long as the error lives
            return _refusal(sentence(error), 422)
        except (ClientDisconnect, GoneError):
            return Response(status_code=204)
        if isinstance(result, File):
            return Response(result.content, media_type=result.media_type)
        return JSONResponse(result)

    async def generator(request: Request) -> Response:
        kind = request.path_params["kind"]
        file = generator_file(actions[kind].editor) if kind in actions else None
        if file is None:
            return _refusal("there is no such generator", 404)
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable",  # the address changes with the weights
            "Content-Length": str(len(file.content)),
        }
        return StreamingResponse(file.parts(), media_type="application/octet-stream", headers=headers)

    async def leave(request: Request) -> Response:
        visitor = _visitor(request, (await request.body()).decode("ascii", "replace"))
        return JSONResponse({"deleted": visits.forget_all(visitor) if visitor else 0})

    return [
        Mount("/page/js", Scripts(directory=HERE / "js")),
        Route("/page/leave", leave, methods=["POST"]),
        Route("/page/{kind}/generator", generator, methods=["GET"]),
        Route("/page/{kind}/{action}", answer, methods=["POST"]),
    ]


def _visitor(request: Request, otherwise: str = "") -> str:
    """How the page calls its visitor: at random, anew whenever it is loaded; "" for programs that don't."""
    named = request.headers.get("visitor", otherwise)
    return named if VISITOR.fullmatch(named) else ""


def _of(visitor: str, actions: Actions) -> Actions:
    """The actions, with only this visitor's pictures."""
    mine = copy.copy(actions)
    mine.visits = actions.visits.of(visitor)
    return mine


def _call(actions: Actions, name: str, body: bytes) -> Callable[[], Any]:
    method = getattr(actions, name)
    if name == "open":
        return lambda: method(body)
    try:
        named = json.loads(body or b"{}")
        inspect.signature(method).bind(**named)
    except (ValueError, TypeError, RecursionError) as error:
        raise ConfigError(f"{name} was asked for wrongly ({shown(str(error))}); reload the page") from error
    return lambda: method(**named)


def _refusal(words: str, status: int) -> JSONResponse:
    return JSONResponse({"error": words}, status)
