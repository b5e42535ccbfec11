"""ASGI middleware in front of the whole app: an allowlist of URLs, limits on the size and pace of bodies, and errors.

URLs that are not on the allowlist return 404, even if Gradio would serve them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from gradio.utils import get_upload_folder
from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Receive, Scope, Send

from app.server.cleanup import UploadFolder
from app.server.exchange import CHUNK_BYTES, CLIP_PATH, FOLDER_FULL, Exchange, Timeouts, holds_files
from app.server.hosting import has_mcp
from app.server.job_queue import BusyError, ByteLimit
from app.server.refusals import QUEUE_PATHS, RefusedError, busy, internal_error

CLIP_BODIES_BYTES = 100_000_000  # bytes in flight, of all visitors, in bodies that are clips
FILE_BODIES_BYTES = 200_000_000  # bytes in flight, of all visitors, in bodies that hold files
BODIES_BYTES = 50_000_000  # likewise, in other bodies
RESPONSES_BYTES = 100_000_000  # likewise, in responses
MAX_REQUESTS = 1000  # concurrent requests
GET_PATHS = re.compile(
    r"/|/(config|theme\.css|favicon\.ico|robots\.txt|manifest\.json|pwa_icon(/\d+)?)|/(assets|static|svelte|page/js)/.+|"
    r"/page/\w+/model|/page/about/\d+-\d+\.jpg|"
    r"/gradio_api/(info|openapi\.json|startup-events|theme\.css|app_id|heartbeat/[\w-]+|queue/(data|status)|"
    r"call/(v2/)?\w+/\w+|file=.+)"
)
POST_PATHS = re.compile(r"/page/\w+(/\w+)?|/gradio_api/(upload|queue/join|call/(v2/)?\w+|cancel|reset)")
MCP_PATHS = re.compile(r"/gradio_api/mcp(/.*)?")
FILE_PATHS = re.compile(r"/gradio_api/(upload|queue/join|call/(v2/)?\w+)")


class RequestLimits:
    """The ASGI middleware.

    `queue_length` returns the length of Gradio's queue; requests are refused when it reaches `max_waiting`.
    """

    def __init__(
        self,
        app: ASGIApp,
        queue_length: Callable[[], int],
        max_waiting: int,
        timeouts: Timeouts | None = None,
        folder: UploadFolder | None = None,
    ) -> None:
        self.app, self.queue_length, self.max_waiting = app, queue_length, max_waiting
        self.timeouts, self.folder = timeouts or Timeouts(), folder or UploadFolder()
        self.file_bodies, self.bodies = ByteLimit(FILE_BODIES_BYTES), ByteLimit(BODIES_BYTES, free=CHUNK_BYTES)
        self.clips = ByteLimit(CLIP_BODIES_BYTES)
        self.responses = ByteLimit(RESPONSES_BYTES)
        self._active = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return None
        self._active += 1
        limit = self.file_bodies if holds_files(scope["path"]) else self.bodies
        limit = self.clips if scope["path"] == CLIP_PATH else limit
        try:
            with limit.body() as reserve_body, self.responses.body() as reserve_response:
                await self._exchange(Exchange(scope, receive, send, self.timeouts, reserve_body, reserve_response))
        finally:
            self._active -= 1
        return None

    async def _exchange(self, exchange: Exchange) -> None:
        try:
            await self._admit(exchange)
            exchange.check_length()
            await self.app(exchange.scope, exchange.receive, exchange.send)
        except RefusedError as refused:
            exchange.refused = exchange.refused or refused
        except Exception as error:
            exchange.refused = exchange.refused or internal_error(error, exchange.scope["path"])
        await exchange.close()

    async def _admit(self, exchange: Exchange) -> None:
        scope = exchange.scope
        path, method = scope["path"], scope["method"]
        patterns = GET_PATHS if method in ("GET", "HEAD") else POST_PATHS if method == "POST" else None
        known = (patterns and patterns.fullmatch(path)) or (has_mcp() and MCP_PATHS.fullmatch(path))
        allowed = known or method == "OPTIONS"
        if not allowed or "\0" in path or ".." in path.split("/") or "deep_link" in QueryParams(scope["query_string"]):
            raise RefusedError("there is nothing at this address", 404)
        if path.startswith("/gradio_api/file=") and not in_cache(path.split("=", 1)[1]):
            raise RefusedError("there is no such file; results are kept only for a few minutes", 404)
        if method == "POST" and QUEUE_PATHS.fullmatch(path) and (waiting := self.queue_length()) >= self.max_waiting:
            raise busy(BusyError(waiting))
        if self._active > MAX_REQUESTS:
            raise busy(BusyError(self._active - 1))
        if method == "POST" and FILE_PATHS.fullmatch(path):
            await self.folder.measure()
            exchange.folder = self.folder if path == "/gradio_api/upload" else None
            if self.folder.full:
                raise RefusedError(FOLDER_FULL, 507, 60)


def in_cache(path: object) -> bool:
    """Return whether a path is an existing file in the app's upload folder, after resolving links."""
    if not isinstance(path, str) or "\0" in path:
        return False
    try:
        found = Path(path).resolve()
        return found.is_relative_to(Path(get_upload_folder()).resolve()) and found.is_file()
    except (OSError, ValueError, RuntimeError):
        return False
