"""Draws an edit into its photo: the mesh moves the photo's own pixels, and a change of texture is added.

Pixels far from the face do not change, and an edit without any change returns the photo bit for bit.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import cv2
import numpy as np

from rbvae.faces.boxes import Box, window, with_margin
from rbvae.faces.deforming import RingedMesh, held_back
from rbvae.faces.easing import smoothstep
from rbvae.faces.eyes import Eyes, follows_mesh
from rbvae.faces.lips import inset_lips
from rbvae.faces.mesh import OUTER_LIPS, POINTS, face_mesh
from rbvae.faces.mouth import Filling, draw_mouth
from rbvae.faces.region import Region, box_of
from rbvae.faces.texture import CanonicalFrame, canonical_frame
from rbvae.faces.view import FaceView
from rbvae.faces.warping import affine_maps, evaluate, triangle_numbers
from rbvae.images.monochrome import coloured_like

SMALL = 600_000  # pixels: smaller faces are sampled with the Lanczos kernel, which is 4% sharper and 5 times slower
LEAST_CHANGE = 1e-4  # pixels or grey levels: an edit below this changes nothing
CHANGE_LIMITS = (-90.0, 90.0)  # grey levels
LIPS = np.unique(OUTER_LIPS)  # landmarks: lips that close meet at an edge, which a coarse map would make ragged
LIP_MARGIN = 12  # pixels around them that the finer map includes but does not draw


@dataclass(frozen=True)
class Change:
    """The change of a photo by an edit.

    `moves` float64 [468, 3] displaces the landmarks, in photo pixels; `texture` float32 [P, 3] is added to the texture,
    in grey levels; `mouth` fills an opening mouth; `gaze` [2, 2] moves the irises, in photo pixels, the left of the
    picture first. `smile` is the share of a smile that disappears with its creases, in [0, 1].
    """

    moves: np.ndarray
    texture: np.ndarray
    mouth: Filling | None = None
    gaze: np.ndarray = field(default_factory=lambda: np.zeros((2, 2)))
    smile: float = 0.0

    @property
    def nothing(self) -> bool:
        """Whether the edit leaves the photo unchanged."""
        return all(float(np.abs(part).max()) < LEAST_CHANGE for part in (self.moves, self.texture, self.gaze))


def draw(view: FaceView, change: Change, frame: CanonicalFrame) -> tuple[Box, np.ndarray]:
    """Draw the part of a photo that an edit changes.

    Returns its box (left, top, right, bottom), which is empty if nothing changes, and its pixels uint8 [h, w, 3].
    """
    height, width = view.photo.shape[:2]
    before = view.points[:POINTS]
    if change.nothing:
        return (0, 0, 0, 0), np.zeros((0, 0, 3), np.uint8)
    mesh = RingedMesh(before)
    after = held_back(before, before + change.moves)
    old, new = mesh.with_ring(inset_lips(before, after, view.lip_edges)), mesh.with_ring(after)
    box = box_of(np.concatenate([old, new]), width, height)
    left, top, right, bottom = box
    follows = follows_mesh(view.sharpness)
    eyes = Eyes(view.photo, view.points, after, change.gaze, lambda: view.eyeballs, lambda: view.lids, follows)
    skin = eyes.skin(box)
    region = Region(box, view.creases.fill(skin, box, change.smile) if change.smile else skin)
    order = mesh.order(np.concatenate([after, old[POINTS:]]))
    shift = affine_maps((old - new)[:, :2], new[:, :2], mesh.triangles)  # from target to source
    small = region.height * region.width < SMALL
    how = cv2.INTER_LANCZOS4 if small and not view.quick else cv2.INTER_CUBIC

    def moved(part: Region) -> np.ndarray:
        numbers = triangle_numbers(new[:, :2], mesh.triangles, order, part.grid)
        shifts = evaluate(shift, numbers, part.grid)
        shifts[numbers < 0] = 0
        return part.moved(shifts, how, added=added_colour(part, new, numbers, change.texture, frame))

    out = moved(region)
    if region.grid.step > 1 and np.abs(change.moves[LIPS]).max() > LEAST_CHANGE:
        lips = box_of(np.concatenate([old[LIPS], new[LIPS]]), width, height)
        finer = region.part(with_margin(lips, LIP_MARGIN, box))
        out[window(lips, box)] = moved(finer)[window(lips, finer.box)]
    eyes.draw(out, box)
    draw_mouth(out, box, view, after, change.mouth)
    return box, coloured_like(view.photo[top:bottom, left:right], out)


def added_colour(
    region: Region, new: np.ndarray, numbers: np.ndarray, texture: np.ndarray, frame: CanonicalFrame
) -> np.ndarray:
    """Warp a change of texture [P, 3] to the region's cells: float32 [rows, columns, 3].

    `numbers` are the triangles of the points `new` [468 or more, 2 or more] at each cell.
    """
    triangles = face_mesh().triangles
    inside = np.where(numbers < len(triangles), numbers, -1)
    maps = affine_maps(face_mesh().canonical[:, :2] * frame.size, new[:POINTS, :2], triangles)
    at = evaluate(maps, inside, region.grid) - np.float32(0.5)
    at[inside < 0] = -10
    faded = frame.image(texture) * fade_out(frame.size)[..., None]
    return cv2.remap(faded, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT).clip(*CHANGE_LIMITS)


@functools.cache
def fade_out(size: int) -> np.ndarray:
    """Return a mask [S, S] that is 1 inside the face and falls smoothly to 0 at its oval."""
    frame = canonical_frame(size)
    mask = frame.mask.astype(np.uint8)
    distance = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    t = np.clip((distance - 1) / (0.08 * frame.size), 0, 1)
    return smoothstep(t).astype(np.float32)


def draw_texture(photo: np.ndarray, points: np.ndarray, texture: np.ndarray, frame: CanonicalFrame) -> np.ndarray:
    """Draw a texture [P, 3] over the face at points [468, 3] in a photo uint8 [H, W, 3]; returns a new photo."""
    height, width = photo.shape[:2]
    box = box_of(points, width, height)
    left, top, right, bottom = box
    region = Region(box, photo[top:bottom, left:right])
    drawn, inside = frame.drawn(texture, points, region.grid)
    share = region.enlarged((cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 1.0) * inside)[..., None])
    out = photo.copy()
    part = out[top:bottom, left:right]
    part[:] = np.rint(part * (1 - share) + region.enlarged(drawn).clip(0, 255) * share)
    return out
