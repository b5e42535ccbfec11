"""Reading of films: upright RGB frames with their times, and the sound, with limits on formats, sizes and length."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np
from PIL import Image

from rbvae.errors import ImageError, shown, shown_path
from rbvae.images.sound import Sound, read_sound

ClipSource: TypeAlias = "str | Path | bytes"

CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,gif"  # FFmpeg's others may open further files
MAX_BYTES = 2_000_000_000
MAX_PIXELS = 40_000_000  # of a frame; 8K has 33 million
FPS = 30  # frames read a second, at most: of faster films, every second or third frame is enough
EARLY = 0.8  # of 1 / FPS: a frame that comes this long after the last is kept, as the frames of phones are not regular


@dataclass(frozen=True)
class Frame:
    """A frame of a clip: its time in seconds of the file's clock, and `pixels` uint8 RGB [H, W, 3], upright."""

    time: float
    pixels: np.ndarray


class Clip:
    """A film's file: `source` is a path or its bytes, `seconds` the longest film that is accepted.

    Raises ImageError, with a message of one line, if it is not a film, damaged, too long or too large.
    """

    def __init__(self, source: ClipSource, seconds: float, name: str = "") -> None:
        self.name = shown(name or (Path(source).name if isinstance(source, (str, Path)) else "")) or "the clip"
        self.seconds, self._source = seconds, source
        with self._opened() as (file, _):
            if file.duration and file.duration / av.time_base > seconds + 1 / FPS:
                raise self._too_long(file.duration / av.time_base)
            self.length = min(seconds, file.duration / av.time_base) if file.duration else 0.0

    def frames(self, side: int) -> Iterator[Frame]:
        """Read the frames in order, at most FPS a second, with a longer side of at most `side` pixels."""
        first = last = None
        count = 0
        with self._opened() as (file, stream):
            stream.thread_type = "AUTO"
            aspect = float(stream.sample_aspect_ratio or 1)
            for picture in file.decode(stream):
                if picture.time is None or (last is not None and picture.time - last < EARLY / FPS):
                    continue
                first, last = picture.time if first is None else first, picture.time
                if last - first > self.seconds + 1 / FPS:
                    raise self._too_long(last - first)
                count += 1
                yield Frame(last, _upright(picture, aspect, side))
        if count < 2:
            raise self._unreadable() if not count else self._no_film()

    def sound(self, start: float, seconds: float) -> Sound | None:
        """Read the sound from `start` on, in seconds of the file's clock; None if there is none."""
        with self._opened() as (file, _):
            return read_sound(file, start, seconds)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[Any, Any]]:
        """Open the file and its first video stream; FFmpeg's errors become ImageErrors."""
        try:
            with (
                contextlib.closing(self._file()) as content,
                av.open(content, options={"format_whitelist": CONTAINERS}) as file,
            ):
                yield file, self._checked(file)
        except (av.FFmpegError, MemoryError) as error:
            raise self._unreadable() from error

    def _file(self) -> Any:
        if isinstance(self._source, bytes):
            return io.BytesIO(self._source)
        path = Path(self._source)
        try:
            if not path.is_file():
                raise ImageError(f"There is no file at {shown_path(path)}. Check the path.")
            if path.stat().st_size > MAX_BYTES:
                raise ImageError(f"{self.name} has more than {MAX_BYTES // 10**9} GB. Give a shorter or smaller clip.")
            return path.open("rb")
        except (OSError, ValueError) as error:  # ValueError: a null byte in the path
            reason = getattr(error, "strerror", None) or error
            raise ImageError(f"{shown_path(path)} cannot be read ({reason}). Check that you may open it.") from error

    def _checked(self, file: Any) -> Any:
        streams = [stream for stream in file.streams.video if stream.codec_context is not None]
        if not streams:
            raise ImageError(f"{self.name} has no moving picture. Give a film such as an MP4 or MOV.")
        width, height = streams[0].codec_context.width, streams[0].codec_context.height
        if width * height > MAX_PIXELS:
            raise ImageError(f"{self.name} has frames of {width}x{height} pixels. Make it smaller first.")
        return streams[0]

    def _too_long(self, seconds: float) -> ImageError:
        return ImageError(
            f"{self.name} lasts {seconds:.0f} s or more, and the limit is {self.seconds:g} s. "
            "Give a shorter clip or a higher limit."
        )

    def _no_film(self) -> ImageError:
        return ImageError(f"{self.name} is a single picture, not a film. Give a film such as an MP4 or MOV.")

    def _unreadable(self) -> ImageError:
        if self._is_picture():
            return self._no_film()
        return ImageError(f"{self.name} is not a film that can be read. Give an MP4, MOV or WebM that plays.")

    def _is_picture(self) -> bool:
        try:
            with contextlib.closing(self._file()) as file, Image.open(file) as picture:
                return picture.format != "GIF"
        except Exception:  # Pillow raises all kinds of errors for files that are not pictures
            return False


def _upright(picture: av.VideoFrame, aspect: float, side: int) -> np.ndarray:
    """Convert a frame to contiguous uint8 RGB [H, W, 3] with square pixels, rotated as the phone says.

    `aspect` is the width of its pixels over their height.
    """
    width, height = picture.width * aspect, float(picture.height)
    scale = min(1.0, side / max(width, height))
    extent = max(2, round(width * scale)), max(2, round(height * scale))
    pixels = picture.to_ndarray(format="rgb24", width=extent[0], height=extent[1], interpolation="AREA")
    return np.ascontiguousarray(np.rot90(pixels, round(picture.rotation / 90)))
