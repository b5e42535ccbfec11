"""The app in a process of its own, for measurements."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]  # app/


class NotMeasuredError(Exception):
    """What was to be measured does not happen here."""


@contextmanager
def running() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run the app with its own checkpoints in a subprocess. Yields its URL, once it responds, and the process.

    Raises NotMeasuredError if it does not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    environment = {name: value for name, value in os.environ.items() if name not in ("RBVAE_FACES", "RBVAE_DIGITS")}
    environment |= {"GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False"}
    app = subprocess.Popen([sys.executable, str(HERE / "app.py")], env=environment, stdout=subprocess.DEVNULL)
    try:
        while not _responds(url):
            if app.poll() is not None:
                raise NotMeasuredError("the app did not start; run python app/app.py to see why")
            time.sleep(0.05)
        yield url, app
    finally:
        app.terminate()
        app.wait(timeout=20)


def _responds(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
        return True
    except OSError:
        return False
