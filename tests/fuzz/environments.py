"""Odd environments: the commands and the start of the app without a home, caches, UTF-8, or with odd settings."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from tests.fuzz.outcomes import Outcome, fault, judged, picture_fault, refused
from tests.fuzz.photos import NAMES, plain_photo
from tests.hostile_run import FRESH, VISITOR, started

ROOT = Path(__file__).resolve().parents[2]
COMMON: dict[str, tuple[str | None, ...]] = {
    "HOME": (None, "/nonexistent", "/proc", ""),
    "XDG_CACHE_HOME": (None, None, "/proc", "relative"),
    "HF_HOME": (None, None, "/proc"),
    "TMPDIR": (None, None, "/nonexistent", "/proc", "FILE", "FOLDER é", ""),
    "PYTHONIOENCODING": (None, "cp1252", "ascii"),
    "PYTHONUTF8": (None, None, "0"),
    "LC_ALL": (None, "C", "POSIX", "xx_XX.UTF-8"),
    "LANG": (None, "C"),
    "HTTP_PROXY": (None, "http://127.0.0.1:9", "127.0.0.1:9"),
    "HTTPS_PROXY": (None, None, "http://[::1"),
    "ALL_PROXY": (None, "socks5://127.0.0.1:9", "socks9://x", "http://127.0.0.1:port"),
    "NO_PROXY": (None, "*", "intern.example"),
    "COLUMNS": (None, "1", "x", "0"),
    "TERM": (None, "dumb", ""),
    "OMP_NUM_THREADS": ("1", "1", "0", "x"),
}
OF_THE_APP: dict[str, tuple[str | None, ...]] = {
    "GRADIO_SERVER_NAME": (
        *(None, "127.0.0.1", "::1", "[::1]", "localhost", "0.0.0.0", "::", " 127.0.0.1 ", "", "no.such.host.invalid"),
        *("203.0.113.7", "http://127.0.0.1", "127.0.0.1:7860", "é..x"),
    ),
    "GRADIO_SERVER_PORT": (*["FREE"] * 15, "http", "99999", "0", " ", "TAKEN"),
    "GRADIO_ROOT_PATH": (
        *(None, None, "", "/faces", "faces", "/faces/", "https://example.org/studio/faces", "/a b", "/é", "/"),
        "https://example.org",
    ),
    "GRADIO_TEMP_DIR": (None, None, None, "/proc", "FILE", "FOLDER é", ""),
    "GRADIO_ANALYTICS_ENABLED": (None, "True"),
    "GRADIO_ALLOWED_PATHS": (None, None, "/nonexistent"),
    "RBVAE_FACES": (None, None, None, None, "/nonexistent", "FOLDER é"),
}


class Environments:
    """Cases for one checkpoint of faces; each in a process of its own."""

    def __init__(self, folder: Path, checkpoint: Path) -> None:
        self.folder, self.checkpoint = folder, checkpoint

    def command(self, rng: random.Random, number: int) -> tuple[str, Outcome]:
        """One command, in its own folder, on a file with an odd name."""
        folder = self.folder / f"environment-{number}"
        made = plain_photo()
        path = made.written(folder)
        name = rng.choice([name for name in NAMES if name not in ("-o",)])
        try:
            path = path.rename(folder / f"{name}.jpg")
        except (OSError, ValueError):
            name = "me"
        environment, given = self._environment(rng, folder, COMMON)
        line = [
            "edit",
            path.name,
            "--checkpoint",
            str(self.checkpoint.resolve()),
            "--set",
            "smile=1",
            "-o",
            f"{name} out.png",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "rbvae", *line], cwd=folder, env=environment, capture_output=True, timeout=170
        )
        said, about = done.stderr.decode(errors="replace"), f"{given}, {line}"
        if done.returncode != 0 or "Traceback" in said or not done.stdout.strip():
            return about, fault(f"ended with {done.returncode}: {said[-500:]!r}")
        return about, judged(picture_fault((folder / f"{name} out.png").read_bytes(), made))

    def app(self, rng: random.Random, number: int) -> tuple[str, Outcome]:
        """The start of the app: it serves a photo, or says in one sentence why it cannot."""
        folder = self.folder / f"start-{number}"
        folder.mkdir()
        environment, given = self._environment(rng, folder, COMMON | OF_THE_APP)
        with contextlib.closing(socket.socket()) as other:
            other.bind(("127.0.0.1", 0))
            port = other.getsockname()[1]
            if environment["GRADIO_SERVER_PORT"] == "TAKEN":
                environment.pop("GRADIO_SERVER_NAME", None)
                other.listen()
            else:
                other.close()
            if environment["GRADIO_SERVER_PORT"] in ("FREE", "TAKEN"):
                environment["GRADIO_SERVER_PORT"] = str(port)
            name = environment.get("GRADIO_SERVER_NAME", "").strip(" []")
            url = f"http://{'[::1]' if name in ('::', '::1') else '127.0.0.1'}:{port}"
            process, serves = started(log := folder / "log", environment, url)
        about = f"start with {given}"
        try:
            said = log.read_text(errors="replace")
            if not serves:
                return about, self._not_started(process, said)
            prefix = httpx.URL(environment.get("GRADIO_ROOT_PATH", "").strip() or "/").path.rstrip("/")
            wrong = self._served(url, prefix)
            said = log.read_text(errors="replace")
            return about, judged(wrong or (said if "Traceback" in said else ""))
        finally:
            process.terminate()
            process.wait(30)

    def _not_started(self, process: subprocess.Popen[bytes], said: str) -> Outcome:
        if process.poll() is None:
            return fault(f"it neither serves nor ends: {said[-500:]!r}")
        lines = [line for line in said.splitlines() if line.startswith("error: ")]
        if process.returncode != 2 or len(lines) != 1 or "Traceback" in said:
            return fault(f"ended with {process.returncode}: {said[-500:]!r}")
        return refused(lines[0].removeprefix("error: "))

    def _served(self, url: str, prefix: str) -> str:
        """What is wrong with what the app serves, with and without the path of a proxy; or ""."""
        with httpx.Client(base_url=url, timeout=60, trust_env=False, follow_redirects=True, limits=FRESH) as client:
            for start in {"", prefix}:
                for path in ("/", "/config", "/gradio_api/info"):
                    if (status := client.get(f"{start}{path}").status_code) != 200:
                        return f"{start}{path} gives {status}"
                answer = client.post(f"{start}/page/faces/open", content=plain_photo().content, headers=VISITOR).json()
                if not {"e", "size"} <= set(answer):
                    return f"{start}: {answer}"
            sent = client.post("/gradio_api/upload", files={"files": ("me.jpg", plain_photo().content)})
            return "" if sent.status_code == 200 else f"an upload gives {sent.status_code} {sent.text[:200]}"

    def _environment(
        self, rng: random.Random, folder: Path, choices: dict[str, tuple[str | None, ...]]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """An environment of this process's with two to six changes, and the changes."""
        changed = {"GRADIO_SERVER_PORT"} & set(choices) | set(rng.sample(sorted(choices), rng.randint(2, 6)))
        (folder / "FILE").touch()
        (folder / "FOLDER é").mkdir()
        given = {name: rng.choice(choices[name]) for name in sorted(changed)}
        given = {name: str(folder / value) if value in ("FILE", "FOLDER é") else value for name, value in given.items()}
        left = {name: value for name, value in os.environ.items() if name not in given} | {"PYTHONPATH": str(ROOT)}
        left.setdefault("RBVAE_FACES", str(self.checkpoint.resolve()))
        shown = {name: value for name, value in given.items() if value is not None}
        return {**left, **shown}, given
