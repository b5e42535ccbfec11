"""Load test: simulate concurrent visitors and check every answer.

python app/tools/load.py --users 50 --minutes 3 --json load.json

Each visitor has its own photo and first makes all its requests alone. The answers under load must have the same hashes.
A round of a visitor is: open a photo, tiles, 20 draws, the e of a random edit, a saved photo, a request with another
visitor's key (which must be refused), and sometimes "forget". Visitors never pause, unlike people. One visitor in ten
is an API client that uses /infer and /edit. The load generator and the server share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from PIL import Image, ImageEnhance

HERE = Path(__file__).resolve().parents[1]  # app/
PORT = 7898
EDITS = 20
PATIENCE = 60  # timeout of a request, in seconds


@dataclass
class Summary:
    """The results of a load test."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: Counter[str] = field(default_factory=Counter)
    busy: int = 0
    wrong: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)  # (seconds, MB)
    seconds: float = 0.0

    @property
    def count(self) -> int:
        """The number of answers so far."""
        return sum(map(len, self.times.values()))


class Visitor:
    """A simulated visitor with one photo. `hashes` holds the hashes of the answers it got alone."""

    forget_share = 0.3  # probability of deleting its photo after a round

    def __init__(self, number: int, photo: bytes, url: str, summary: Summary, visitors: list[Visitor]) -> None:
        self.number, self.photo, self.summary, self.visitors = number, photo, summary, visitors
        self.hashes: dict[str, str] = {}
        self.key = ""
        self.rng = random.Random(number)
        self.http = httpx.AsyncClient(
            base_url=url, timeout=PATIENCE, headers={"Visitor": f"visitor-{number:04d}-{random.getrandbits(64):016x}"}
        )
        self.records: list[dict[str, Any]] = []

    async def prepare(self) -> bool:
        """Choose the edits and make all requests once, alone. Returns False if no face is found in the photo."""
        self.records = [
            {"seed": self.rng.randrange(10**6), "amount": round(self.rng.random(), 2)} for _ in range(EDITS)
        ]
        if not (await self.opened()).get("e"):
            return False
        await self.edits()
        return True

    async def round(self) -> None:
        """Run one round of requests."""
        await self.opened()
        await self.edits()
        await self.request_without_access()
        if self.rng.random() < self.forget_share:
            await self.ask("forget", key=self.key)
            gone = await self.http.post("page/faces/draw", json={"key": self.key, "edit": {}})
            self.expect("forget", gone.status_code == 410)

    async def edits(self) -> None:
        """Make all requests except opening the photo."""
        await self.ask("tiles", key=self.key, edits=[{}, {"tile": "neutral"}, {"seed": self.number}])
        for number in range(EDITS):
            await self.draw(number)
        await self.ask("latents", key=self.key, edits=[{"seed": self.number}])
        await self.ask("save", edits=[{"key": self.key, "edit": self.records[0]}])

    async def draw(self, number: int) -> None:
        """Request one of the visitor's edits."""
        await self.ask("draw", str(number), key=self.key, edit=self.records[number], side=360)

    async def opened(self) -> dict[str, Any]:
        """Open the photo. Returns the record without its key, or {} if it failed."""
        record = await self.answered("open", lambda: self.http.post("page/faces/open", content=self.photo))
        answer = json.loads(record) if record else {}
        self.key = answer.pop("key", "")
        if answer:
            self.check("open", json.dumps(answer).encode())
        return answer

    async def request_without_access(self) -> None:
        """Request the image of another visitor by its key, which must be refused."""
        other = self.rng.choice(self.visitors)
        if other is not self and other.key:
            for fields in ({"key": other.key, "edit": {}}, {"key": self.key, "edit": {"donor": other.key}}):
                answer = await self.http.post("page/faces/draw", json=fields)
                self.expect("access", answer.status_code in (410, 503))

    async def ask(self, action: str, name: str = "", **fields: Any) -> None:
        """Request an action of the page and check the answer."""
        content = await self.answered(action, lambda: self.http.post(f"page/faces/{action}", json=fields))
        if content and action != "forget":
            self.check(f"{action} {name}", content)

    async def answered(self, action: str, request: Any) -> bytes | None:
        """Make a request, retrying while the server is busy, and record its time. Returns None if it failed."""
        began = time.perf_counter()
        while True:
            try:
                answer = await request()
            except httpx.HTTPError as error:
                self.summary.errors[f"{action}: {type(error).__name__}"] += 1
                return None
            if answer.status_code != 503:
                break
            self.summary.busy += 1
            await asyncio.sleep(float(answer.headers.get("Retry-After", 2)))
        if answer.status_code != 200:
            self.summary.errors[f"{action}: {answer.status_code}"] += 1
            return None
        self.summary.times[action].append(time.perf_counter() - began)
        return answer.content

    def check(self, name: str, content: bytes) -> None:
        """Compare an answer with the first one of this name."""
        found = hashlib.sha256(content).hexdigest()
        self.expect(name, self.hashes.setdefault(name, found) == found)

    def expect(self, name: str, correct: bool) -> None:
        """Record a wrong answer unless `correct`."""
        if not correct:
            self.summary.wrong.append(f"visitor {self.number}: {name}")


