"""A small file format for browsers: a JSON header and arrays, compressed by gzip; app/js/live/unpack.js reads it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

MAGIC = b"RBV1"
LEVEL = 6  # of gzip


def pack(about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """Pack `about`, plain JSON values, and arrays of numbers; equal content gives equal bytes.

    MAGIC, the length of the header as uint32, the header, and the arrays, each from a multiple of 4 bytes. The header
    has `about` and `arrays`: for each name, its type, its shape, and its first byte after the header. Arrays of int16
    with the suffix "-differences" are stored by `differences`.
    """
    places, parts, at = {}, [], 0
    for name, array in arrays.items():
        content = np.ascontiguousarray(array).tobytes()
        content += b"\0" * (-len(content) % 4)
        places[name] = {"type": array.dtype.name, "shape": list(array.shape), "at": at}
        parts.append(content)
        at += len(content)
    header = json.dumps({"about": about, "arrays": places}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 4)
    content = MAGIC + np.uint32(len(header)).tobytes() + header + b"".join(parts)
    return gzip.compress(content, LEVEL, mtime=0)


def differences(values: np.ndarray) -> np.ndarray:
    """Return the differences along the rows of whole numbers [K, N], below 2^15, as two planes of bytes [2, K, N].

    Differences are mapped to 0, 1, 2, 3 ... for 0, -1, 1, -2 ..., so that the second plane is almost empty.
    """
    step = np.diff(np.asarray(values, np.int32), axis=1, prepend=0)
    folded = np.where(step < 0, -2 * step - 1, 2 * step)
    return np.stack([folded & 255, folded >> 8]).astype(np.uint8)
