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

from app.server.cleanup import Shelf
from app.server.hosting import has_mcp
from app.server.job_queue import BusyError, Room
from rbvae.images.decoding import UPLOAD

LARGEST = UPLOAD.bytes
WORDS = 1_000_000  # bytes of a body without files
ENVELOPE = 10_000  # bytes of a multipart form in addition to its files
PART = 1 << 16  # bytes; smaller bodies are not counted, so that many uploads cannot block small requests
FILES, QUESTIONS, ANSWERS = 200_000_000, 50_000_000, 100_000_000  # bytes in flight, of all visitors
CROWD = 1000  # concurrent requests
READ = re.compile(
    r"/|/(config|theme\.css|favicon\.ico|robots\.txt|manifest\.json|pwa_icon(/\d+)?)|/(assets|static|svelte|page/js)/.+|"
    r"/page/\w+/generator|"
    r"/gradio_api/(info|openapi\.json|startup-events|theme\.css|app_id|heartbeat/[\w-]+|queue/(data|status)|"
    r"call/(v2/)?\w+/\w+|file=.+)"
)
WRITTEN = re.compile(r"/page/\w+(/\w+)?|/gradio_api/(upload|queue/join|call/(v2/)?\w+|cancel|reset)")
TOOLS = re.compile(r"/gradio_api/mcp(/.*)?")
MAKES_FILES = re.compile(r"/gradio_api/(upload|queue/join|call/(v2/)?\w+)")
QUEUED = re.compile(r"/gradio_api/(queue/join|call/.*)")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self' https://huggingface.co https://*.hf.space",
}  # 'unsafe-': Gradio's page needs inline scripts and evaluates strings; neither contains user data

Take = Callable[[int], None]
NO_PLACE = "there is no space for more files at the moment; try again in a few minutes"
TOO_SLOW = "the upload is too slow; try again with a better connection"

log = logging.getLogger("rbvae.app")


@dataclass(frozen=True)
class Patience:
    """Time limits in seconds, in either direction: per PART of a body, and for a whole body of the largest size."""

    part: float = 15
    whole: float = 120


class RefusedError(Exception):
    """The request is refused with this message and status; `again` is the Retry-After in seconds, or 0."""

    def __init__(self, words: str, status: int, again: int = 0) -> None:
        super().__init__(words)
        self.words, self.status, self.again = words, status, again


class Guard:
    """The ASGI middleware.

    `in_line` returns the length of Gradio's queue; requests are refused when it reaches `line`.
    """

    def __init__(
        self,
        app: ASGIApp,
        in_line: Callable[[], int],
        line: int,
        patience: Patience | None = None,
        shelf: Shelf | None = None,
    ) -> None:
        self.app, self.in_line, self.line = app, in_line, line
        self.patience, self.shelf = patience or Patience(), shelf or Shelf()
        self.files, self.questions, self.answers = Room(FILES), Room(QUESTIONS, free=PART), Room(ANSWERS)
        self._crowd = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return None
        self._crowd += 1
        room = self.files if holds_files(scope["path"]) else self.questions
        try:
            with room.upload() as take, self.answers.upload() as give:
                await self._exchange(Exchange(scope, receive, send, self.patience, take, give))
        finally:
            self._crowd -= 1
        return None

    async def _exchange(self, exchange: Exchange) -> None:
        try:
            await self._admit(exchange)
            exchange.measure()
            await self.app(exchange.scope, exchange.receive, exchange.send)
        except RefusedError as refused:
            exchange.refused = exchange.refused or refused
        except Exception as error:
            exchange.refused = exchange.refused or unforeseen(error, exchange.scope["path"])
        await exchange.close()

    async def _admit(self, exchange: Exchange) -> None:
        scope = exchange.scope
        path, method = scope["path"], scope["method"]
        known = READ if method in ("GET", "HEAD") else WRITTEN if method == "POST" else None
        served = method == "OPTIONS" or (known and known.fullmatch(path)) or (has_mcp() and TOOLS.fullmatch(path))
        if not served or "\0" in path or ".." in path.split("/") or "deep_link" in QueryParams(scope["query_string"]):
            raise RefusedError("there is nothing at this address", 404)
        if path.startswith("/gradio_api/file=") and not in_cache(path.split("=", 1)[1]):
            raise RefusedError("there is no such file; results are kept only for a few minutes", 404)
        if method == "POST" and QUEUED.fullmatch(path) and (waiting := self.in_line()) >= self.line:
            raise busy(BusyError(waiting))
        if self._crowd > CROWD:
            raise busy(BusyError(self._crowd - 1))
        if method == "POST" and MAKES_FILES.fullmatch(path):
            await self.shelf.look()
            exchange.shelf = self.shelf if path == "/gradio_api/upload" else None
            if self.shelf.full:
                raise RefusedError(NO_PLACE, 507, 60)


