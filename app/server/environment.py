"""The environment variables of the app, checked before Gradio reads them; this module does not import Gradio."""

from __future__ import annotations

import errno
import os
import socket
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from rbvae.errors import ConfigError, shown

LOCAL = ("127.0.0.1", "localhost", "::1", "0.0.0.0")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def prepare_environment() -> None:
    """Make the environment one that Gradio can be imported in; ends the process with status 2 if it cannot be.

    Gradio reads its port and the proxies when it is imported, and checks its own address at start.
    """
    try:
        where = address()
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    os.environ["GRADIO_SERVER_PORT"] = str(where["server_port"])
    if not os.environ.get("GRADIO_ROOT_PATH", "").strip(" /"):
        os.environ.pop("GRADIO_ROOT_PATH", None)  # with "/", Gradio finds none of its own pages
    try:
        Path.home()
    except RuntimeError:  # a numeric user of a container; on Python 3.10, an import of Gradio's fails without a home
        os.environ["HOME"] = tempfile.gettempdir()
    if reason := unusable_proxies():
        for name in PROXIES:
            os.environ.pop(name, None)
            os.environ.pop(name.lower(), None)
        print(f"{', '.join(PROXIES)} are ignored: {reason}. Correct them, or unset them.", file=sys.stderr)
    exempt_from_proxies(where["server_name"])


def address() -> dict[str, Any]:
    """Return the address and port to listen on, from the environment.

    Raises ConfigError if GRADIO_SERVER_PORT is not a valid port.
    """
    port = os.environ.get("GRADIO_SERVER_PORT") or "7860"
    if not (port.isascii() and port.isdecimal()) or not 0 < int(port) < 65536:
        raise ConfigError(f"GRADIO_SERVER_PORT={port}; give a port from 1 to 65535")
    everywhere = "0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1"
    name = os.environ.get("GRADIO_SERVER_NAME", "").strip() or everywhere
    bare = name.strip("[]")
    return {"server_name": f"[{bare}]" if ":" in bare else name, "server_port": int(port)}


def check_address(name: str, port: int) -> None:
    """Raises ConfigError if the app cannot listen on the host `name`, an IPv6 address in brackets, at `port`."""
    bare = name.strip("[]")
    try:
        found = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise _no_host(bare, str(getattr(error, "strerror", "not a valid name"))) from error
    family, kind, protocol, _, place = found[0]
    try:
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            taken = f"Port {port} of {bare} is in use. Set GRADIO_SERVER_PORT to another port."
            raise ConfigError(taken) from error
        if error.errno == errno.EACCES:
            raise ConfigError(f"Port {port} needs more rights. Set GRADIO_SERVER_PORT to 1024 or more.") from error
        raise _no_host(bare, str(error.strerror)) from error


def exempt_from_proxies(name: str) -> None:
    """Add this machine and the host `name` to the addresses that are reached without a proxy."""
    exempt = (os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "").split(",")
    if "*" not in exempt:
        exempt += [host for host in (*LOCAL, name.strip("[]")) if host not in exempt]
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(filter(None, exempt))


def unusable_proxies() -> str:
    """Return why the proxies of the environment cannot be used, such as a missing package for SOCKS; "" if they can."""
    if not urllib.request.getproxies():
        return ""
    import httpx

    try:
        httpx.Client().close()
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        return shown(" ".join(str(error).split()).rstrip("."), 200)
    return ""


def _no_host(name: str, reason: str) -> ConfigError:
    return ConfigError(
        f"GRADIO_SERVER_NAME={shown(name)} is no address of this machine ({reason}). "
        "Set it to 127.0.0.1, or to 0.0.0.0 for all addresses."
    )
