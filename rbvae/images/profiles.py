"""ICC profiles: sRGB for what is saved, and those of HEIC files that give their colours as numbers (nclx)."""

from __future__ import annotations

import functools
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import ImageCms

# Primaries and transfer functions by their numbers in ITU-T H.273.
PRIMARIES = {  # x and y of red, green and blue; the white of all is D65
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),  # BT.709 and sRGB
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),  # BT.2020
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # Display P3
}
SRGB, PQ, HLG = 13, 16, 18
DATE, MADE = slice(24, 36), struct.pack(">6H", 2026, 1, 1, 0, 0, 0)  # of a profile: where its date is, and ours
WHITE = (0.3127, 0.3290)
D50 = np.array([0.9642, 1.0, 0.8249])  # white of ICC's connection space
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
ENTRIES = 1024  # of a curve
PEAK = 1000 / 203  # of HDR, times the light of a white page (BT.2408)
KNEE = 0.75  # light above which HDR is compressed, so that highlights up to PEAK fit below white


@functools.cache
def srgb_profile() -> bytes:
    """Return LittleCMS's profile of sRGB, 588 bytes, without the time at which it was made."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[: DATE.start] + MADE + profile[DATE.stop :]


def profile_of_nclx(nclx: Mapping[str, Any] | None) -> bytes | None:
    """Return the ICC profile of a HEIC's `nclx_profile`, as pillow-heif reads it; None for sRGB and unknown ones."""
    primaries, transfer = (nclx or {}).get("color_primaries"), (nclx or {}).get("transfer_characteristics")
    if primaries not in PRIMARIES or (primaries == 1 and transfer not in (PQ, HLG)):
        return None
    return made_profile(primaries, transfer if transfer in (PQ, HLG) else SRGB)


@functools.cache
def made_profile(primaries: int, transfer: int = SRGB) -> bytes:
    """Return an ICC profile (version 2, matrix and curves) of the given numbers of ITU-T H.273.

    BT.709's own curve is replaced by sRGB's, as displays do. HDR (PQ, HLG) is compressed to the range of paper.
    """
    curve = _curve(transfer)
    columns = _to_d50(primaries)
    name = b"H.273 %d/%d" % (primaries, transfer)
    description = b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name + bytes(1 + 4 + 4 + 2 + 1 + 67)
    tags = {
        b"desc": description,
        b"cprt": b"text" + bytes(4) + b"Public domain\0",
        b"wtpt": _xyz(D50),
        **{key: _xyz(column) for key, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns.T, strict=True)},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    return _packed(tags)


def light(transfer: int, signal: np.ndarray) -> np.ndarray:
    """Return the light of signals in [0, 1], where 1 is a white page; HDR compressed to [0, 1]."""
    if transfer == SRGB:  # IEC 61966-2-1
        return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)
    if transfer == PQ:  # SMPTE ST 2084, in units of a white page of 203 cd/m2
        power = signal ** (1 / 78.84375)
        linear = (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
        return _compressed(linear * 10_000 / 203)
    low, high = signal**2 / 3, (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12  # BT.2100, HLG
    return _compressed(np.where(signal <= 0.5, low, high) ** 1.2 * PEAK)


def _compressed(linear: np.ndarray) -> np.ndarray:
    """Roll light above KNEE off so that PEAK becomes 1 (Reinhard et al. 2002, Eq. 4, applied above the knee)."""
    over, most = np.maximum(linear - KNEE, 0) / (1 - KNEE), (PEAK - KNEE) / (1 - KNEE)
    rolled = over * (1 + over / most**2) / (1 + over)
    return np.minimum(np.minimum(linear, KNEE) + (1 - KNEE) * rolled, 1.0)


def _to_d50(primaries: int) -> np.ndarray:
    """Return the matrix [3, 3] from linear RGB to XYZ, adapted from D65 to D50 (Bradford)."""
    x, y = np.array([*PRIMARIES[primaries], WHITE]).T
    xyz = np.stack([x / y, np.ones(4), (1 - x - y) / y])
    white = xyz[:, 3]
    matrix = xyz[:, :3] * np.linalg.solve(xyz[:, :3], white)
    gains = np.diag((BRADFORD @ D50) / (BRADFORD @ white))
    return np.linalg.inv(BRADFORD) @ gains @ BRADFORD @ matrix


def _curve(transfer: int) -> bytes:
    values = np.rint(65535 * light(transfer, np.linspace(0, 1, ENTRIES))).astype(">u2")
    return b"curv" + bytes(4) + struct.pack(">I", ENTRIES) + values.tobytes()


def _xyz(values: np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + np.rint(np.asarray(values) * 65536).astype(">i4").tobytes()


def _packed(tags: Mapping[bytes, bytes]) -> bytes:
    """Pack tags into a profile; equal ones are stored once."""
    places: dict[bytes, int] = {}
    body, start = b"", 128 + 4 + 12 * len(tags)
    for content in tags.values():
        if content not in places:
            places[content] = start + len(body)
            body += content + bytes(-len(content) % 4)
    table = b"".join(key + struct.pack(">II", places[content], len(content)) for key, content in tags.items())
    head = struct.pack(">I4sI4s4s4s12s4s", start + len(body), bytes(4), 0x02400000, b"mntr", b"RGB ", b"XYZ ",
                       MADE, b"acsp")  # fmt: skip
    head += bytes(28) + np.rint(D50 * 65536).astype(">i4").tobytes()
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
