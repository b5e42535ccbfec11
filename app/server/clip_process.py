"""The worker process of `app.server.clips`: reads a clip from stdin, writes its frames and its sound to stdout.

Run as a script with the project folder and the longest length in seconds. It imports only a part of rbvae.
"""

from __future__ import annotations

import os
import struct
import sys
import types
from pathlib import Path
from typing import Any, BinaryIO

MEMORY = 2_000_000_000  # bytes of address space: a frame of 4K takes 25 MB, and codecs keep some 16 for each thread
CPU_SECONDS = 120
FRAME, SOUND = b"f", b"s"  # requests
NEXT, END, ERROR = b"+", b".", b"!"  # answers


def main() -> None:
    """Read the length of the clip as a big-endian uint64 and the clip, and answer with NEXT and the seconds it lasts.

    Then answer requests until stdin ends. FRAME with a side (uint32): for each frame NEXT, its time (float64), height
    and width (uint32) and pixels, then END. SOUND with a start and a length (float64, seconds): NEXT, the rate,
    channels and samples of each (uint32) and the samples as float32, or END if there is none. In place of any answer
    there may be ERROR, the length of a message (uint32) and the message.
    """
    root, seconds = Path(sys.argv[1]), float(sys.argv[2])
    package = types.ModuleType("rbvae")  # skips its __init__, which imports PyTorch
    package.__path__ = [str(root / "rbvae")]
    sys.modules["rbvae"] = package
    from rbvae.errors import ImageError
    from rbvae.images.clips import Clip

    output, requests = os.fdopen(os.dup(1), "wb"), sys.stdin.buffer
    os.dup2(2, 1)  # keep what codecs print out of the answers
    limit()
    (size,) = struct.unpack(">Q", requests.read(8))
    content = requests.read(size)
    try:
        clip = visitors_clip(Clip)(content, seconds, "this clip")
        output.write(NEXT + struct.pack(">d", clip.length))
        output.flush()
        while name := requests.read(1):
            if name == FRAME:
                write_frames(clip, struct.unpack(">I", requests.read(4))[0], output)
            else:
                start, length = struct.unpack(">dd", requests.read(16))
                write_sound(clip, start, length, output)
            output.flush()
    except (ImageError, MemoryError) as error:
        message = (str(error) or "this clip is too large to read. Make it smaller first.").encode("utf-8", "replace")
        output.write(ERROR + struct.pack(">I", len(message)) + message)
        output.flush()


def visitors_clip(clip: Any) -> Any:
    """Return the class Clip with words for visitors, who cannot set the limit."""

    class VisitorsClip(clip):
        def _too_long(self, seconds: float) -> Exception:
            from rbvae.errors import ImageError

            return ImageError(
                f"this clip lasts {seconds:.0f} s or more, and {self.seconds:g} s is the most. Trim it first."
            )

    return VisitorsClip


def write_frames(clip: Any, side: int, output: BinaryIO) -> None:
    """Answer the request for the frames."""
    for frame in clip.frames(side):
        output.write(NEXT + struct.pack(">dII", frame.time, *frame.pixels.shape[:2]))
        output.write(frame.pixels.data)
    output.write(END)


def write_sound(clip: Any, start: float, seconds: float, output: BinaryIO) -> None:
    """Answer the request for the sound."""
    sound = clip.sound(start, seconds)
    if sound is None:
        output.write(END)
        return
    output.write(NEXT + struct.pack(">III", sound.rate, *sound.samples.shape))
    output.write(sound.samples.data)


def limit() -> None:
    """Limit the address space and the CPU time, and forbid writing files, where the system supports it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for kind, wanted in limits.items():
        _, hard = resource.getrlimit(kind)
        wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (wanted, wanted))


if __name__ == "__main__":
    main()
