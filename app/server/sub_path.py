"""The app below a path of another host, such as https://example.org/faces/, with proxies of both kinds."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send


def sub_path() -> str:
    """Return the path of GRADIO_ROOT_PATH, which is a path or a URL, without a slash at its end; "" if it has none."""
    return urlsplit(os.environ.get("GRADIO_ROOT_PATH", "").strip()).path.rstrip("/")


class WithoutSubPath:
    """Removes the path under which a proxy serves the app from requests that still have it.

    Some proxies remove it and some do not. Of the path itself, without a slash at its end, the page could not load its
    files; it is redirected to the path with one.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app, self.prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request as ASGI does."""
        path = scope.get("path", "")
        if self.prefix and path == self.prefix:
            return await RedirectResponse(f"{self.prefix}/")(scope, receive, send)
        if self.prefix and path.startswith(f"{self.prefix}/"):
            rest = path[len(self.prefix) :]
            scope = {**scope, "path": rest, "raw_path": rest.encode("utf-8", "surrogateescape")}
        await self.app(scope, receive, send)
