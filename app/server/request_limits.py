"""ASGI middleware in front of the whole app: an allowlist of URLs, limits on the size and pace of bodies, and errors.

URLs that are not on the allowlist return 404, even if Gradio would serve them.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gradio.route_utils import FnIndexInferError
from gradio.utils import get_upload_folder
from starlette.datastructures import MutableHeaders, QueryParams
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.server.cleanup import UploadFolder
from app.server.hosting import has_mcp
from app.server.job_queue import BusyError, ByteLimit
from rbvae.images.decoding import UPLOAD

MAX_FILE_BYTES = UPLOAD.bytes
MAX_BODY_BYTES = 1_000_000  # bytes of a body without files
FORM_BYTES = 10_000  # bytes of a multipart form in addition to its files
CHUNK_BYTES = 1 << 16  # bytes; smaller bodies are not counted, so that many uploads cannot block small requests
MAX_CLIP_BYTES = 40_000_000  # bytes of a clip of 20 seconds
CLIP_BODIES_BYTES = 100_000_000  # bytes in flight, of all visitors, in bodies that are clips
FILE_BODIES_BYTES = 200_000_000  # bytes in flight, of all visitors, in bodies that hold files
BODIES_BYTES = 50_000_000  # likewise, in other bodies
RESPONSES_BYTES = 100_000_000  # likewise, in responses
MAX_REQUESTS = 1000  # concurrent requests
GET_PATHS = re.compile(
    r"/|/(config|theme\.css|favicon\.ico|robots\.txt|manifest\.json|pwa_icon(/\d+)?)|/(assets|static|svelte|page/js)/.+|"
    r"/page/\w+/model|"
    r"/gradio_api/(info|openapi\.json|startup-events|theme\.css|app_id|heartbeat/[\w-]+|queue/(data|status)|"
    r"call/(v2/)?\w+/\w+|file=.+)"
)
POST_PATHS = re.compile(r"/page/\w+(/\w+)?|/gradio_api/(upload|queue/join|call/(v2/)?\w+|cancel|reset)")
MCP_PATHS = re.compile(r"/gradio_api/mcp(/.*)?")
FILE_PATHS = re.compile(r"/gradio_api/(upload|queue/join|call/(v2/)?\w+)")
CLIP_PATH = "/page/faces/drive"
QUEUE_PATHS = re.compile(r"/gradio_api/(queue/join|call/.*)")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self' https://huggingface.co https://*.hf.space",
}  # 'unsafe-': Gradio's page needs inline scripts and evaluates strings; neither contains user data

Reserve = Callable[[int], None]
FOLDER_FULL = "there is no space for more files at the moment; try again in a few minutes"
TOO_SLOW = "the upload is too slow; try again with a better connection"

log = logging.getLogger("rbvae.app")


@dataclass(frozen=True)
class Timeouts:
    """Time limits in seconds, in either direction: per chunk of a body, and for a whole body of the largest size."""

    chunk: float = 15
    body: float = 120


class RefusedError(Exception):
    """The request is refused with this message and status; `retry_after` is the Retry-After in seconds, or 0."""

    def __init__(self, message: str, status: int, retry_after: int = 0) -> None:
        super().__init__(message)
        self.message, self.status, self.retry_after = message, status, retry_after


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


class Exchange:
    """One request and its response: limits the size and pace of both bodies and adds the security headers."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        timeouts: Timeouts,
        reserve_body: Reserve,
        reserve_response: Reserve,
    ) -> None:
        self.scope, self._receive, self._send, self.timeouts = scope, receive, send, timeouts
        self._reserve_body, self._reserve_response = reserve_body, reserve_response
        self.refused: RefusedError | None = None
        self.started = False
        self.folder: UploadFolder | None = None  # the folder that stores the body, if any
        self._received, self._body_complete = 0, False
        self._began = self._chunk_began = time.monotonic()
        self._response_start: Message | None = None
        self.limit = MAX_BODY_BYTES
        if holds_files(scope["path"]):
            self.limit = MAX_FILE_BYTES + (FORM_BYTES if "gradio_api" in scope["path"] else 0)
        elif scope["path"] == CLIP_PATH:
            self.limit = MAX_CLIP_BYTES

    def check_length(self) -> None:
        """Check the Content-Length before reading the body. Raises RefusedError if it is too large."""
        for name, value in self.scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > self.limit:
                raise self._too_large()

    async def receive(self) -> Message:
        """Receive the next chunk of the body. Raises RefusedError if the body is too large or too slow."""
        if self._body_complete:  # the next message is the disconnect
            return await self._receive()
        deadline = min(self._began + self.timeouts.body, self._chunk_began + self.timeouts.chunk)
        try:
            message = await asyncio.wait_for(self._receive(), max(0.01, deadline - time.monotonic()))
        except asyncio.TimeoutError:
            raise self._refuse(RefusedError(TOO_SLOW, 408)) from None
        self._body_complete = message["type"] != "http.request" or not message.get("more_body")
        self._count(len(message.get("body", b"")))
        return message

    def _count(self, size: int) -> None:
        if self._received // CHUNK_BYTES != (self._received + size) // CHUNK_BYTES:
            self._chunk_began = time.monotonic()
        self._received += size
        if self._received > self.limit:
            raise self._refuse(self._too_large())
        try:
            self._reserve_body(size)
        except BusyError as error:
            raise self._refuse(busy(error)) from None
        if self.folder:
            self.folder.add(size)
            if self.folder.full:
                raise self._refuse(RefusedError(FOLDER_FULL, 507, 60))

    async def send(self, message: Message) -> None:
        """Send a message of the response, unless the request was refused.

        Raises RefusedError if there is no room for the body or the client does not read it.
        """
        if self.refused is not None and not self.started:
            return
        if message["type"] == "http.response.start":
            self._response_start = message
            if "Content-Length" not in self._with_headers(message):  # otherwise wait: the body may be refused
                await self._start()
            return
        size = len(message.get("body", b""))
        self._reserve_for(size)
        await self._start()
        deadline = time.monotonic() + self.timeouts.body * max(1, size / MAX_FILE_BYTES)
        for chunk in chunks(message):
            await self._send_in_time(chunk, deadline)

    def _with_headers(self, message: Message) -> MutableHeaders:
        headers = MutableHeaders(scope=message)
        headers.update(HEADERS)
        if self.scope["method"] == "POST" or self.scope["path"].startswith("/gradio_api/"):
            headers["Cache-Control"] = "no-store"
        return headers

    def _reserve_for(self, size: int) -> None:
        if size > CHUNK_BYTES:  # smaller ones are not counted
            try:
                self._reserve_response(size)
            except BusyError as error:
                raise self._refuse(busy(error)) from None

    async def _start(self) -> None:
        if self._response_start is not None:
            start, self._response_start, self.started = self._response_start, None, True
            await self._send_in_time(start, time.monotonic() + self.timeouts.chunk)

    async def _send_in_time(self, message: Message, deadline: float) -> None:
        seconds = min(self.timeouts.chunk, deadline - time.monotonic())
        try:
            await asyncio.wait_for(self._send(message), max(0.01, seconds))
        except asyncio.TimeoutError:
            raise self._refuse(RefusedError("the client does not read the response; try again", 408)) from None

    def _refuse(self, refused: RefusedError) -> RefusedError:
        self.refused = refused
        return refused

    async def close(self) -> None:
        """Send the refusal, if there is one and the response has not started."""
        if self.refused is None or self.started:
            return
        self._response_start = None
        refused, self.refused = self.refused, None
        headers = {"Retry-After": str(refused.retry_after)} if refused.retry_after else {}
        if not self._body_complete:
            headers["Connection"] = "close"  # do not wait for the rest of the body
        content = {"error": refused.message, "detail": refused.message}  # Gradio clients read "detail"
        await JSONResponse(content, refused.status, headers)(self.scope, self._receive, self.send)

    def _too_large(self) -> RefusedError:
        if self.limit == MAX_BODY_BYTES:
            return RefusedError(f"the request is larger than {MAX_BODY_BYTES // 10**6} MB; send less", 413)
        most = max(MAX_FILE_BYTES, self.limit) // 10**6
        return RefusedError(f"the file is larger than {most} MB; save it smaller first", 413)


