"""Turning of the head: the mesh turns in space, and hair, ears and neck follow, less and less with distance.

The photo's own pixels are moved. What turns away is hidden by what is nearer, what turns into view is stretched skin,
and from a ring outwards the photo does not move.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rbvae.faces.boxes import Box
from rbvae.faces.deforming import THIN, edge_triangles, neighbours, next_to
from rbvae.faces.easing import smoothstep
from rbvae.faces.mesh import OVAL, POINTS, face_mesh
from rbvae.faces.pose import Pose, fit_pose
from rbvae.faces.region import Region, box_of, largest
from rbvae.faces.warping import affine_maps, evaluate, far_to_near, signed_areas, triangle_numbers

EARS = (234, 454)  # points in front of the ears
MOUTH = 13  # the middle of the upper lip
DEPTH = 1.2  # landmarks are flatter than heads: turned by 8 times this, faces are found turned by 7 (docs/log.md)
STIFF = 1.15  # of the oval's size: hair and ears up to here turn with the head
DEEP = 1.6  # of the oval's size: hair and neck here lie as deep as the axis of the turn
REACH = (1.6, 2.3)  # of the oval's size: where the photo does not move any more, for no turn and for a LARGE one
LARGE = 12.0  # degrees
RINGS = 8  # between the oval and its reach
FAR = 28.0  # degrees of yaw or pitch beyond which a turn stretches skin visibly
ROUGH = (0.6, 1.6)  # pixels of the source per pixel, beyond one, at which edges start to be and are smoothed
EDGE, KERNEL = 0.9, 3  # pixels: width of the Gaussian that smooths edges, and how far it reaches
NARROWEST, WIDEST, ROUNDS = 0.25, 2.0, 60  # `unfolded`: range of a triangle's area as a share of that before, rounds


@dataclass(frozen=True)
class Turn:
    """A rotation [3, 3] of row vectors about a `centre` [3], in photo pixels and depth; `degrees` is its size."""

    rotation: np.ndarray
    centre: np.ndarray
    degrees: float

    @classmethod
    def of(cls, points: np.ndarray, pose: Pose, right: float, up: float, tilt: float) -> Turn:
        """Turn a head with landmarks [468 or more, 3] by degrees about its own axes.

        It looks further to the `right` and `up`, and its top moves to the right with `tilt`, all in the picture. It
        turns about a point between the ears, at the height of the mouth, where it rests on the neck.
        """
        ears = points[list(EARS)].mean(axis=0)
        down = pose.rotation[:, 1] / np.linalg.norm(pose.rotation[:, 1])  # of the head, in photo coordinates
        centre = ears + ((points[MOUTH] - ears) @ down) * down
        yaw, pitch, roll = np.radians([DEPTH * right, -DEPTH * up, tilt])
        about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
        about_x = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
        about_z = np.array([[np.cos(roll), np.sin(roll), 0], [-np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
        turned = pose.rotation @ about_x @ about_y @ about_z @ pose.rotation.T
        return cls(turned, centre, float(np.hypot(np.hypot(right, up), tilt)))

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Turn points [N, 3]."""
        return (points - self.centre) @ self.rotation + self.centre


def turn_warnings(points: np.ndarray, pose: Pose, turn: Turn, photo: np.ndarray) -> tuple[str, ...]:
    """Return warnings on why a turn of a face with landmarks [468 or more, 3] in a photo may look unsound."""
    notes = []
    after = fit_pose(turn.apply(points[:POINTS]), face_mesh().mean)
    most = max(abs(angle) for one in (pose, after) for angle in (one.yaw, one.pitch))
    if most > FAR:
        notes.append(
            f"the head is turned by {most:.0f} degrees before or after the turn, so hidden skin is stretched; "
            "turn it less"
        )
    height, width = photo.shape[:2]
    oval = points[OVAL, :2]
    around = oval.mean(axis=0) + STIFF * (oval - oval.mean(axis=0))
    if ((around < 0) | (around > [width, height])).any():
        notes.append(
            "the photo cuts the head, so its edge is mirrored where the head turns; use a photo of the whole head"
        )
    return tuple(notes)


