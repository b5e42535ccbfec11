"""Stands before everything that is served: which addresses exist, how large and how slow a body may be, what is said.

An address that the app did not mean to serve does not exist, whatever Gradio would have made of it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gradio.route_utils import FnIndexInferError
from gradio.utils import get_upload_folder
from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.gates import BusyError
from app.hosting import has_mcp
from rbvae.images import UPLOAD

LARGEST = UPLOAD.bytes
WORDS = 1_000_000  # bytes of a body that holds no file
ENVELOPE = 10_000  # bytes around the files of a form
READ = re.compile(
    r"/|/(config|theme\.css|favicon\.ico|robots\.txt|manifest\.json|pwa_icon(/\d+)?)|/(assets|static|svelte|page/js)/.+|"
    r"/gradio_api/(info|openapi\.json|startup-events|theme\.css|app_id|heartbeat/[\w-]+|queue/(data|status)|"
    r"call/(v2/)?\w+/\w+|file=.+)"
)
WRITTEN = re.compile(r"/page/\w+(/\w+)?|/gradio_api/(upload|queue/join|call/(v2/)?\w+|cancel|reset)")
TOOLS = re.compile(r"/gradio_api/mcp(/.*)?")
QUEUED = re.compile(r"/gradio_api/(queue/join|call/.*)")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self' https://huggingface.co https://*.hf.space",
}  # 'unsafe-': Gradio's page is one inline script and makes functions of text; nothing of a visitor's gets there

log = logging.getLogger("rbvae.app")


@dataclass(frozen=True)
class Patience:
    """Seconds a body may take: without a byte, and altogether."""

    idle: float = 15
    whole: float = 120


class RefusedError(Exception):
    """A request that is answered here, with these words."""

    def __init__(self, words: str, status: int, again: int = 0) -> None:
        super().__init__(words)
        self.words, self.status, self.again = words, status, again


class Guard:
    """The ASGI middleware; `in_line` says how many of `line` places in Gradio's queue are taken."""

    def __init__(self, app: ASGIApp, in_line: Callable[[], int], line: int, patience: Patience | None = None) -> None:
        self.app, self.in_line, self.line, self.patience = app, in_line, line, patience or Patience()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return None
        exchange = Exchange(scope, receive, send, self.patience)
        try:
            self._admit(scope)
            exchange.measure()
            await self.app(scope, exchange.receive, exchange.send)
        except RefusedError as refused:
            exchange.refused = exchange.refused or refused
        except Exception as error:
            exchange.refused = exchange.refused or unforeseen(error, scope["path"])
        await exchange.close()
        return None

    def _admit(self, scope: Scope) -> None:
        path, method = scope["path"], scope["method"]
        known = READ if method in ("GET", "HEAD") else WRITTEN if method == "POST" else None
        served = method == "OPTIONS" or (known and known.fullmatch(path)) or (has_mcp() and TOOLS.fullmatch(path))
        if not served or "\0" in path or ".." in path.split("/") or b"deep_link=" in scope["query_string"]:
            raise RefusedError("there is nothing at this address", 404)
        if path.startswith("/gradio_api/file=") and not in_cache(path.split("=", 1)[1]):
            raise RefusedError("there is no such file here; results are kept for a few minutes only", 404)
        if method == "POST" and QUEUED.fullmatch(path) and (waiting := self.in_line()) >= self.line:
            busy = BusyError(waiting)
            raise RefusedError(str(busy), 503, busy.again)


class Exchange:
    """One request and its answer, with a limit on the body's size and pace, and the headers everything gets."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, patience: Patience) -> None:
        self.scope, self._receive, self._send, self.patience = scope, receive, send, patience
        self.refused: RefusedError | None = None
        self.started = False
        self._held, self._whole, self._began = 0, False, time.monotonic()
        files = scope["path"] in ("/gradio_api/upload",) or scope["path"].endswith("/open")
        self.limit = LARGEST + (ENVELOPE if "gradio_api" in scope["path"] else 0) if files else WORDS

    def measure(self) -> None:
        """Refuses a body that says itself that it is too large, before any of it is read."""
        for name, value in self.scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > self.limit:
                raise self._too_large()

    async def receive(self) -> Message:
        """The next part of the body; raises RefusedError for one too many, and where it doesn't come."""
        if self._whole:  # what comes now is that the client leaves
            return await self._receive()
        left = self.patience.whole - (time.monotonic() - self._began)
        try:
            message = await asyncio.wait_for(self._receive(), max(0.01, min(left, self.patience.idle)))
        except asyncio.TimeoutError:
            self.refused = RefusedError("the upload is too slow; try again where the connection is better", 408)
            raise self.refused from None
        self._whole = message["type"] != "http.request" or not message.get("more_body")
        self._held += len(message.get("body", b""))
        if self._held > self.limit:
            self.refused = self._too_large()
            raise self.refused
        return message

    async def send(self, message: Message) -> None:
        """Passes the answer on, unless the request was refused meanwhile."""
        if self.refused is not None and not self.started:
            return
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            if self.scope["method"] == "POST" or self.scope["path"].startswith("/gradio_api/"):
                headers["Cache-Control"] = "no-store"
        await self._send(message)

    async def close(self) -> None:
        """Sends the refusal, if there is one and nothing was sent before."""
        if self.refused is None or self.started:
            return
        refused, self.refused = self.refused, None
        again = {"Retry-After": str(refused.again)} if refused.again else {}
        if not self._whole:
            again["Connection"] = "close"  # the rest of the body is not waited for
        words = {"error": refused.words, "detail": refused.words}  # detail: where clients of Gradio look
        await JSONResponse(words, refused.status, again)(self.scope, self._receive, self.send)

    def _too_large(self) -> RefusedError:
        if self.limit == WORDS:
            return RefusedError(f"the request is larger than {WORDS // 10**6} MB; send less", 413)
        return RefusedError(f"the file is larger than {LARGEST // 10**6} MB; save it smaller first", 413)


def unforeseen(error: Exception, path: str) -> RefusedError:
    """The answer to an error nobody caught; it is logged without its words, which may quote what was sent."""
    if isinstance(error, (FnIndexInferError, KeyError)) and QUEUED.fullmatch(path):
        return RefusedError("there is no such endpoint; see Use via API at the foot of the page", 404)
    where = "".join(traceback.format_tb(error.__traceback__)[-3:])
    log.error("%s\n%s", type(error).__name__, where)
    return RefusedError("something went wrong here, which is a bug; try again", 500)


def in_cache(path: object) -> bool:
    """Whether a path leads to a file that was uploaded to this app, or that it made."""
    if not isinstance(path, str) or "\0" in path:
        return False
    try:
        found = Path(path).resolve()
        return found.is_relative_to(Path(get_upload_folder()).resolve()) and found.is_file()
    except (OSError, ValueError, RuntimeError):
        return False
