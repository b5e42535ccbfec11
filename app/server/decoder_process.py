"""A process of app.server.decoder: pictures' bytes on stdin, their pixels or an error on stdout.

Run as a program with the folder of the project. It imports a part of rbvae, and neither PyTorch nor Gradio.
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
SECONDS = 1  # and up to one more, of the processor's time for one picture: a large photo takes a third of that


def main() -> None:
    """Writes a byte once it is ready, then answers until stdin ends: name and content, lengths first -> height, width,
    length of words, then either."""
    root = Path(sys.argv[1])
    package = types.ModuleType("rbvae")  # without its __init__, which loads PyTorch
    package.__path__ = [str(root / "rbvae")]
    sys.modules["rbvae"] = package
    from PIL import Image

    from rbvae.errors import ImageError
    from rbvae.images.decoding import UPLOAD, add_heic, load_photo

    answers, questions = os.fdopen(os.dup(1), "wb"), sys.stdin.buffer
    os.dup2(2, 1)  # whatever a codec prints is no answer
    warnings.simplefilter("ignore")
    Image.init()
    add_heic()
    limit_memory()
    answers.write(b"+")
    answers.flush()
    while len(head := questions.read(12)) == 12:
        named, length, max_side = struct.unpack(">III", head)
        name, content = questions.read(named).decode("utf-8", "replace"), questions.read(length)
        limit_time()
        try:
            pixels = load_photo(content, max_side=max_side or None, limits=UPLOAD, name=name)
            answers.write(struct.pack(">III", *pixels.shape[:2], 0))
            answers.write(pixels.data)
            del pixels
        except ImageError as error:
            words = str(error).encode("utf-8", "replace")
            answers.write(struct.pack(">III", 0, 0, len(words)) + words)
        del content  # nobody's picture is kept
        answers.flush()


def limit_memory() -> None:
    """At most MEMORY, and no file may be written, where the system knows such limits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def limit_time() -> None:
    """From now on SECONDS of the processor, however busy it is with others; then the system ends this process."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + SECONDS, hard))


if __name__ == "__main__":
    main()