class Program(Visitor):
    """A simulated API client that uses the named endpoints."""

    async def opened(self) -> dict[str, Any]:
        """Upload the photo and call /infer."""
        files = {"files": (f"{self.number}.jpg", self.photo)}
        uploaded = await self.answered("upload", lambda: self.http.post("gradio_api/upload", files=files))
        path = json.loads(uploaded)[0] if uploaded else ""
        self.record = {"path": path, "meta": {"_type": "gradio.FileData"}}
        results = await self.call("infer", [self.record])
        return {"original": results[0]} if results else {}

    async def edits(self) -> None:
        """Call /edit with two expressions."""
        await self.call("edit", [self.record, {"smile": 1.5}], "smile")
        await self.call("edit", [self.record, "{}"], "none")

    async def request_without_access(self) -> None:
        """Do nothing: API clients have no keys."""

    async def call(self, name: str, arguments: list[Any], case: str = "") -> list[Any] | None:
        """Call an endpoint, then fetch and check every file in its result. Returns None if it failed."""
        began = time.perf_counter()
        started = await self.answered(
            f"{name} (joins)", lambda: self.http.post(f"gradio_api/call/{name}", json={"data": arguments})
        )
        if not started:
            return None
        event = json.loads(started)["event_id"]
        events = (await self.http.get(f"gradio_api/call/{name}/{event}")).text
        if "event: complete" not in events:
            self.summary.errors[f"{name}: {events[:80]}"] += 1
            return None
        results = json.loads(events.rsplit("data: ", 1)[1])
        for place, result in enumerate(results):
            file = result.get("path") if isinstance(result, dict) else None
            content = (await self.http.get(f"gradio_api/file={file}")).content if file else json.dumps(result).encode()
            self.check(f"{name} {case} {place}", content)
        self.summary.times[f"/{name}"].append(time.perf_counter() - began)
        return results

    async def round(self) -> None:
        """Run one round of requests."""
        await self.opened()
        await self.edits()


def photos(folder: Path | None, count: int) -> list[bytes]:
    """Return up to `count` different JPEGs: from a folder and its subfolders, or else variants of the examples."""
    if folder is not None:
        paths = sorted(folder.rglob("*.jpg"))
        return [path.read_bytes() for path in random.Random(0).sample(paths, min(count, len(paths)))]
    examples = sorted((HERE / "examples").glob("*.jpg"))
    pictures = []
    for number in range(count):
        with Image.open(examples[number % len(examples)]) as picture:
            adjusted = ImageEnhance.Brightness(picture.convert("RGB")).enhance(0.8 + 0.4 * (number / count))
            encoded = io.BytesIO()
            adjusted.save(encoded, "JPEG", quality=92)
        pictures.append(encoded.getvalue())
    return pictures


def resident(pid: int) -> float:
    """Return the resident memory of a process and its children, in MB, or 0 if it is unknown."""
    try:
        kilobytes = next(
            int(line.split()[1])
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if line.startswith("VmRSS")
        )
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, StopIteration):
        return 0.0
    return kilobytes / 1000 + sum(resident(int(child)) for child in children)


