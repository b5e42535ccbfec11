"""One request and its response: limits on the size and pace of both bodies, and the security headers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from app.server.cleanup import UploadFolder
from app.server.job_queue import BusyError
from app.server.refusals import RefusedError, busy
from rbvae.images.decoding import UPLOAD

MAX_FILE_BYTES = UPLOAD.bytes
MAX_BODY_BYTES = 1_000_000  # bytes of a body without files
FORM_BYTES = 10_000  # bytes of a multipart form in addition to its files
MAX_CLIP_BYTES = 40_000_000  # bytes of a clip of 20 seconds
CLIP_PATH = "/page/faces/drive"
CHUNK_BYTES = 1 << 16  # bytes; smaller bodies are not counted, so that many uploads cannot block small requests
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


@dataclass(frozen=True)
class Timeouts:
    """Time limits in seconds, in either direction: per chunk of a body, and for a whole body of the largest size."""

    chunk: float = 15
    body: float = 300


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
