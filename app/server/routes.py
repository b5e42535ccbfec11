"""HTTP routes of the page. They bypass Gradio's queue, so that a moving slider gets quick answers.

POST page/{faces|digits}/open        opens the image in the body and returns its key
POST page/faces/drive?fields=...     makes a film from the clip in the body; the fields are JSON
POST page/{faces|digits}/{action}    any other action of app.server.actions or face_actions, with a JSON body
POST page/leave                      deletes all images of a visitor, given by the Visitor header or else the body
GET  page/js/app-{version}.js        the scripts in app/js as one file; live-{version}.js: those that draw
GET  page/{faces|digits}/model        the page's model, for live drawing (app.server.live)
GET  page/about/{row}-{column}.jpg    a picture of the table under About
GET  page/js/...                     the scripts in app/js, one by one

An opened image is accessible only with both its key and the Visitor header of the visitor who opened it.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import re
import threading
import traceback
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from app.server.actions import Actions, File
from app.server.bundle import ENGINE, ENGINE_ENTRY, bundle
from app.server.job_queue import BusyError, DisconnectedError, JobQueue
from app.server.live import model_response
from app.server.rendering import one_line
from app.server.state import ForgottenError, Visit, Visits
from rbvae import ConfigError, RbvaeError
from rbvae.errors import shown

HERE = Path(__file__).resolve().parents[1]  # app/
MAX_WAITING = 64  # requests that may wait in each queue
CONCURRENCY = {"quick": 4, "slow": 2, "open": 2, "film": 1}  # by duration; no kind of action waits for another
QUEUE_OF_ACTION = (
    {"open": "open", "face": "open"}
    | dict.fromkeys(("pick", "draw", "tiles", "latents", "live"), "quick")
    | dict.fromkeys(("film", "drive"), "film")
)
WITH_FILE = ("open", "drive")  # actions whose body is a file
GLANCES = 0.5  # seconds between two looks whether the visitor of a film is still there
UNQUEUED = ("forget", "progress")
VISITOR = re.compile(r"[\w-]{16,64}")


class Scripts(StaticFiles):
    """Static files that the browser revalidates on every use, so that no outdated script runs."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return the file with a Cache-Control header."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def routes(
    actions: Mapping[str, Actions], visits: Visits, about: Callable[[int, int], bytes | None] = lambda *_: None
) -> list[BaseRoute]:
    """Return the routes of the page. `actions` maps "faces" and "digits" to their actions.

    `about` draws the picture in a row and a column of the table under About.
    """
    queues = {kind: JobQueue(concurrency, MAX_WAITING) for kind, concurrency in CONCURRENCY.items()}

    async def answer(request: Request) -> Response:
        kind, name = request.path_params["kind"], request.path_params["action"]
        if kind not in actions or name not in ("open", *actions[kind].allowed):
            return _error("there is no such action", 404)
        try:
            body = await request.body()  # before queueing, so that a slow upload blocks no other request
            own = _for_visitor(actions[kind], visits.of(_visitor(request)))
            call = _call(own, name, body, request.query_params.get("fields", "{}"))
            queue = QUEUE_OF_ACTION.get(name, "slow")
            running = queues[queue].run(call, request.is_disconnected) if name not in UNQUEUED else None
            if running is not None and queue == "film":
                running = _watched(running, request, own.cancelled)
            result = call() if running is None else await running
        except BusyError as error:
            return JSONResponse({"error": one_line(error)}, 503, {"Retry-After": str(error.retry_after)})
        except ForgottenError as error:
            return _error(one_line(error), 410)
        except RbvaeError as error:
            traceback.clear_frames(error.__traceback__)  # the frames would keep the photo in memory
            return _error(one_line(error), 422)
        except (ClientDisconnect, DisconnectedError):
            return Response(status_code=204)
        if isinstance(result, File):
            return Response(result.content, media_type=result.media_type)
        return JSONResponse(result)

    async def script(request: Request) -> Response:
        packed = bundle() if "/app-" in request.url.path else bundle(ENGINE, ENGINE_ENTRY)
        return _lasting(request, packed.content, packed.gzipped, "text/javascript", packed.version)

    async def model(request: Request) -> Response:
        kind = request.path_params["kind"]
        found = model_response(actions[kind].editor if kind in actions else None)
        return found or _error("there is no such model", 404)

    async def face(request: Request) -> Response:
        found = await run_sync(about, request.path_params["row"], request.path_params["column"])
        return Response(found, media_type="image/jpeg") if found else _error("there is no such picture", 404)

    async def leave(request: Request) -> Response:
        visitor = _visitor(request, (await request.body()).decode("ascii", "replace"))
        return JSONResponse({"deleted": visits.forget_all(visitor) if visitor else 0})

    return [
        *(Route(f"/page/js/{name}-{{version}}.js", script, methods=["GET"], name=name) for name in ("app", "live")),
        Mount("/page/js", Scripts(directory=HERE / "js")),
        Route("/page/leave", leave, methods=["POST"]),
        Route("/page/about/{row:int}-{column:int}.jpg", face, methods=["GET"]),
        Route("/page/{kind}/model", model, methods=["GET"]),
        Route("/page/{kind}/{action}", answer, methods=["POST"]),
    ]


def _lasting(request: Request, content: bytes, gzipped: bytes, media_type: str, version: str) -> Response:
    """Answer with a file that browsers keep if the request names its version; `gzipped` is b"" for "not worth it"."""
    headers = {"Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
    if request.path_params["version"] == version:
        headers["Cache-Control"] = "public, max-age=31536000, immutable"
    if gzipped and "gzip" in request.headers.get("accept-encoding", ""):
        content, headers["Content-Encoding"] = gzipped, "gzip"
    return Response(content, media_type=media_type, headers=headers)


def _visitor(request: Request, default: str = "") -> str:
    """Return the random visitor ID that the page creates when it is loaded, or "" if it is missing or invalid."""
    visitor = request.headers.get("visitor", default)
    return visitor if VISITOR.fullmatch(visitor) else ""


def _for_visitor(actions: Actions, visit: Visit) -> Actions:
    """Return a copy of the actions that can access only the images of this visitor."""
    copied = copy.copy(actions)
    copied.visits, copied.cancelled = visit, threading.Event()
    return copied


async def _watched(running: Coroutine[Any, Any, Any], request: Request, cancelled: threading.Event) -> Any:
    """Wait for a job; sets `cancelled` if the client disconnects meanwhile."""

    async def watch() -> None:
        while not await request.is_disconnected():
            await asyncio.sleep(GLANCES)
        cancelled.set()

    watching = asyncio.create_task(watch())
    try:
        return await running
    finally:
        watching.cancel()


def _call(actions: Actions, name: str, body: bytes, query: str) -> Callable[[], Any]:
    method = getattr(actions, name)
    files = [body] if name in WITH_FILE else []
    try:
        fields = json.loads(query if files else body or b"{}")
        inspect.signature(method).bind(*files, **fields)
    except (ValueError, TypeError, RecursionError) as error:
        raise ConfigError(f"{name} got an invalid request ({shown(str(error))}); reload the page") from error
    return lambda: method(*files, **fields)


def _error(message: str, status: int) -> JSONResponse:
    return JSONResponse({"error": message}, status)
