"""Draws an edit into its photo: the mesh moves the photo's own pixels, and a change of texture is added.

Pixels far from the face do not change, and an edit without any change returns the photo bit for bit.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import cv2
import numpy as np

from rbvae.faces.eyeball import Eyeball
from rbvae.faces.eyes import Eyes
from rbvae.faces.lashes import Lid
from rbvae.faces.mesh import OVAL, POINTS, SKIN_TRIANGLES, face_mesh
from rbvae.faces.mouth import Filling, draw_mouth, inset_lips, without_inside
from rbvae.faces.texture import CanonicalFrame, canonical_frame
from rbvae.faces.warping import Grid, affine_maps, evaluate, far_to_near, signed_areas, triangle_numbers
from rbvae.images.blur import estimate_blur

RING = 1.35  # of the oval's size: the photo does not move from this ring outwards
CELLS = 288  # cells of the grid on which maps are evaluated, along the face's longer side
SMALL = 600_000  # pixels: smaller faces are sampled with the Lanczos kernel, which is 4% sharper and 5 times slower
COLOURLESS = 2  # grey levels: largest difference between the channels of a black-and-white photo
LEAST_CHANGE = 1e-4  # pixels or grey levels: an edit below this changes nothing
SMOOTHINGS, ROUNDS, SHRINK = 6, 60, 0.8  # `held_back`: rounds that only smooth, all rounds, factor in the others
THIN = 0.1  # of the median area: smaller triangles may turn over, as slivers at the corners of real mouths do
CHANGE_LIMITS = (-90.0, 90.0)  # grey levels


@dataclass(frozen=True)
class FaceView:
    """A face in a photo uint8 [H, W, 3]: its landmarks `points` float64 [478, 3] are in photo pixels."""

    photo: np.ndarray
    points: np.ndarray

    @functools.cached_property
    def blur(self) -> float:
        """The blur of the photo in the face, as the width of a Gaussian in pixels."""
        left, top, right, bottom = box_of(self.points, self.photo.shape[1], self.photo.shape[0])
        return estimate_blur(self.photo[top:bottom, left:right])

    @functools.cached_property
    def eyeballs(self) -> tuple[Eyeball, ...]:
        """The left eye of the picture and the right one, separated into layers on first use."""
        return tuple(Eyeball.at(self.photo, self.points, eye) for eye in (0, 1))

    @functools.cached_property
    def lids(self) -> tuple[Lid, ...]:
        """The skin and the lashes of the left eye of the picture and of the right one, found on first use."""
        return tuple(Lid.at(self.photo, self.points, eye) for eye in (0, 1))


@dataclass(frozen=True)
class Change:
    """The change of a photo by an edit.

    `moves` float64 [468, 3] displaces the landmarks, in photo pixels; `texture` float32 [P, 3] is added to the texture,
    in grey levels; `mouth` fills an opening mouth; `gaze` [2, 2] moves the irises, in photo pixels, the left of the
    picture first.
    """

    moves: np.ndarray
    texture: np.ndarray
    mouth: Filling | None = None
    gaze: np.ndarray = field(default_factory=lambda: np.zeros((2, 2)))

    @property
    def nothing(self) -> bool:
        """Whether the edit leaves the photo unchanged."""
        return all(float(np.abs(part).max()) < LEAST_CHANGE for part in (self.moves, self.texture, self.gaze))


Box = tuple[int, int, int, int]


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
    old, new = mesh.with_ring(inset_lips(before, after)), mesh.with_ring(after)
    box = box_of(np.concatenate([old, new]), width, height)
    left, top, right, bottom = box
    eyes = Eyes(view.photo, view.points, after, change.gaze, lambda: view.eyeballs, lambda: view.lids)
    region = Region(box, without_inside(eyes.skin(), before, after))
    order = mesh.order(np.concatenate([after, old[POINTS:]]))
    numbers = triangle_numbers(new[:, :2], mesh.triangles, order, region.grid)
    skin = region.warp(old[:, :2], new[:, :2], mesh.triangles, numbers)
    added = region.texture(new[:, :2], numbers, change.texture, frame)
    out = cv2.add(skin, added, dtype=cv2.CV_8U)  # rounds and clips to 0..255
    eyes.draw(out, box)
    draw_mouth(out, box, view.photo, before, after, change.mouth, view.blur)
    if is_grey(view.photo[top:bottom, left:right]):
        out = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return box, out


def is_grey(pixels: np.ndarray) -> bool:
    """Whether uint8 pixels [h, w, 3] have no colour, as in black-and-white photos."""
    coarse = pixels[::16, ::16].astype(np.int16)
    if (np.ptp(coarse, axis=2) > COLOURLESS).any():
        return False
    red, green, blue = cv2.split(pixels)
    return all(cv2.absdiff(a, b).max() <= COLOURLESS for a, b in ((red, green), (green, blue), (blue, red)))


class RingedMesh:
    """The face's triangles, extended to a fixed ring around its oval."""

    def __init__(self, points: np.ndarray) -> None:
        oval = points[OVAL]
        centre = oval.mean(axis=0)
        self.ring = centre + (oval - centre) * RING
        count = len(OVAL)
        ring = []
        for k in range(count):
            a, b = OVAL[k], OVAL[(k + 1) % count]
            ring += [(a, b, POINTS + k), (b, POINTS + (k + 1) % count, POINTS + k)]
        self.triangles = np.concatenate([face_mesh().triangles, np.array(ring, np.int32)])

    def with_ring(self, points: np.ndarray) -> np.ndarray:
        """Append the ring to points [468, 3]: [468 + 36, 3]."""
        return np.concatenate([points, self.ring])

    def order(self, points: np.ndarray) -> np.ndarray:
        """Return the triangles from far to near, the ring first, because the face is in front of its surroundings."""
        inner = len(face_mesh().triangles)
        face = far_to_near(points, self.triangles[:inner])
        return np.concatenate([np.arange(inner, len(self.triangles)), face])