class Exchange:
    """One request and its response: limits the size and pace of both bodies and adds the security headers."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, patience: Patience, take: Take, give: Take) -> None:
        self.scope, self._receive, self._send, self.patience = scope, receive, send, patience
        self._take, self._give = take, give
        self.refused: RefusedError | None = None
        self.started = False
        self.shelf: Shelf | None = None  # the folder that stores the body, if any
        self._held, self._whole = 0, False
        self._began = self._part_began = time.monotonic()
        self._head: Message | None = None
        self.limit = WORDS
        if holds_files(scope["path"]):
            self.limit = LARGEST + (ENVELOPE if "gradio_api" in scope["path"] else 0)

    def measure(self) -> None:
        """Check the Content-Length before reading the body. Raises RefusedError if it is too large."""
        for name, value in self.scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > self.limit:
                raise self._too_large()

    async def receive(self) -> Message:
        """Receive the next part of the body. Raises RefusedError if the body is too large or too slow."""
        if self._whole:  # the next message is the disconnect
            return await self._receive()
        ends = min(self._began + self.patience.whole, self._part_began + self.patience.part)
        try:
            message = await asyncio.wait_for(self._receive(), max(0.01, ends - time.monotonic()))
        except asyncio.TimeoutError:
            raise self._refuse(RefusedError(TOO_SLOW, 408)) from None
        self._whole = message["type"] != "http.request" or not message.get("more_body")
        self._count(len(message.get("body", b"")))
        return message

    def _count(self, came: int) -> None:
        if self._held // PART != (self._held + came) // PART:
            self._part_began = time.monotonic()
        self._held += came
        if self._held > self.limit:
            raise self._refuse(self._too_large())
        try:
            self._take(came)
        except BusyError as error:
            raise self._refuse(busy(error)) from None
        if self.shelf:
            self.shelf.add(came)
            if self.shelf.full:
                raise self._refuse(RefusedError(NO_PLACE, 507, 60))

    async def send(self, message: Message) -> None:
        """Send a message of the response, unless the request was refused.

        Raises RefusedError if there is no room for the body or the client does not read it.
        """
        if self.refused is not None and not self.started:
            return
        if message["type"] == "http.response.start":
            self._head = message
            if "Content-Length" not in self._dressed(message):  # otherwise wait: the body may be refused
                await self._start()
            return
        size = len(message.get("body", b""))
        self._room_for(size)
        await self._start()
        ends = time.monotonic() + self.patience.whole * max(1, size / LARGEST)
        for part in parts(message):
            await self._pass(part, ends)

    def _dressed(self, message: Message) -> MutableHeaders:
        headers = MutableHeaders(scope=message)
        headers.update(HEADERS)
        if self.scope["method"] == "POST" or self.scope["path"].startswith("/gradio_api/"):
            headers["Cache-Control"] = "no-store"
        return headers

    def _room_for(self, size: int) -> None:
        if size > PART:  # smaller ones are not counted
            try:
                self._give(size)
            except BusyError as error:
                raise self._refuse(busy(error)) from None

    async def _start(self) -> None:
        if self._head is not None:
            head, self._head, self.started = self._head, None, True
            await self._pass(head, time.monotonic() + self.patience.part)

    async def _pass(self, message: Message, ends: float) -> None:
        left = min(self.patience.part, ends - time.monotonic())
        try:
            await asyncio.wait_for(self._send(message), max(0.01, left))
        except asyncio.TimeoutError:
            raise self._refuse(RefusedError("the client does not read the response; try again", 408)) from None

    def _refuse(self, refused: RefusedError) -> RefusedError:
        self.refused = refused
        return refused

    async def close(self) -> None:
        """Send the refusal, if there is one and the response has not started."""
        if self.refused is None or self.started:
            return
        self._head = None
        refused, self.refused = self.refused, None
        again = {"Retry-After": str(refused.again)} if refused.again else {}
        if not self._whole:
            again["Connection"] = "close"  # do not wait for the rest of the body
        words = {"error": refused.words, "detail": refused.words}  # Gradio clients read "detail"
        await JSONResponse(words, refused.status, again)(self.scope, self._receive, self.send)

    def _too_large(self) -> RefusedError:
        if self.limit == WORDS:
            return RefusedError(f"the request is larger than {WORDS // 10**6} MB; send less", 413)
        return RefusedError(f"the file is larger than {LARGEST // 10**6} MB; save it smaller first", 413)


def holds_files(path: str) -> bool:
    """Return whether request bodies at this path may be as large as a file."""
    return path == "/gradio_api/upload" or path.endswith("/open")


def busy(error: BusyError) -> RefusedError:
    """Convert a BusyError to a 503 response."""
    return RefusedError(str(error), 503, error.again)


def parts(message: Message) -> Iterator[Message]:
    """Split a large body message into parts of at most PART bytes, followed by an empty one.

    When the empty part is sent, all data has left this process.
    """
    body = message.get("body", b"")
    if len(body) <= PART:
        yield message
        return
    for start in range(0, len(body), PART):
        yield {**message, "body": body[start : start + PART], "more_body": True}
    yield {**message, "body": b""}


def unforeseen(error: Exception, path: str = "") -> RefusedError:
    """Convert an uncaught exception to a response. It is logged without its message, which may contain user data."""
    if isinstance(error, (FnIndexInferError, KeyError)) and QUEUED.fullmatch(path):
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