async def run_visitors(url: str, pid: int, options: argparse.Namespace) -> Summary:
    """Run all visitors, first one by one, then concurrently."""
    summary = Summary()
    visitors: list[Visitor] = []
    for photo in photos(options.photos, 2 * options.users):
        programs = options.users // 10
        kind = Program if len(visitors) < programs and not options.edits else Visitor
        visitor = kind(len(visitors), photo, url, summary, visitors)
        visitor.forget_share = options.forget
        if await visitor.prepare():
            visitors.append(visitor)
        else:
            await visitor.http.aclose()
        if len(visitors) == options.users:
            break
    unloaded = {action: spread(times) for action, times in summary.times.items()}
    print(f"{len(visitors)} visitors; times in ms without load: {json.dumps(unloaded)}", flush=True)
    summary.times.clear()
    began = time.perf_counter()

    def done() -> bool:
        out_of_time = options.minutes and time.perf_counter() - began > 60 * options.minutes
        return bool(out_of_time or (options.requests and summary.count >= options.requests))

    async def watch() -> None:
        while True:
            summary.memory.append((round(time.perf_counter() - began, 1), round(resident(pid), 1)))
            await asyncio.sleep(1)

    async def visit(visitor: Visitor) -> None:
        if options.edits:
            await visitor.opened()
            for number in range(options.edits):
                await visitor.draw(number % EDITS)
            return
        while not done():
            await visitor.round()

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(visit(visitor) for visitor in visitors))
    summary.seconds = time.perf_counter() - began
    watching.cancel()
    for visitor in visitors:
        await visitor.http.aclose()
    return summary


def spread(times: list[float]) -> dict[str, float]:
    """Return the 50th, 95th and 99th percentile of times in seconds, converted to ms."""
    ordered = sorted(times)
    return {
        f"p{part}": round(1000 * ordered[min(len(ordered) - 1, len(ordered) * part // 100)], 1) for part in (50, 95, 99)
    }


def report(summary: Summary) -> dict[str, Any]:
    """Return the results as a JSON-compatible dict."""
    memory = [megabytes for _, megabytes in summary.memory]
    return {
        "seconds": round(summary.seconds, 1),
        "answers": summary.count,
        "answers_per_second": round(summary.count / summary.seconds, 1),
        "actions": {a: {"n": len(times), **spread(times)} for a, times in sorted(summary.times.items()) if times},
        "errors": dict(summary.errors),
        "busy": summary.busy,
        "wrong": len(summary.wrong),
        "which_wrong": summary.wrong[:10],
        "memory_mb": {"first": memory[0], "peak": max(memory), "last": memory[-1]},
        "memory_over_time": summary.memory[:: max(1, len(memory) // 40)],
    }


def serve() -> tuple[str, subprocess.Popen[bytes]]:
    """Start the app. Returns its URL and process."""
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(PORT)}
    app = subprocess.Popen([sys.executable, str(HERE / "app.py")], env=environment, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{PORT}/"
    while app.poll() is None:
        try:
            httpx.get(url, timeout=5)
            return url, app
        except httpx.HTTPError:
            time.sleep(0.2)
    raise SystemExit("error: the app did not start; run python app/app.py to see why")


def main(argv: list[str] | None = None) -> int:
    """Run the command line. Returns 1 if any answer was wrong or failed."""
    parser = argparse.ArgumentParser(
        prog="python app/tools/load.py",
        description=__doc__.split("\n\n")[0],
        epilog="example: python app/tools/load.py --users 50 --minutes 3 --json load.json",
    )
    parser.add_argument("--users", type=int, default=50, metavar="N", help="concurrent visitors (default: 50)")
    parser.add_argument("--minutes", type=float, default=0, metavar="M", help="stop after M minutes (default: 3)")
    parser.add_argument(
        "--requests", type=int, default=0, metavar="N", help="stop after N answers instead of 3 minutes"
    )
    parser.add_argument(
        "--edits", type=int, default=0, metavar="N", help="make N edits per visitor instead of full rounds"
    )
    parser.add_argument(
        "--forget", type=float, default=0.3, metavar="P", help="fraction of photos deleted (default: 0.3)"
    )
    parser.add_argument("--photos", type=Path, metavar="DIR", help="photos, one per visitor (default: examples)")
    parser.add_argument("--url", help="URL of a running app (default: start one)")
    parser.add_argument("--pid", type=int, default=0, help="process ID of that app, to measure its memory")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to this JSON file")
    options = parser.parse_args(argv)
    if not (options.minutes or options.requests or options.edits):
        options.minutes = 3.0
    app = None
    url, pid = options.url, options.pid
    if url is None:
        url, app = serve()
        pid = app.pid
    try:
        summary = asyncio.run(run_visitors(url, pid, options))
    finally:
        if app is not None:
            app.terminate()
            app.wait(timeout=20)
    figures = report(summary)
    print(json.dumps({name: value for name, value in figures.items() if name != "memory_over_time"}, indent=1))
    if options.json:
        options.json.write_text(json.dumps(figures) + "\n", encoding="utf-8")
    return 1 if figures["wrong"] or figures["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
