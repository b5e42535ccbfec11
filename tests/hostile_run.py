"""Starts the app, sends it the files of tests/hostile.py over HTTP, several at a time, and says how it took them.

    python tests/hostile_run.py                      # every file to every route, some minutes
    python tests/hostile_run.py --every 10           # every tenth

An answer is good when it is a picture, or one plain sentence, within 5 seconds. Ends with 1 where one was not, where a
process took more than 1.5 GB, where the app's log holds a traceback, or where it no longer serves.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.hostile import Case, corpus  # noqa: E402

SLOWEST, LARGEST = 5.0, 1_500_000_000  # seconds of an answer, bytes of a process
VISITOR = {"Visitor": "a-visitor-of-the-hostile-run"}
SENTENCE = 400  # letters
FRESH = httpx.Limits(max_keepalive_connections=0)  # a kept connection may have been closed, if the machine slept


@dataclass
class Tally:
    """What came back from one route."""

    pictures: int = 0
    sentences: int = 0
    slowest: float = 0.0
    slowest_of: str = ""
    wrong: list[str] = field(default_factory=list)

    def count(self, case: Case, answer: str | None, seconds: float) -> None:
        """One answer: None for a picture, else what was said."""
        if answer is None:
            self.pictures += 1
        elif plain(answer):
            self.sentences += 1
        else:
            self.wrong.append(f"{case.kind} {case.name!r}: {answer[:300]!r}")
        if seconds > self.slowest:
            self.slowest, self.slowest_of = seconds, f"{case.kind} {case.name!r}"
        if seconds > SLOWEST:
            self.wrong.append(f"{case.kind} {case.name!r}: {seconds:.1f} s")


def plain(words: str) -> bool:
    """Whether words are one sentence for people, and no part of a program's."""
    return (
        10 < len(words) < SENTENCE
        and words.isprintable()
        and not any(sign in words for sign in ("Traceback", 'File "', "Error(", "object at 0x", "<html", "rbvae/"))
    )


def page(kind: str) -> Callable[[httpx.Client, Case], str | None]:
    """How the page sends a file: its bytes alone. A picture that was opened has its e and its size."""

    def send(client: httpx.Client, case: Case) -> str | None:
        answer = client.post(f"/page/{kind}/open", content=case.content, headers=VISITOR).json()
        if "error" in answer or "advice" in answer:
            return str(answer.get("error") or answer["advice"])
        client.post(f"/page/{kind}/forget", json={"key": answer["key"]}, headers=VISITOR)
        return None if {"e", "size"} <= set(answer) else json.dumps(answer)

    return send


def endpoint(name: str, arguments: Callable[[Any], list[Any]]) -> Callable[[httpx.Client, Case], str | None]:
    """How a program sends a file: uploaded, then named to an endpoint."""

    def send(client: httpx.Client, case: Case) -> str | None:
        uploaded = client.post("/gradio_api/upload", files={"files": (case.name or "x", case.content)})
        if uploaded.status_code != 200:
            return str(uploaded.json().get("detail", uploaded.text))
        (path,) = uploaded.json()
        record = {"path": path, "meta": {"_type": "gradio.FileData"}}
        begun = client.post(f"/gradio_api/call/{name}", json={"data": arguments(record)})
        if begun.status_code != 200:
            return str(begun.json().get("detail", begun.text))
        return _told(client.get(f"/gradio_api/call/{name}/{begun.json()['event_id']}").text)

    return send


def _told(stream: str) -> str | None:
    """What an endpoint's stream of events ends with: None for a result that is no refusal, else the words."""
    lines = [line for line in stream.splitlines() if line]
    said = json.loads(lines[-1].removeprefix("data: "))
    if lines[-2] != "event: complete":
        return str(said.get("error") or said) if isinstance(said, dict) else str(said)
    manifest = said[-1]
    if isinstance(manifest, list) and manifest and manifest[0].get("ok") is False:  # of /batch
        return str(manifest[0]["error"])
    return None


ROUTES = {
    "page/faces/open": page("faces"),
    "page/digits/open": page("digits"),
    "/infer": endpoint("infer", lambda record: [record]),
    "/edit": endpoint("edit", lambda record: [record, {"smile": 1}]),
    "/transfer": endpoint("transfer", lambda record: [record, record, 1]),
    "/neutral": endpoint("neutral", lambda record: [record]),
    "/sample": endpoint("sample", lambda record: [record, 1, 0]),
    "/animate": endpoint("animate", lambda record: [record, "neutral", "gif", 0.1]),
    "/batch": endpoint("batch", lambda record: [[record], {"smile": 1}]),
    "/digits_transfer": endpoint("digits_transfer", lambda record: [record, record, 1]),
}


