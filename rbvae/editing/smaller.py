"""Portraits at a smaller size or cropped to the face: same face and latents, but faster to draw."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from PIL import Image

from rbvae.editing.edits import Inference, Portrait
from rbvae.editing.face_model import LARGEST_CROP, square_of, square_place
from rbvae.faces.alignment import Alignment
from rbvae.faces.finding import shrunk
from rbvae.faces.pose import Pose
from rbvae.faces.view import FaceView

WINDOW = 1.7  # side of a close-up in sides of the face's box; contains the ring around the face


def for_film(inference: Inference, side: int, source: np.ndarray | None = None) -> Inference:
    """Prepare a portrait for frames with a longer side of at most `side`: its photo gets even sides, as codecs require.

    It is also drawn quicker, see FaceView. `source` is the photo of another portrait of the same photo that has been
    prepared. Inferences of other kinds are returned unchanged.
    """
    if not isinstance(inference, Portrait):
        return inference
    if source is not None:
        return quick(_placed(inference, source, (0, 0)))
    source = shrunk(inference.source, side)
    width, height = (max(2, 2 * round(length / 2)) for length in source.shape[1::-1])
    if source.shape[:2] != (height, width):
        source = cv2.resize(source, (width, height), interpolation=cv2.INTER_CUBIC)
    return quick(inference if source is inference.source else _placed(inference, source, (0, 0)))


def quick(inference: Inference) -> Inference:
    """Let the pixels of a portrait be moved with the cubic kernel, as FaceView says."""
    if not isinstance(inference, Portrait) or inference.observed is None:
        return inference
    observed = inference.observed
    return replace(inference, observed=replace(observed, view=replace(observed.view, quick=True)))


def close_up(inference: Inference, side: int = LARGEST_CROP) -> Inference:
    """Reduce a portrait to the surroundings of its face, with a crop of at most about `side` pixels.

    Its edits have the same crop at this size and are drawn in milliseconds, however large the photo is; do not use
    their `photo`. Digits, and portraits by models of images, whose crops have a fixed size, are returned unchanged.
    """
    if not isinstance(inference, Portrait) or inference.observed is None:
        return inference
    left, top, right, bottom = inference.box
    *corner, length = square_place(inference.box, inference.source.shape)
    around = WINDOW / 2 * max(right - left, bottom - top)
    middle = np.array([left + right, top + bottom]) / 2
    height, width = inference.source.shape[:2]
    low = np.minimum(np.floor(middle - around), corner).astype(int)
    high = np.maximum(np.ceil(middle + around), np.add(corner, length)).astype(int)
    x, y = (int(edge) for edge in np.clip(low, 0, [width - 1, height - 1]))
    x_end, y_end = (int(edge) for edge in np.clip(high, [x + 1, y + 1], [width, height]))
    window = np.ascontiguousarray(inference.source[y:y_end, x:x_end])
    scale = side / length
    if scale < 1:
        extent = max(1, round(scale * (x_end - x))), max(1, round(scale * (y_end - y)))
        window = cv2.resize(window, extent, interpolation=cv2.INTER_AREA)
    placed = _placed(inference, window, (x, y), (x_end - x, y_end - y))
    crop = square_of(window, placed.box)
    return replace(
        placed, crop=crop, reconstruct=lambda: inference.reconstruction.resize(crop.size, Image.Resampling.BOX)
    )


def _placed(
    portrait: Portrait, source: np.ndarray, corner: tuple[int, int], extent: tuple[int, int] | None = None
) -> Portrait:
    """Move a portrait to `source`, the part of its photo at `corner` (x, y) with `extent` (width, height), resized."""
    width, height = extent or portrait.source.shape[1::-1]
    across, down = source.shape[1] / width, source.shape[0] / height
    scale = np.array([across, down, (across + down) / 2])
    offset = np.array([*corner, 0.0])
    left, top = (np.array(portrait.box[:2]) - offset[:2]) * scale[:2]
    right, bottom = (np.array(portrait.box[2:]) - offset[:2]) * scale[:2]
    box = float(left), float(top), float(right), float(bottom)
    alignment, observed = portrait.alignment, portrait.observed
    if alignment is not None:
        turned = alignment.matrix[:, :2]
        matrix = np.column_stack([turned / scale[:2], alignment.matrix[:, 2] + turned @ offset[:2]])
        alignment = Alignment(matrix, alignment.size)
    if observed is not None:
        points = (observed.view.points - offset) * scale
        shift = observed.pose.shift + observed.pose.scale * offset @ observed.pose.rotation
        pose = Pose(observed.pose.scale / scale[2], observed.pose.rotation, shift)
        observed = replace(observed, view=FaceView(source, points), pose=pose)
    return replace(portrait, source=source, box=box, alignment=alignment, observed=observed)