def unfolded(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return turned points [468, 3] whose outline neither folds nor widens much.

    Near the oval, points that would move behind others are pushed along by them, and points that others move away from
    are drawn along. So what lies outside the face stays outside, and little of it is stretched.
    """
    triangles, moves = edge_triangles(), after - before
    area = signed_areas(before, triangles)
    large = np.abs(area) > THIN * np.median(np.abs(area))
    triangles, area = triangles[large], area[large]
    for _ in range(ROUNDS):
        share = signed_areas(before + moves, triangles) / area
        strained = (share < NARROWEST) | (share > WIDEST)
        if not strained.any():
            break
        corners = next_to(triangles[strained])
        moves[corners] = (moves[corners] + neighbours()[corners] @ moves) / 2
    return before + moves


def rings(points: np.ndarray, turned: np.ndarray, turn: Turn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rings of points around the oval of landmarks [468, 3] before and after a turn, and their triangles.

    The landmarks become `turned` [468, 3]. Points are [RINGS * 36, 3], numbered from POINTS; the last ring is still.
    """
    oval = points[OVAL]
    pushed = turned[OVAL] - turn.apply(oval)
    middle = oval.mean(axis=0)
    reach = REACH[0] + (REACH[1] - REACH[0]) * min(1.0, turn.degrees / LARGE)
    before, after = [], []
    for scale in np.linspace(1, reach, RINGS + 1)[1:]:
        ring = middle + (oval - middle) * [scale, scale, 1]
        back = min(1.0, (scale - 1) / (DEEP - 1))
        ring[:, 2] += back * (turn.centre[2] - ring[:, 2])
        t = np.clip((reach - scale) / (reach - STIFF), 0, 1)
        before.append(ring)
        after.append(ring + smoothstep(t) * (turn.apply(ring) + (1 - back) * pushed - ring))
    count, triangles = len(OVAL), []
    inner = np.array(OVAL)
    for number in range(RINGS):
        outer = POINTS + number * count + np.arange(count)
        a, b, c, d = inner, np.roll(inner, -1), outer, np.roll(outer, -1)
        triangles += [np.stack([a, b, c], axis=1), np.stack([b, d, c], axis=1)]
        inner = outer
    return np.concatenate(before), np.concatenate(after), np.concatenate(triangles[::-1])


def draw_turned(photo: np.ndarray, points: np.ndarray, turn: Turn) -> tuple[Box, np.ndarray]:
    """Draw the part of a photo uint8 [H, W, 3] with landmarks [468, 3] that a turn of the head changes.

    Returns its box (left, top, right, bottom) and its pixels uint8 [h, w, 3].
    """
    height, width = photo.shape[:2]
    turned = unfolded(points, turn.apply(points))
    around, around_after, ring_triangles = rings(points, turned, turn)
    old, new = np.concatenate([points, around]), np.concatenate([turned, around_after])
    mesh = face_mesh().triangles
    triangles = np.concatenate([ring_triangles, mesh])
    order = np.concatenate([np.arange(len(ring_triangles)), len(ring_triangles) + far_to_near(new, mesh)])
    left, top, right, bottom = box_of(around, width, height)
    region = Region((left, top, right, bottom), photo[top:bottom, left:right])
    numbers = triangle_numbers(new[:, :2], triangles, order, region.grid)
    shift = evaluate(affine_maps((old - new)[:, :2], new[:, :2], triangles), numbers, region.grid)
    shift[numbers < 0] = 0
    pixels = region.moved(shift, cv2.INTER_CUBIC, cv2.BORDER_REFLECT_101)  # beyond its edges the photo is mirrored
    return region.box, smoothed(pixels, shift, region)


def smoothed(pixels: np.ndarray, shift: np.ndarray, region: Region) -> np.ndarray:
    """Blur pixels slightly where the skin narrows much or covers what lies behind it: edges there would be jagged.

    `shift` [rows, columns, 2] is that of the region's cells, in pixels.
    """
    jump = np.zeros(shift.shape[:2], np.float32)
    across, down = (largest(np.diff(shift, axis=axis)) for axis in (1, 0))
    np.maximum(jump[:, 1:], across, out=jump[:, 1:])
    np.maximum(jump[:, :-1], across, out=jump[:, :-1])
    np.maximum(jump[1:], down, out=jump[1:])
    np.maximum(jump[:-1], down, out=jump[:-1])
    rough = np.clip((jump / region.grid.step - ROUGH[0]) / (ROUGH[1] - ROUGH[0]), 0, 1)
    weight = cv2.GaussianBlur(rough, (0, 0), 1.0)
    out = pixels.copy()
    for strip in region.strips(cv2.dilate(weight, np.ones((3, 3)))):
        rows, columns = region.slices(strip)
        blurred = blur_within(pixels, rows, columns)
        share = region.enlarged(weight, strip)[..., 0]
        out[rows, columns] = cv2.blendLinear(blurred, pixels[rows, columns], share, 1 - share)
    return out


def blur_within(pixels: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
    """Blur a part of pixels uint8 [h, w, 3], with the pixels around it."""
    top, left = max(0, rows.start - KERNEL), max(0, columns.start - KERNEL)
    blurred = cv2.GaussianBlur(pixels[top : rows.stop + KERNEL, left : columns.stop + KERNEL], (0, 0), EDGE)
    return blurred[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