def holds_files(path: str) -> bool:
    """Return whether request bodies at this path may be as large as a file."""
    return path == "/gradio_api/upload" or path.endswith("/open")


def busy(error: BusyError) -> RefusedError:
    """Convert a BusyError to a 503 response."""
    return RefusedError(str(error), 503, error.retry_after)


def chunks(message: Message) -> Iterator[Message]:
    """Split a large body message into chunks of at most CHUNK_BYTES, followed by an empty one.

    When the empty chunk is sent, all data has left this process.
    """
    body = message.get("body", b"")
    if len(body) <= CHUNK_BYTES:
        yield message
        return
    for start in range(0, len(body), CHUNK_BYTES):
        yield {**message, "body": body[start : start + CHUNK_BYTES], "more_body": True}
    yield {**message, "body": b""}


def internal_error(error: Exception, path: str = "") -> RefusedError:
    """Convert an uncaught exception to a response. It is logged without its message, which may contain user data."""
    if isinstance(error, (FnIndexInferError, KeyError)) and QUEUE_PATHS.fullmatch(path):
        return RefusedError("there is no such endpoint; see Use via API at the foot of the page", 404)
    where = "".join(traceback.format_tb(error.__traceback__)[-3:])
    log.error("%s\n%s", type(error).__name__, where)
    return RefusedError("something went wrong here, which is a bug; try again", 500)


def in_cache(path: object) -> bool:
    """Return whether a path is an existing file in the app's upload folder, after resolving links."""
    if not isinstance(path, str) or "\0" in path:
        return False
    try:
        found = Path(path).resolve()
        return found.is_relative_to(Path(get_upload_folder()).resolve()) and found.is_file()
    except (OSError, ValueError, RuntimeError):
        return False
