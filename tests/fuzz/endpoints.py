"""Odd use of the API over HTTP and by gradio_client: odd photos to every endpoint, and odd values of its arguments."""

from __future__ import annotations

import contextlib
import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import httpx
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.fuzz.commands import film_fault
from tests.fuzz.outcomes import EDITED, Outcome, fault, judged, picture_fault, refused
from tests.fuzz.photos import Photo, photo, plain_photo
from tests.hostile_run import FRESH

NOT_A_NUMBER = float("nan")
VALUES: tuple[tuple[Any, bool], ...] = (
    ({"smile": 1}, True),
    ({"smile": 1, "frown": 0.5}, True),
    ({}, True),
    ('{"smile": 1}', True),
    ("neutral", True),
    ({"smile": 999}, True),
    ({"smile": "1"}, False),
    ({"smile": None}, False),
    ({"smile": True}, False),
    ({"smile": 1e300}, False),
    ({"nose": 1}, False),
    ({"": 1}, False),
    ({"日本": 1}, False),
    ([], False),
    ([0.5], False),
    ([[1]], False),
    ("smile", False),
    ("", False),
    (None, False),
    (3, False),
)
COUNTS = ((1, True), (2, True), (0, False), (65, False), (-1, False), (1.5, False), ("two", False), (None, False))
SEEDS = ((0, True), (7, True), (2**32 - 1, True), (-1, False), (2**32, False), (0.5, False))
STRENGTHS = ((0, True), (1, True), (1.5, True), (9, False), (-5, False), ("1", False), (None, False), (True, False))
SECONDS = ((0.1, True), (0.5, True), (0, False), (21, False), ("1", False), (None, False))
FORMATS = (("gif", True), ("mp4", True), ("webp", True), ("avi", False), ("", False), (None, False), ("GIF", False))


