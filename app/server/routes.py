"""HTTP routes of the page. They bypass Gradio's queue, so that a moving slider gets quick answers.

POST page/{faces|digits}/open        opens the image in the body and returns its key
POST page/{faces|digits}/{action}    any other action of app.server.actions, with a JSON body
POST page/leave                      deletes all images of a visitor, given by the Visitor header or else the body
GET  page/{faces|digits}/generator   the generator weights, for rendering in the browser
GET  page/js/...                     the scripts in app/js

An opened image is accessible only with both its key and the Visitor header of the visitor who opened it.
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
from app.server.state import ForgottenError, Visit, Visits
from rbvae import ConfigError, RbvaeError
from rbvae.errors import shown

HERE = Path(__file__).resolve().parents[1]  # app/
LINE = 64  # requests that may wait at each gate
AT_ONCE = {"quick": 4, "slow": 2, "open": 2}  # by duration; no kind of action waits for another
KINDS = {"open": "open", "face": "open"} | dict.fromkeys(
    ("pick", "draw", "identity_shift", "neutral", "transfer"), "quick"
)
AT_ANY_TIME = ("forget", "progress")
VISITOR = re.compile(r"[\w-]{16,64}")


class Scripts(StaticFiles):
    """Static files that the browser revalidates on every use, so that no outdated script runs."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return the file with a Cache-Control header."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def routes(actions: Mapping[str, Actions], visits: Visits) -> list[BaseRoute]:
    """Return the routes of the page. `actions` maps "faces" and "digits" to their actions."""
    gates = {kind: Gate(at_once, LINE) for kind, at_once in AT_ONCE.items()}

    async def answer(request: Request) -> Response:
        kind, name = request.path_params["kind"], request.path_params["action"]
        if kind not in actions or name not in ("open", *actions[kind].asked):
            return _refusal("there is no such action", 404)
        try:
            body = await request.body()  # before waiting at the gate, so that a slow upload blocks nobody
            call = _call(_for_visitor(actions[kind], visits.of(_visitor(request))), name, body)
            gate = gates[KINDS.get(name, "slow")]
            result = call() if name in AT_ANY_TIME else await gate.run(call, request.is_disconnected)
        except BusyError as error:
            return JSONResponse({"error": sentence(error)}, 503, {"Retry-After": str(error.again)})
        except ForgottenError as error:
            return _refusal(sentence(error), 410)
        except RbvaeError as error:
            traceback.clear_frames(error.__traceback__)  # the frames would keep the photo in memory
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
            "Cache-Control": "public, max-age=31536000, immutable",  # the URL changes with the weights
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
    """Return the random visitor ID that the page creates when it is loaded, or "" if it is missing or invalid."""
    named = request.headers.get("visitor", otherwise)
    return named if VISITOR.fullmatch(named) else ""


def _for_visitor(actions: Actions, visit: Visit) -> Actions:
    """Return a copy of the actions that can access only the images of this visitor."""
    copied = copy.copy(actions)
    copied.visits = visit
    return copied


def _call(actions: Actions, name: str, body: bytes) -> Callable[[], Any]:
    method = getattr(actions, name)
    if name == "open":
        return lambda: method(body)
    try:
        named = json.loads(body or b"{}")
        inspect.signature(method).bind(**named)
    except (ValueError, TypeError, RecursionError) as error:
        raise ConfigError(f"{name} got an invalid request ({shown(str(error))}); reload the page") from error
    return lambda: method(**named)


def _refusal(words: str, status: int) -> JSONResponse:
    return JSONResponse({"error": words}, status)