def run(url: str, cases: list[Case], at_once: int, routes: dict[str, Any] | None = None) -> dict[str, Tally]:
    """Every case to every route."""
    tallies = {name: Tally() for name in routes or ROUTES}

    def one(job: tuple[str, Case]) -> None:
        name, case = job
        began = time.monotonic()
        with httpx.Client(base_url=url, timeout=60) as client:
            try:
                answer = ROUTES[name](client, case)
            except Exception as error:  # no answer, or one that is none
                answer = f"Traceback: {type(error).__name__} {error}"
        tallies[name].count(case, answer, time.monotonic() - began)

    for name in tallies:
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(one, ((name, case) for case in cases)))
    return tallies


class Memory:
    """The most that any process of a program has taken."""

    def __init__(self, pid: int) -> None:
        self.peak, self.of, self._process, self._stop = 0, "", psutil.Process(pid), threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            try:
                for process in (self._process, *self._process.children(recursive=True)):
                    if (held := process.memory_info().rss) > self.peak:
                        self.peak, self.of = held, "decoder" if "decoder" in " ".join(process.cmdline()) else "app"
            except psutil.Error:
                continue

    def stop(self) -> None:
        """Ends the watch."""
        self._stop.set()


def free_port() -> int:
    """A port that nothing listens on."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def started(log: Path, environment: dict[str, str], url: str) -> tuple[subprocess.Popen[bytes], bool]:
    """The app in a process, and whether it serves at the URL; if not, it has ended or does not get there."""
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "app/app.py"], cwd=ROOT, env=environment, stdout=stream, stderr=stream
        )
    deadline = time.monotonic() + 120
    try:
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{url}/config", timeout=5, trust_env=False).status_code == 200:
                    return process, True
            time.sleep(0.2)
    except BaseException:
        process.kill()
        raise
    return process, False


def start(port: int, log: Path, checkpoints: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """The app, serving; `checkpoints` are RBVAE_FACES and RBVAE_DIGITS, if not its own."""
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), **(checkpoints or {})}
    process, serves = started(log, environment, f"http://127.0.0.1:{port}")
    if not serves:
        process.kill()
        raise SystemExit(f"the app does not start:\n{log.read_text(errors='replace')}")
    return process


def serving(url: str) -> bool:
    """Whether every route answers a good photo, or a good digit, with a picture."""
    photo = next(case.content for case in corpus() if case.name == "film.gif")
    digit = (ROOT / "app" / "examples" / "digits" / "00.png").read_bytes()
    answers = {}
    for name in ROUTES:
        good = Case("good", "good.png", digit if "digits" in name else photo)
        answers |= run(url, [good], 1, {name: None})
    return all(tally.pictures == 1 for tally in answers.values())


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog="example: python tests/hostile_run.py --every 10"
    )
    parser.add_argument("--every", type=int, default=1, help="send every so many-th file only")
    parser.add_argument("--kinds", nargs="*", help="send only files of these kinds, such as bomb")
    parser.add_argument("--at-once", type=int, default=3, help="files on their way at a time")
    parser.add_argument("--routes", nargs="*", choices=list(ROUTES), help="default: all")
    options = parser.parse_args()
    cases = [case for case in corpus() if not options.kinds or case.kind in options.kinds][:: options.every]
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        process = start(port, log)
        memory, began = Memory(process.pid), time.monotonic()
        try:
            tallies = run(f"http://127.0.0.1:{port}", cases, options.at_once, dict.fromkeys(options.routes or ROUTES))
            after = serving(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(30)
        memory.stop()
        tracebacks = log.read_text(errors="replace").count("Traceback")
    for name, tally in tallies.items():
        answered = tally.pictures + tally.sentences
        print(f"{name}: {answered} of {len(cases)} answered, {tally.pictures} with a picture, {tally.sentences} with a "
              f"sentence; slowest {tally.slowest:.2f} s ({tally.slowest_of})")  # fmt: skip
        for wrong in tally.wrong:
            print(f"  WRONG {wrong}")
    print(f"{time.monotonic() - began:.0f} s, {options.at_once} at a time; largest process {memory.peak / 1e6:.0f} MB "
          f"({memory.of}); {tracebacks} tracebacks logged; afterwards it {'serves' if after else 'DOES NOT SERVE'}; "
          f"kinds: {dict(Counter(case.kind for case in cases))}")  # fmt: skip
    wrong = any(tally.wrong for tally in tallies.values())
    return int(wrong or not after or tracebacks > 0 or memory.peak > LARGEST)


if __name__ == "__main__":
    sys.exit(main())
