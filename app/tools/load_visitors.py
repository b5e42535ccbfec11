"""Simulated visitors of the page and API clients, who check every answer against the one that they got alone."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from PIL import Image, ImageEnhance

from app.tools.load_report import Summary

HERE = Path(__file__).resolve().parents[1]  # app/
EDITS = 20
PATIENCE = 60  # timeout of a request, in seconds


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
            await self.ask("forget", lambda key: {"key": key})
            gone = await self.http.post("page/faces/draw", json={"key": self.key, "edit": {}})
            self.expect("forget", gone.status_code == 410)

    async def edits(self) -> None:
        """Make all requests except opening the photo."""
        tiles = [{}, {"tile": "neutral"}, {"seed": self.number}]
        await self.ask("tiles", lambda key: {"key": key, "edits": tiles})
        for number in range(EDITS):
            await self.draw(number)
        await self.ask("latents", lambda key: {"key": key, "edits": [{"seed": self.number}]})
        await self.ask("save", lambda key: {"edits": [{"key": key, "edit": self.records[0]}]})

    async def draw(self, number: int) -> None:
        """Request one of the visitor's edits."""
        await self.ask("draw", lambda key: {"key": key, "edit": self.records[number], "side": 360}, str(number))

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

    async def ask(self, action: str, fields: Callable[[str], dict[str, Any]], name: str = "") -> None:
        """Request an action of the page and check the answer. `fields` returns the request's JSON for a key.

        If the photo has made room for another visitor's, it is opened again, once, as the page does.
        """

        def request() -> Awaitable[httpx.Response]:
            return self.http.post(f"page/faces/{action}", json=fields(self.key))

        content = await self.answered(action, request, gone=self.reopened)
        if content and action != "forget":
            self.check(f"{action} {name}", content)

    async def reopened(self) -> None:
        """Open the photo again."""
        self.summary.reopened += 1
        await self.opened()

    async def answered(
        self, action: str, request: Callable[[], Awaitable[httpx.Response]], gone: Callable[[], Any] | None = None
    ) -> bytes | None:
        """Make a request, retrying while the server is busy, and record its time. Returns None if it failed.

        If the photo is gone, and `gone` is given, calls that, and makes the request once more.
        """
        began = time.perf_counter()
        while True:
            try:
                answer = await request()
            except httpx.HTTPError as error:
                self.summary.errors[f"{action}: {type(error).__name__}"] += 1
                return None
            if answer.status_code == 503:
                self.summary.busy += 1
                await asyncio.sleep(float(answer.headers.get("Retry-After", 2)))
            elif answer.status_code == 410 and gone:
                await gone()
                gone = None
            else:
                break
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
        return {"e": results} if results else {}

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
