"""Pastes an edited crop back into its photo at the photo's resolution; only the face changes.

Both modes compute photo * keep + add, from two soft maps that are made at the crop's resolution and enlarged:

- replaced: keep = 1 - mask, add = mask * edited;
- detail: the change, edited - reconstruction, is added to the photo, which keeps its fine detail. Where the change
  alters the shape (a mouth that opens), the photo's detail has the old shape and would appear twice, so it is replaced
  by the model's picture: with kept = 1 / (1 + (shape / SHAPE)^2),
  keep = 1 - mask * (1 - kept), add = mask * (change + (1 - kept) * reconstruction).
"""

from __future__ import annotations

import functools

import cv2
import numpy as np

from rbvae.faces.alignment import Alignment, crop, inverted, mean_shape, shifted, warp
from rbvae.faces.boxes import Box
from rbvae.images.monochrome import coloured_like

MASK_SIDE = 256  # side in pixels at which the mask is drawn
WIDER, LONGER = 1.04, 1.10  # scale of the mask relative to the mean face, and below its middle, for opening jaws
FEATHER = 0.035  # of the crop's side: standard deviation of the blur of the mask's edge
SHAPE = 12.0  # grey levels of shape change at which half of the photo's own detail is kept
COARSE = 0.09  # of the crop's side: variations broader than this blur count as light, not shape
COLOUR_BLUR = 0.03  # of the crop's side: colour changes are blurred more than light, to avoid speckles
FINER = 4  # the maps are enlarged up to this factor with a cubic kernel, beyond it with a linear one
ROWS = 16  # rows of the photo blended at a time, so that they fit into the processor's cache


def paste_back(
    photo: np.ndarray,
    edited: np.ndarray,
    alignment: Alignment,
    original: np.ndarray | None = None,
    match_colour: bool = False,
) -> np.ndarray:
    """Paste the edited crop uint8 [size, size, 3] into its photo; returns a new array uint8 [H, W, 3].

    A soft mask in the shape of a face blends the crop in; pixels outside it do not change. With `original`, the crop
    before the edit, the change is added to the photo's own detail. `match_colour` first gives the edit the mean and
    standard deviation of the photo's crop. Raises ValueError if a crop does not have the size of the alignment.
    """
    pasted = photo.copy()
    (left, top, right, bottom), region = patch(photo, edited, alignment, original, match_colour)
    pasted[top:bottom, left:right] = region
    return pasted


def patch(
    photo: np.ndarray,
    edited: np.ndarray,
    alignment: Alignment,
    original: np.ndarray | None = None,
    match_colour: bool = False,
) -> tuple[Box, np.ndarray]:
    """Like `paste_back`, but return only the part that changes: its box (left, top, right, bottom) and its pixels."""
    expected = (alignment.size, alignment.size, 3)
    for picture in (edited, original):
        if picture is not None and picture.shape != expected:
            raise ValueError(f"the alignment is for a crop of shape {expected}, not {picture.shape}")
    layer = edited.astype(np.float32)
    if match_colour:
        layer = _match_colour(layer, crop(photo, alignment).astype(np.float32))
    left, top, right, bottom = box = _footprint(photo, alignment)
    region = photo[top:bottom, left:right]
    if not region.size:
        return box, region
    finer = int(np.clip(np.ceil(1.0 / alignment.scale - 1e-9), 1, FINER))
    maps = _detailed(layer, original.astype(np.float32), finer) if original is not None else _replacing(layer, finer)
    back = shifted(alignment.inverse(), -left, -top)
    back[:, :2] /= finer
    placed = warp(maps, back, (right - left, bottom - top), cv2.INTER_LINEAR)
    return box, coloured_like(region, _blended(region, placed))


