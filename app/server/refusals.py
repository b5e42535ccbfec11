"""Refusals of requests: a message, a status, and when to try again."""

from __future__ import annotations

import logging
import re
import traceback

from gradio.route_utils import FnIndexInferError

from app.server.job_queue import BusyError

QUEUE_PATHS = re.compile(r"/gradio_api/(queue/join|call/.*)")

log = logging.getLogger("rbvae.app")


class RefusedError(Exception):
    """The request is refused with this message and status; `retry_after` is the Retry-After in seconds, or 0."""

    def __init__(self, message: str, status: int, retry_after: int = 0) -> None:
        super().__init__(message)
        self.message, self.status, self.retry_after = message, status, retry_after


def busy(error: BusyError) -> RefusedError:
    """Convert a BusyError to a 503 response."""
    return RefusedError(str(error), 503, error.retry_after)


def internal_error(error: Exception, path: str = "") -> RefusedError:
    """Convert an uncaught exception to a response. It is logged without its message, which may contain user data."""
    if isinstance(error, (FnIndexInferError, KeyError)) and QUEUE_PATHS.fullmatch(path):
        return RefusedError("there is no such endpoint; see Use via API at the foot of the page", 404)
    where = "".join(traceback.format_tb(error.__traceback__)[-3:])
    log.error("%s\n%s", type(error).__name__, where)
    return RefusedError("something went wrong here, which is a bug; try again", 500)
