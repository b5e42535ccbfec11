"""The worker process of `app.server.decoder`: reads encoded images from stdin, writes pixels or errors to stdout.

Run as a script with the project folder as argument. It imports only a part of rbvae, without PyTorch and Gradio.
"""

from __future__ import annotations

import math
import os
import struct
import sys
import time
import types
import warnings
from pathlib import Path

MEMORY = 1_300_000_000  # bytes of address space
ALPHA = 2**32 - 1
# Seconds of CPU time: to read a header, and to decode, at least and per megapixel. HEIC takes 0.14 per megapixel, the
# other kinds 0.01 to 0.06. Limits are rounded up, by at most one second.
HEADER_SECONDS, LEAST_SECONDS, MOST_SECONDS = 1.0, 1.0, 12.0
SECONDS_PER_MEGAPIXEL = {"HEIF": 0.3, "AVIF": 0.3}
OTHERS_PER_MEGAPIXEL = 0.08


def main() -> None:
    """Write one byte when ready, then answer requests until stdin ends.

    A request is three big-endian uint32 (length of the name, length of the content, maximum side or 0), the name and
    the content. The maximum side ALPHA asks for the picture's transparency instead, three times as grey. An answer is
    three uint32 (height, width, length of a message), the message, and the pixels as uint8 RGB. Without pixels the
    message says what is wrong; with them it is empty or says how the picture was changed.
    """
    root = Path(sys.argv[1])
    package = types.ModuleType("rbvae")  # skips its __init__, which imports PyTorch
    package.__path__ = [str(root / "rbvae")]
    sys.modules["rbvae"] = package
    from PIL import Image

    from rbvae.errors import ImageError, shown
    from rbvae.images.decoding import UPLOAD, add_heic, load_alpha, open_header, open_photo

    output, requests = os.fdopen(os.dup(1), "wb"), sys.stdin.buffer
    os.dup2(2, 1)  # keep what codecs print out of the answers
    warnings.simplefilter("ignore")
    Image.init()
    add_heic()
    limit_memory()
    output.write(b"+")
    output.flush()
    while len(head := requests.read(12)) == 12:
        name_length, content_length, max_side = struct.unpack(">III", head)
        name, content = requests.read(name_length).decode("utf-8", "replace"), requests.read(content_length)
        limit_time(HEADER_SECONDS)
        try:
            image = open_header(content, shown(name) or "the picture", UPLOAD)
            limit_time(seconds_for(image.format or "", image.width * image.height))
            notes: tuple[str, ...] = ()
            if max_side == ALPHA:
                pixels = load_alpha(image, UPLOAD, name)
            else:
                pixels, notes = open_photo(image, max_side or None, UPLOAD, name)
            message = "; ".join(notes).encode()
            output.write(struct.pack(">III", *pixels.shape[:2], len(message)) + message)
            output.write(pixels.data)
            del image, pixels
        except ImageError as error:
            image = None
            message = str(error).encode("utf-8", "replace")
            output.write(struct.pack(">III", 0, 0, len(message)) + message)
        del content  # do not keep the image until the next request
        output.flush()


def seconds_for(format: str, pixels: int) -> float:
    """Return the CPU time in which a picture of a format, by Pillow's names, must be decoded."""
    rate = SECONDS_PER_MEGAPIXEL.get(format, OTHERS_PER_MEGAPIXEL)
    return min(MOST_SECONDS, LEAST_SECONDS + rate * pixels / 1e6)


def limit_memory() -> None:
    """Limit the address space to MEMORY and forbid writing files, where the system supports it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, limit in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(kind)
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (limit, limit))


def limit_time(seconds: float) -> None:
    """Let the system kill this process after so many seconds of CPU time from now, where it supports that."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + seconds), hard))


if __name__ == "__main__":
    main()