class Region:
    """The box of a photo in which an edit draws, with the coarse grid on which its maps are evaluated."""

    def __init__(self, box: Box, photo: np.ndarray, cells: int = CELLS) -> None:
        self.left, self.top, self.right, self.bottom = box
        self.photo = photo
        self.width, self.height = self.right - self.left, self.bottom - self.top
        step = max(1, round(max(self.width, self.height) / cells))
        self.grid = Grid(self.left, self.top, step, -(-self.width // step), -(-self.height // step))

    def enlarged(self, coarse: np.ndarray) -> np.ndarray:
        """Enlarge values at the grid's cells [rows, columns, D] to the box's pixels [height, width, D]."""
        if self.grid.step == 1:
            return coarse
        extent = self.grid.columns * self.grid.step, self.grid.rows * self.grid.step
        return cv2.resize(coarse, extent, interpolation=cv2.INTER_LINEAR)[: self.height, : self.width]

    def warp(self, old: np.ndarray, new: np.ndarray, triangles: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Move the photo's pixels from points `old` to points `new` [N, 2]: uint8 [height, width, 3].

        `numbers` are the triangles of the new points at each cell.
        """
        shift = evaluate(affine_maps(old - new, new, triangles), numbers, self.grid)  # from target to source
        shift[numbers < 0] = 0
        return self.sample(self.enlarged(shift))

    def sample(self, shift: np.ndarray) -> np.ndarray:
        """Sample the photo at each pixel of the box plus `shift` [height, width, 2], in pixels."""
        x = shift[..., 0] + np.arange(self.left, self.right, dtype=np.float32)
        y = shift[..., 1] + np.arange(self.top, self.bottom, dtype=np.float32)[:, None]
        small = self.width * self.height < SMALL
        how = cv2.INTER_LANCZOS4 if small else cv2.INTER_CUBIC
        return cv2.remap(self.photo, x, y, how, borderMode=cv2.BORDER_REPLICATE)

    def texture(self, new: np.ndarray, numbers: np.ndarray, values: np.ndarray, frame: CanonicalFrame) -> np.ndarray:
        """Warp a change of texture [P, 3] to the new points: float32 [height, width, 3]."""
        triangles = face_mesh().triangles
        inside = np.where(numbers < len(triangles), numbers, -1)
        maps = affine_maps(face_mesh().canonical[:, :2] * frame.size, new[:POINTS], triangles)
        at = evaluate(maps, inside, self.grid) - np.float32(0.5)
        at[inside < 0] = -10
        faded = frame.image(values) * fade_out(frame.size)[..., None]
        coarse = cv2.remap(faded, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return self.enlarged(coarse.clip(*CHANGE_LIMITS))


@functools.cache
def fade_out(size: int) -> np.ndarray:
    """Return a mask [S, S] that is 1 inside the face and falls smoothly to 0 at its oval."""
    frame = canonical_frame(size)
    mask = frame.mask.astype(np.uint8)
    distance = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    t = np.clip((distance - 1) / (0.08 * frame.size), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def box_of(points: np.ndarray, width: int, height: int) -> Box:
    """Return the whole-pixel box around points [N, 2 or more], clipped to the photo."""
    low = np.floor(points[:, :2].min(axis=0)).astype(int) - 1
    high = np.ceil(points[:, :2].max(axis=0)).astype(int) + 1
    left, top = np.clip(low, 0, [width - 1, height - 1])
    right, bottom = np.clip(high, [left + 1, top + 1], [width, height])
    return int(left), int(top), int(right), int(bottom)


def held_back(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return points [468, 3] after an edit, with their movement smoothed where a skin triangle would turn over."""
    triangles = face_mesh().triangles[:SKIN_TRIANGLES]
    area, moves = signed_areas(before, triangles), after - before
    least = THIN * np.median(np.abs(area))
    for count in range(ROUNDS):
        new = signed_areas(before + moves, triangles)
        turned = (np.sign(new) != np.sign(area)) & (np.abs(area) > least) & (np.abs(new) > least)
        if not turned.any():
            break
        corners = np.flatnonzero((neighbours()[np.unique(triangles[turned])] > 0).any(axis=0))
        moves[corners] = (moves[corners] + neighbours()[corners] @ moves) / 2 * (1 if count < SMOOTHINGS else SHRINK)
    return before + moves


@functools.cache
def neighbours() -> np.ndarray:
    """Return a matrix [468, 468] whose rows average over the neighbours of a point in the skin."""
    adjacent = np.zeros((POINTS, POINTS))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        triangles = face_mesh().triangles[:SKIN_TRIANGLES]
        adjacent[triangles[:, a], triangles[:, b]] = adjacent[triangles[:, b], triangles[:, a]] = 1
    return adjacent / adjacent.sum(axis=1, keepdims=True).clip(1)


def draw_texture(photo: np.ndarray, points: np.ndarray, texture: np.ndarray, frame: CanonicalFrame) -> np.ndarray:
    """Draw a texture [P, 3] over the face at points [468, 3] in a photo uint8 [H, W, 3]; returns a new photo."""
    height, width = photo.shape[:2]
    box = box_of(points, width, height)
    region = Region(box, photo)
    triangles = face_mesh().triangles
    numbers = triangle_numbers(points[:, :2], triangles, far_to_near(points, triangles), region.grid)
    canonical = face_mesh().canonical[:, :2] * frame.size
    at = evaluate(affine_maps(canonical, points[:, :2], triangles), numbers, region.grid) - np.float32(0.5)
    drawn = cv2.remap(frame.image(texture.astype(np.float32)), at, None, cv2.INTER_LINEAR)
    inside = cv2.GaussianBlur((numbers >= 0).astype(np.float32), (0, 0), 1.0)
    share = region.enlarged((inside * (numbers >= 0))[..., None]).reshape(region.height, region.width, 1)
    out = photo.copy()
    part = out[region.top : region.bottom, region.left : region.right]
    part[:] = np.rint(part * (1 - share) + region.enlarged(drawn).clip(0, 255) * share)
    return out
