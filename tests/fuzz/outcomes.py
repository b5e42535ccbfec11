"""What a case of use came to, and what must hold of an edited photo and of a refusal."""

from __future__ import annotations

import io
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import numpy as np
from PIL import Image

from rbvae.images.ai_metadata import AI_NOTE
from rbvae.images.decoding import load_photo
from tests.fuzz.photos import Photo, places
from tests.hostile_run import plain

LONGEST = 180  # seconds of a case; more is a hang
CORNER = 30  # grey levels that a corner's colour may differ by, after two lossy compressions
GREY = 12  # grey levels between the channels of a grey photo, after a lossy compression


@dataclass(frozen=True)
class Outcome:
    """`kind` is "edited", "refused" or "FAULT"; `said` is the refusal, or what did not hold."""

    kind: str
    said: str = ""


EDITED = Outcome("edited")


def fault(said: object) -> Outcome:
    """Something did not hold."""
    return Outcome("FAULT", str(said)[-700:])


def judged(wrong: str) -> Outcome:
    """An edit, unless something is wrong with it."""
    return fault(wrong) if wrong else EDITED


def refused(words: str, photo: Photo | None = None) -> Outcome:
    """A refusal, which must be one plain sentence and not of a `photo` that can be edited."""
    if not plain(words):
        return fault(f"refused without one plain sentence: {words!r}")
    if photo is not None and photo.clear:
        return fault(f"an intact photo was refused: {words!r}")
    return Outcome("refused", words)


def picture_fault(content: bytes, photo: Photo, marked: bool = True) -> str:
    """What is wrong with the edit of a photo: its size, its turn, its colours, its mark; or ""."""
    with Image.open(io.BytesIO(content)) as file:
        clear = "A" in file.getbands() and file.getchannel("A").getextrema()[0] < 255
    pixels = load_photo(content, None).astype(int)
    if pixels.shape[1::-1] != photo.size:
        return f"{pixels.shape[1::-1]} came back for {photo.size}"
    if marked and AI_NOTE.encode() not in content:
        return "the edit is not marked as made by AI"
    if photo.grey and np.ptp(pixels, axis=2).max() > GREY:
        return "a grey photo came back in colour"
    for place, colour in zip(places(photo.size), () if clear else photo.corners, strict=False):
        x, y = place
        expected = np.full(3, Image.new("RGB", (1, 1), colour).convert("L").getpixel((0, 0))) if photo.grey else colour
        got = pixels[y - 1 : y + 2, x - 1 : x + 2].mean(axis=(0, 1))
        if np.abs(got - expected).max() > CORNER:
            return f"the corner at {place} is {got.round()} instead of {tuple(expected)}"
    return ""


@contextmanager
def limited(seconds: int = LONGEST) -> Iterator[None]:
    """Raises TimeoutError in the block after so many seconds."""

    def over(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"no end after {seconds} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
