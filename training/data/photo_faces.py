"""Chooses the face of a photo, aligns it, and describes it as a row of a dataset."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

import cv2
import numpy as np

from rbvae.errors import RbvaeError
from rbvae.faces.alignment import align, crop
from rbvae.faces.landmarks import CANVAS, Face, FaceLandmarker, expression_energy
from rbvae.faces.texture import canonical_frame
from rbvae.images.decoding import load_photo
from training.data.photo_folders import Photo
from training.data.shards import encode, encode_texture

TIGHT = 0.75  # relative to the photo's height; larger faces are detected again with a border
OUTSIDE_MAX = 0.1  # relative to the face's height


def detect_faces(photo: np.ndarray, landmarker: FaceLandmarker) -> list[Face]:
    """Detects the faces in a photo uint8 [H, W, 3], usually in one pass; small photos and tight crops get a border.

    The border makes detection in tight crops more reliable and more accurate. On 250 LFW faces, cropped like UTKFace's,
    the mean error of the landmarks against those in the full photo was .57% of the face's height with a border and .67%
    without.
    """
    small = max(photo.shape[:2]) <= CANVAS
    faces = landmarker.glance(photo, border=small)
    if faces and not small and faces[0].size > TIGHT * photo.shape[0]:
        faces = landmarker.glance(photo, border=True) or faces
    return faces or landmarker.detect(photo)


def central_face(faces: list[Face], height: int, width: int) -> Face:
    """Returns the main face of a photo: the largest, with less weight towards the edges."""

    def weight(face: Face) -> float:
        left, top, right, bottom = face.box
        distance = math.hypot((left + right - width) / 2, (top + bottom - height) / 2)
        return face.size * math.exp(-((distance / (0.3 * math.hypot(width, height))) ** 2))

    return max(faces, key=weight)


@dataclass(frozen=True)
class Outcome:
    """The result for one photo: a row of the dataset, or the reason it was skipped."""

    photo: Photo
    row: dict[str, Any] | None
    reason: str = ""


def prepare_photo(photo: Photo, landmarker: FaceLandmarker, size: int) -> Outcome:
    """Detects, aligns and describes the main face of a photo; returns the reason if that is not possible."""
    try:
        pixels = load_photo(photo.path)
        faces = detect_faces(pixels, landmarker)
        if not faces:
            return Outcome(photo, None, "no face found")
        face = central_face(faces, *pixels.shape[:2])
        if (outside := face.share_outside(*pixels.shape[:2])) > OUTSIDE_MAX:
            return Outcome(photo, None, f"{math.ceil(100 * outside)}% of the face lies outside the frame")
        row = _described(photo, pixels, face, size)
        return Outcome(photo, row | {"faces": len(faces), "outside": outside})
    except (RbvaeError, OSError, ValueError, MemoryError, cv2.error) as error:
        return Outcome(photo, None, " ".join(str(error).split()) or type(error).__name__)


def _described(photo: Photo, pixels: np.ndarray, face: Face, size: int) -> dict[str, Any]:
    """Returns the dataset columns derived from a face and from its photo's path."""
    frame, path = canonical_frame(size), str(PurePosixPath(photo.source).with_suffix(".webp"))
    texture = frame.image(frame.sample(pixels, face.points).values).round().clip(0, 255).astype(np.uint8)
    height, width = pixels.shape[:2]
    return {
        "image": {"bytes": encode(crop(pixels, align(face.points, size))), "path": path},
        "source": photo.source,
        "label": photo.label,
        "blendshapes": face.blendshapes,
        "energy": float(expression_energy(face.blendshapes)),
        "yaw": face.yaw,
        "pitch": face.pitch,
        "roll": face.roll,
        "face_size": face.size,
        "identity": photo.identity,
        "split": photo.split,
        "reference": photo.listed_reference,  # mined references are marked at the end, when all energies are known
        "texture": {"bytes": encode_texture(texture), "path": path},
        "points": face.points.ravel(),
        "width": width,
        "height": height,
        **asdict(photo.attributes),
    }
