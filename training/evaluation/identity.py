"""Measures whether an edited face is still the same person, by the cosine similarity of dlib's face descriptors.

dlib and face_recognition_models are optional: pip install dlib face_recognition_models (dlib-bin needs no compiler).
The models are read as files, because importing face_recognition_models needs pkg_resources from old setuptools.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rbvae.errors import ConfigError
from rbvae.faces.alignment import mean_shape

CHIP = 256  # side in pixels to which a crop with its border is enlarged for dlib
BORDER = 0.25  # relative to the crop's side
PHOTO = 500  # longer side in pixels of a photo in which dlib detects the face
OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152]
OVAL += [148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]


class Recogniser:
    """dlib's face descriptor network. Raises ConfigError, with what to install, if dlib or its models are missing."""

    def __init__(self) -> None:
        missing = [name for name in ("dlib", "face_recognition_models") if importlib.util.find_spec(name) is None]
        if missing:
            raise ConfigError(f"install {' and '.join(missing)}")
        import dlib

        spec = importlib.util.find_spec("face_recognition_models")
        folder = Path(next(iter(spec.submodule_search_locations))) / "models"  # type: ignore[union-attr, arg-type]
        self._dlib: Any = dlib
        try:
            self._shape = dlib.shape_predictor(str(folder / "shape_predictor_5_face_landmarks.dat"))
            self._net = dlib.face_recognition_model_v1(str(folder / "dlib_face_recognition_resnet_model_v1.dat"))
        except RuntimeError as error:
            raise ConfigError(f"reinstall face_recognition_models ({error})") from error
        self._find = dlib.get_frontal_face_detector()

    def describe(self, crop: np.ndarray) -> np.ndarray:
        """Describes an aligned crop, uint8 [S, S, 3], as float64 [128]; the face's position is known, not detected."""
        margin = round(BORDER * len(crop))
        framed = cv2.copyMakeBorder(crop, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
        large = cv2.resize(framed, (CHIP, CHIP), interpolation=cv2.INTER_CUBIC)
        face = self._shape(large, self._dlib.rectangle(*_face_box()))
        return np.array(self._net.compute_face_descriptor(large, face))

    def describe_photo(self, photo: np.ndarray) -> np.ndarray | None:
        """Describes the face that dlib detects in a photo, uint8 [H, W, 3], as float64 [128]; None without a face."""
        scale = PHOTO / max(photo.shape[:2])
        view = np.ascontiguousarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
        boxes = self._find(view, 1)
        return np.array(self._net.compute_face_descriptor(view, self._shape(view, boxes[0]))) if boxes else None


def _face_box() -> list[int]:
    """Returns left, top, right, bottom of the square, brows to chin, that dlib's detector would find in a crop."""
    shape = mean_shape()
    left, right = shape[OVAL, 0].min(), shape[OVAL, 0].max()
    bottom = shape[152, 1]
    side = right - left
    box = np.array([left, bottom - side, right, bottom])
    return [round(edge) for edge in (box + BORDER) / (1 + 2 * BORDER) * CHIP]