def face_mask(size: int) -> np.ndarray:
    """Return the weight of an edit at each pixel of its crop: float32 [size, size] in [0, 1], 0 at the border."""
    shrinking = size <= MASK_SIDE
    mask = cv2.resize(_drawn_mask(), (size, size), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    mask[[0, -1]] = mask[:, [0, -1]] = 0.0  # beyond the crop, its border is repeated
    return mask


@functools.cache
def _drawn_mask() -> np.ndarray:
    """Draw the outline of the mean face, widened and feathered: float32 [MASK_SIDE, MASK_SIDE]."""
    shape = mean_shape()
    middle = (shape.min(axis=0) + shape.max(axis=0)) / 2
    away = (shape - middle) * WIDER
    away[:, 1] *= np.where(away[:, 1] > 0, LONGER / WIDER, 1.0)
    outline = cv2.convexHull(((middle + away) * MASK_SIDE * 16).astype(np.int32))
    mask = np.zeros((MASK_SIDE, MASK_SIDE), np.float32)
    cv2.fillConvexPoly(mask, outline, 1.0, cv2.LINE_AA, shift=4)
    mask = cv2.GaussianBlur(mask, (0, 0), FEATHER * MASK_SIDE, borderType=cv2.BORDER_CONSTANT)
    rows = np.abs(np.arange(MASK_SIDE) + 0.5 - MASK_SIDE / 2) / (MASK_SIDE / 2)
    edge = ((0.97 - rows) / 0.1).clip(0.0, 1.0).astype(np.float32)
    mask = ((mask - 0.02) / 0.96).clip(0.0, 1.0) * edge * edge[:, None]  # exactly 0 outside and 1 inside
    return mask.astype(np.float32)


def _replacing(edited: np.ndarray, finer: int) -> np.ndarray:
    """Return the maps of a replacement: add [.., 3] and, last, 1 - keep; float32, `finer` times the crop's side."""
    mask = face_mask(len(edited) * finer)[..., None]
    return np.concatenate([mask * _enlarged(edited, finer), mask], axis=2)


def _detailed(edited: np.ndarray, original: np.ndarray, finer: int) -> np.ndarray:
    """Return the maps that add the change between two crops to the photo's own detail; see `_replacing`."""
    side = len(edited)
    mask = face_mask(side * finer)[..., None]
    change = edited - original
    light = change.mean(axis=2, keepdims=True)
    colour = _blurred(change - light, COLOUR_BLUR * side)
    inside = face_mask(side)[..., None]
    colour -= (inside * colour).sum(axis=(0, 1)) / inside.sum()  # an expression does not change the complexion
    shape = _blurred(np.abs(light - _blurred(light, COARSE * side)), 0.02 * side)
    lost = 1.0 - 1.0 / (1.0 + np.square(shape / SHAPE))
    lost = _enlarged(lost, finer).clip(0.0, 1.0) * mask
    add = mask * _enlarged(light + colour, finer) + lost * _enlarged(original, finer)
    return np.concatenate([add, lost], axis=2)


def _enlarged(picture: np.ndarray, times: int) -> np.ndarray:
    extent = (picture.shape[1] * times, picture.shape[0] * times)
    wide = cv2.resize(picture, extent, interpolation=cv2.INTER_CUBIC) if times > 1 else picture
    return wide.reshape(*wide.shape[:2], -1)


def _blurred(picture: np.ndarray, sigma: float) -> np.ndarray:
    soft = cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return soft.reshape(picture.shape)


def _blended(region: np.ndarray, placed: np.ndarray) -> np.ndarray:
    """Return region * (1 - placed[..., 3]) + placed[..., :3], computed a few rows at a time."""
    result = np.empty_like(region)
    for top in range(0, len(region), ROWS):
        rows = placed[top : top + ROWS]
        blend = region[top : top + ROWS] * (1.0 - rows[..., 3:])
        blend += rows[..., :3]
        np.rint(blend, out=blend)
        result[top : top + ROWS] = np.clip(blend, 0, 255, out=blend)
    return result


def _match_colour(edited: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Give the edit the mean and standard deviation of the reference, per channel and weighted by the mask."""
    weight = face_mask(edited.shape[0])[..., None] / face_mask(edited.shape[0]).sum()
    means = [(weight * picture).sum(axis=(0, 1)) for picture in (edited, reference)]
    spreads = [
        np.sqrt((weight * np.square(picture - mean)).sum(axis=(0, 1)))
        for picture, mean in zip((edited, reference), means, strict=True)
    ]
    return (edited - means[0]) * (spreads[1] / np.maximum(spreads[0], 1.0)) + means[1]


def _footprint(photo: np.ndarray, alignment: Alignment) -> Box:
    """Return left, top, right and bottom of the part of the photo that the crop's mask covers."""
    mask = _drawn_mask() > 0
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    corners = np.array([[x, y] for x in (columns[0], columns[-1] + 1) for y in (rows[0], rows[-1] + 1)], float)
    back = inverted(alignment.matrix)
    covered = (corners / MASK_SIDE * alignment.size) @ back[:, :2].T + back[:, 2]
    limit = np.array([photo.shape[1], photo.shape[0]])
    left, top = np.floor(covered.min(axis=0) - 1).clip(0, limit).astype(int)
    right, bottom = np.ceil(covered.max(axis=0) + 1).clip(0, limit).astype(int)
    return int(left), int(top), max(int(left), int(right)), max(int(top), int(bottom))