class Endpoints:
    """Cases for one app."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url, self._client = folder, url, None

    def case(self, rng: random.Random, number: int) -> tuple[str, Outcome]:
        """Calls one endpoint; returns what was sent and what came of it."""
        self.here = self.folder / f"endpoints-{number}"
        self.here.mkdir()
        name = rng.choice(
            ("infer", "edit", "edit", "neutral", "transfer", "sample", "animate", "batch", "digits_transfer")
        )
        if name == "batch":
            return self._batch(rng)
        made = [photo(rng), photo(rng) if name == "transfer" else plain_photo()][: 1 + name.endswith("transfer")]
        options, allowed = self._options(rng, name)
        send = rng.choice((self._by_http, self._by_client))
        if any("\udce9" in one.name for one in made):
            send = self._by_http  # httpx, which gradio_client uses, sends no such name
        about = f"/{name} {options} by {send.__name__} of {[(one.name, one.about) for one in made]}"
        with httpx.Client(base_url=self.url, timeout=170, trust_env=False, limits=FRESH) as http:
            words, files = send(http, name, made, options)
        if words:
            unclear = next((one for one in made if not one.clear), made[0])
            return about, refused(words, unclear if allowed and name != "digits_transfer" else None)
        if not allowed:
            return about, fault(f"was answered with {files and [len(file) for file in files]} in spite of its values")
        return about, judged(self._wrong(name, made[-1] if name == "transfer" else made[0], options, files))

    def _options(self, rng: random.Random, name: str) -> tuple[list[Any], bool]:
        odd = rng.random() < 0.4
        tables = {
            "edit": (VALUES,), "transfer": (STRENGTHS,), "sample": (COUNTS, SEEDS), "digits_transfer": (STRENGTHS,),
            "animate": (VALUES, FORMATS, SECONDS),
        }.get(name, ())  # fmt: skip
        chosen = [rng.choice([pair for pair in table if odd or pair[1]]) for table in tables]
        return [value for value, _ in chosen], all(good for _, good in chosen)

    def _wrong(self, name: str, made: Photo, options: list[Any], files: list[bytes]) -> str:
        if name in ("edit", "neutral", "transfer"):
            return picture_fault(files[0], made)
        if name == "animate":
            return film_fault(files[0], still=options[0] == {})
        if name == "sample" and len(files) != options[0]:
            return f"{len(files)} pictures came for {options[0]}"
        with contextlib.ExitStack() as stack:
            sizes = [stack.enter_context(Image.open(io.BytesIO(file))).size for file in files]
        return "" if sizes and min(min(size) for size in sizes) >= 28 else f"pictures of {sizes}"

    def _by_http(self, http: httpx.Client, name: str, made: list[Photo], options: list[Any]) -> tuple[str, list[bytes]]:
        records = []
        for one in made:
            uploaded = http.post(
                "/gradio_api/upload", files={"files": (one.name.encode("utf-8", "replace").decode(), one.content)}
            )
            if uploaded.status_code != 200:
                return str(uploaded.json().get("detail", uploaded.text)), []
            records.append({"path": uploaded.json()[0], "meta": {"_type": "gradio.FileData"}})
        body = json.dumps({"data": [*records, *options]})
        begun = http.post(f"/gradio_api/call/{name}", content=body, headers={"Content-Type": "application/json"})
        if begun.status_code != 200:
            return str(begun.json().get("detail", begun.text)), []
        lines = [
            line for line in http.get(f"/gradio_api/call/{name}/{begun.json()['event_id']}").text.splitlines() if line
        ]
        said = json.loads(lines[-1].removeprefix("data: "))
        if lines[-2] != "event: complete":
            return str(said.get("error") if isinstance(said, dict) else said), []
        return "", [http.get(url).raise_for_status().content for url in _urls(said)]

    def _by_client(
        self, http: httpx.Client, name: str, made: list[Photo], options: list[Any]
    ) -> tuple[str, list[bytes]]:
        if self._client is None:
            self._client = Client(self.url, verbose=False, download_files=str(self.folder))
        given = [handle_file(str(one.written(self.here / str(k)))) for k, one in enumerate(made)]
        try:
            answer = self._client.predict(*given, *options, api_name=f"/{name}")
        except AppError as error:
            return str(error), []
        return "", [Path(path).read_bytes() for path in _paths(answer)]

    def _batch(self, rng: random.Random) -> tuple[str, Outcome]:
        made = [photo(rng) if rng.random() < 0.6 else plain_photo() for _ in range(rng.randint(1, 12))]
        about = f"/batch of {[(one.name, one.about) for one in made]}"
        with httpx.Client(base_url=self.url, timeout=170, trust_env=False, limits=FRESH) as http:
            paths = []
            for one in made:
                name = one.name.encode("utf-8", "replace").decode()
                sent = http.post("/gradio_api/upload", files={"files": (name, one.content)})
                paths += sent.raise_for_status().json()
            records = [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in paths]
            begun = http.post("/gradio_api/call/batch", json={"data": [records, {"smile": 1}]}).raise_for_status()
            stream = http.get(f"/gradio_api/call/batch/{begun.json()['event_id']}").text
            lines = [line for line in stream.splitlines() if line]
            said = json.loads(lines[-1].removeprefix("data: "))
            if lines[-2] != "event: complete":
                return about, refused(str(said.get("error") if isinstance(said, dict) else said), plain_photo())
            packed = http.get(next(_urls(said))).raise_for_status().content
        if len(said[1]) != len(made):
            return about, fault(f"{len(said[1])} entries for {len(made)} photos")
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            for one, entry in zip(made, said[1], strict=True):
                if not entry["ok"] and refused(entry["error"], one).kind == "FAULT":
                    return about, fault(f"{one.name!r}: {entry['error']!r}")
                if entry["ok"] and (wrong := picture_fault(archive.read(entry["file"]), one)):
                    return about, fault(f"{one.name!r}: {wrong}")
        return about, EDITED


def _urls(said: Any):
    """The addresses of the files in an answer."""
    if isinstance(said, dict):
        if said.get("url"):
            yield said["url"]
        else:
            for one in said.values():
                yield from _urls(one)
    elif isinstance(said, list):
        for one in said:
            yield from _urls(one)


def _paths(said: Any):
    """The files in an answer of gradio_client."""
    if isinstance(said, str) and Path(said).is_file():
        yield said
    elif isinstance(said, dict):
        for one in said.values():
            yield from _paths(one)
    elif isinstance(said, (list, tuple)):
        for one in said:
            yield from _paths(one)
