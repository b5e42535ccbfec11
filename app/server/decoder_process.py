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

MEMORY = 1_000_000_000  # bytes of address space
ALPHA = 2**32 - 1
CPU_SECONDS = 1  # of CPU time per image, rounded up by at most one; a large photo takes a third of that


def main() -> None:
    """Write one byte when ready, then answer requests until stdin ends.

    A request is three big-endian uint32 (length of the name, length of the content, maximum side or 0), the name and
    the content. The maximum side ALPHA asks for the picture's transparency instead, three times as grey. An answer is
    three uint32 (height, width, length of the error message), then the pixels as uint8 RGB or the message.
    """
    root = Path(sys.argv[1])
    package = types.ModuleType("rbvae")  # skips its __init__, which imports PyTorch
    package.__path__ = [str(root / "rbvae")]
    sys.modules["rbvae"] = package
    from PIL import Image

    from rbvae.errors import ImageError
    from rbvae.images.decoding import UPLOAD, add_heic, load_alpha, load_photo

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
        limit_time()
        try:
            if max_side == ALPHA:
                pixels = load_alpha(content, UPLOAD, name)
            else:
                pixels = load_photo(content, max_side=max_side or None, limits=UPLOAD, name=name)
            output.write(struct.pack(">III", *pixels.shape[:2], 0))
            output.write(pixels.data)
            del pixels
        except ImageError as error:
            message = str(error).encode("utf-8", "replace")
            output.write(struct.pack(">III", 0, 0, len(message)) + message)
        del content  # do not keep the image until the next request
        output.flush()


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


def limit_time() -> None:
    """Let the system kill this process after CPU_SECONDS from now, where it supports that."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + CPU_SECONDS, hard))


if __name__ == "__main__":
    main()
