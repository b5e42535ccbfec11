"""Clips for tests, written by PyAV: a face that acts, at given times, with sound, turned, or without a face."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 48_000


def write_clip(
    path: Path, pictures: Sequence[np.ndarray], times: Sequence[float], sound: np.ndarray | None = None
) -> Path:
    """Write pictures uint8 [H, W, 3], shown from `times` on, and samples of sound [N] at RATE."""
    with av.open(str(path), "w") as file:
        video = file.add_stream("libx264", rate=30, options={"preset": "ultrafast", "crf": "12"})
        video.height, video.width = pictures[0].shape[:2]
        video.pix_fmt = "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        audio = file.add_stream("aac", rate=RATE, layout="mono") if sound is not None else None
        for picture, time in zip(pictures, times, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            file.mux(video.encode(frame))
        file.mux(video.encode())
        if audio is not None and sound is not None:
            for start in range(0, len(sound), 1024):
                piece = sound[None, start : start + 1024].astype(np.float32)
                heard = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
                heard.sample_rate, heard.pts, heard.time_base = RATE, start, Fraction(1, RATE)
                file.mux(audio.encode(heard))
            file.mux(audio.encode())
    return path


def turned(path: Path) -> Path:
    """Say in an MP4's header, as phones do, that its picture is to be turned clockwise by a quarter."""
    content = bytearray(path.read_bytes())
    header = content.index(b"tkhd")  # of the first track, the video's
    matrix = header + 4 + 4 + (32 if content[header + 4] else 20) + 16
    one = 0x10000
    values = [0, one, 0, -one, 0, 0, 0, 0, 0x40000000]
    content[matrix : matrix + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in values)
    path.write_bytes(content)
    return path


def click(seconds: float, at: float) -> np.ndarray:
    """Silence of a length with one loud click of a hundredth of a second: [N]."""
    sound = np.zeros(round(seconds * RATE))
    start = round(at * RATE)
    sound[start : start + RATE // 100] = 0.9 * np.sin(0.3 * np.arange(RATE // 100))
    return sound
