"""How a model of shape and texture encodes a face, and how it draws changes of e."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import torch
from PIL import Image

from rbvae.editing.parts import Limit, part_weights
from rbvae.faces.boxes import square_at
from rbvae.faces.brows import natural_brows
from rbvae.faces.chin import natural_chin
from rbvae.faces.covering import covered_texels, covering
from rbvae.faces.easing import ramp
from rbvae.faces.eyes import natural_lids, still_lids
from rbvae.faces.glasses import below_glasses, worn
from rbvae.faces.infants import youth
from rbvae.faces.lips import parting, relaxed, shut
from rbvae.faces.mesh import INNER_LIPS, POINTS, face_mesh
from rbvae.faces.mouth import Filling
from rbvae.faces.openings import Opening
from rbvae.faces.own_mouth import base_of_nose
from rbvae.faces.pose import Pose, fit_pose
from rbvae.faces.rendering import Change, draw_texture
from rbvae.faces.shading import Shading, regions, skin_colour
from rbvae.faces.teeth import GUMS_AT_REST, HIDING, SHOWN_AT_REST, UpperTeeth, choose, rest_edge, unit_of
from rbvae.faces.teeth_colours import DRAWN, skin_around, teeth_colour, visible_teeth, whites
from rbvae.faces.texture import CanonicalFrame, canonical_frame
from rbvae.faces.view import FaceView
from rbvae.models.model import RbVAE

MARGIN = 1.3  # side of the square crop, in sides of the face's box
LARGEST_CROP = 512
SEEN = 0.5  # weight of measured teeth that are darker than estimated: lips shade them less in a smile
CLEAR = 5, 10  # heights of an open mouth, in units of the photo's blur, between which its teeth are measured
LIPS = [point for line in INNER_LIPS for point in line]
EXPRESSED = 1.1  # times the predicted change of shape: means of what is inferred fall short (docs/log.md)


@dataclass(frozen=True)
class ObservedFace:
    """A face in its photo, encoded for a model of codes.

    `view` has the photo and the landmarks [478, 3] in its pixels; `pose` converts to head coordinates. `texture`
    float32 [P, 3] is in grey levels, with hidden texels filled; `code` is float32 [K]. `outside` is the share of texels
    outside the photo; `covering` and `covered` [P] measure what covers the face, see rbvae.faces.covering; squeezed
    texels count as covered.
    """

    view: FaceView = field(repr=False)
    frame: CanonicalFrame = field(repr=False)
    pose: Pose = field(repr=False)
    texture: np.ndarray = field(repr=False)
    code: np.ndarray = field(repr=False)
    outside: float = 0.0
    covering: float = 0.0
    glasses: float = 0.0
    covered: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32), repr=False)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the landmarks, in photo pixels."""
        points = self.view.points[:, :2]
        left, top = points.min(axis=0)
        right, bottom = points.max(axis=0)
        return float(left), float(top), float(right), float(bottom)

    @functools.cached_property
    def skin(self) -> np.ndarray:
        """The colour of the skin [3], in grey levels."""
        return skin_colour(self.texture, regions(self.frame.size).skin > 0.9)

    @functools.cached_property
    def skin_around_mouth(self) -> np.ndarray:
        """The colour of the skin around the mouth [3], in grey levels."""
        skin = skin_around(self.view.photo, Opening.of(self.view.points, INNER_LIPS))
        return np.median(skin, axis=0) if len(skin) else self.skin

    @functools.cached_property
    def teeth_colour(self) -> np.ndarray:
        """The colour that the teeth have or would have in the photo [3], in grey levels.

        It is measured where the mouth shows them sharply, and estimated elsewhere. As blur makes teeth darker, a
        brighter measured colour counts in any case.
        """
        view = self.view
        brightest = float(np.percentile(self.texture[regions(self.frame.size).skin > 0.9].mean(axis=1), 98))
        estimate = teeth_colour(whites(view.photo, view.points), self.skin_around_mouth, brightest, view.sharpness)
        opening = Opening.of(view.points, INNER_LIPS)
        seen = visible_teeth(view.photo, opening) if view.has_teeth else None
        if seen is None:
            return estimate
        if seen.mean() > estimate.mean():
            return seen
        clear = ramp(view.in_blurs(opening.gap * opening.width), *CLEAR)
        return estimate + SEEN * clear * (seen - estimate)


class FaceModel:
    """Encodes faces for a model of codes, and converts changes of e to changes of a photo."""

    def __init__(self, model: RbVAE) -> None:
        self.model, self.basis = model, model.basis
        self.frame = canonical_frame(model.config.image_size)
        mean = self.frame.joined(self.basis.texture_mean.numpy()[None].repeat(2, axis=0))
        self.shading = Shading(self.frame, mean)
        weights = part_weights(("brows",), self.frame)
        assert weights is not None
        self._with_brows = weights[0]

    @torch.inference_mode()
    def observe(self, photo: np.ndarray, points: np.ndarray) -> ObservedFace:
        """Encode a face in a photo uint8 [H, W, 3] with landmarks [478, 3] in its pixels."""
        points = np.asarray(points, np.float64)
        pose = fit_pose(points[:POINTS], face_mesh().mean)
        texture = self.frame.sample(photo, points)
        halves = torch.from_numpy(self.frame.halves(texture.values))[None]
        visible = torch.from_numpy(self.frame.halves(texture.visible[:, None])[..., 0])[None]
        if not texture.visible.all():
            halves = self.basis.filled(halves, visible)
        shape = torch.from_numpy(pose.to_head(points[:POINTS])).float()[None]
        code = self.basis.encode(halves, shape)
        filled = self.frame.joined(halves[0].numpy())
        residual = np.abs(filled - self.frame.joined(self.basis.texture(code)[0].numpy())).mean(axis=1)
        places = self.frame.positions(points[:, :2])
        outside = 1 - float(((places >= 0) & (places <= photo.shape[1::-1])).all(axis=1).mean())
        return ObservedFace(
            FaceView(photo, points),
            self.frame,
            pose,
            filled,
            code[0].numpy(),
            outside,
            covering(residual, texture.visible, self.frame.size),
            worn(photo, points),
            np.maximum(covered_texels(residual, self.frame.size), self.frame.squeezed(points)),
        )

    @torch.inference_mode()
    def changes(
        self,
        face: ObservedFace,
        z: np.ndarray,
        e: np.ndarray,
        es: np.ndarray,
        limit: Limit | None = None,
        mouth: Filling | None = None,
        closing: np.ndarray | None = None,
    ) -> list[Change]:
        """Return the changes G(z, e') - G(z, e) of a face with latents z [D_z], e [D_e] for each e' in `es` [N, D_e].

        `limit` limits them to parts of the face; `mouth` fills an opening mouth; `closing` [N], in [0, 1], closes the
        lips.
        """
        e_ref = self.model.e_ref.cpu().numpy()
        limited = es[:0] if limit is None or limit.es is None else limit.es
        rows = torch.from_numpy(np.concatenate([e[None], e_ref[None], es, limited]).astype(np.float32))
        codes = self.model.decode(torch.from_numpy(z).expand(len(rows), -1), rows)
        difference = codes[1:] - codes[:1]
        difference[(rows[1:] == rows[:1]).all(dim=1)] = 0  # exactly, although batches may round differently
        textures = self.frame.joined(self.basis.texture_change(difference[1:]).numpy())
        rest, *shapes = self.basis.shape_change(difference).numpy()
        mouth = mouth or self.teeth(face, rest)
        if closing is None:
            closing = np.zeros(len(es))
        of_lips = 1.0 if limit is None else limit.points[LIPS].mean()
        changes = []
        for number, shut_by in enumerate(closing * of_lips):
            held = number + len(es) * bool(len(limited))  # what the parts hold
            shape = shapes[number] - shapes[held] * (0 if limit is None else 1 - limit.points[:, None])
            change = self.change(face, shape, textures[number], mouth, shut_by)
            if limit is not None:  # last, as shading spreads changes
                texture, smile = (change.texture, change.smile) if held == number else self.added(face, textures[held])
                rest = 1 - limit.texels
                texture = change.texture - texture * rest[:, None]
                smile = change.smile - smile * float(self.shading.regions.folds @ rest)
                change = replace(change, texture=texture, smile=max(0.0, smile))
            changes.append(change)
        return changes

    @torch.inference_mode()
    def reconstruction(self, face: ObservedFace, z: np.ndarray, e: np.ndarray) -> Image.Image:
        """Draw the texture and shape of G(z, e) into the square crop."""
        code = self.model.decode(torch.from_numpy(z)[None], torch.from_numpy(e)[None])
        texture = self.frame.joined(self.basis.texture(code)[0].numpy())
        points = face.pose.to_photo(self.basis.shape(code)[0].numpy())
        square = np.asarray(square_of(face.view.photo, face.box))
        x, y, side = square_place(face.box, face.view.photo.shape)
        return Image.fromarray(draw_texture(square, (points - [x, y, 0]) * len(square) / side, texture, self.frame))

    @torch.inference_mode()
    def reconstruction_error(self, face: ObservedFace, z: np.ndarray, e: np.ndarray) -> float:
        """Return the mean absolute error of the texture of G(z, e), in grey levels."""
        code = self.model.decode(torch.from_numpy(z)[None], torch.from_numpy(e)[None])
        texture = self.frame.joined(self.basis.texture(code)[0].numpy())
        return float(np.abs(texture - face.texture).mean())

    def change(
        self,
        face: ObservedFace,
        shape: np.ndarray,
        texture: np.ndarray,
        mouth: Filling | None = None,
        closing: float = 0.0,
    ) -> Change:
        """Convert changes of shape [468, 3], in head coordinates, and texture [P, 3] to the Change of a photo."""
        gain = EXPRESSED + closing * (1 - EXPRESSED)  # not on the way to the neutral face
        moves = gain * shape.astype(np.float64) @ face.pose.rotation.T / face.pose.scale
        before = face.view.points[:POINTS]
        after = before + moves
        if closed := closing or parting(before, after):
            after = after + closed * (shut(after, before) - after)
        if closing:
            after = after + closing * (relaxed(after, before) - after)
        moves = after - before
        moves = natural_lids(face.view.points, still_lids(face.view.points, moves))
        moves = natural_brows(face.view.points, moves, self._with_brows)
        moves = natural_chin(face.view.points, moves)
        moves = below_glasses(moves, face.glasses)
        added, smile = self.added(face, texture)
        return Change(moves, added, mouth, smile=smile)

    def added(self, face: ObservedFace, texture: np.ndarray) -> tuple[np.ndarray, float]:
        """Convert a change of texture [P, 3] to what is added to a face in its light, float32 [P, 3].

        The second is the share of a smile that disappears.
        """
        seen = 1 - face.covered
        _, ratio = self.shading.relative(texture, face.texture)
        smile = self.shading.smile(ratio) * float(self.shading.regions.folds @ seen)
        return self.shading.apply(texture, face.texture, youth(face.view.points)) * seen[:, None], smile

    def teeth(self, face: ObservedFace, rest: np.ndarray) -> UpperTeeth:
        """Return a row of teeth of the bank for a face, or gums for an infant.

        `rest` [468, 3] is the change of its shape to the neutral one.
        """
        before = face.view.points[:POINTS]
        neutral = shut(before + rest.astype(np.float64) @ face.pose.rotation.T / face.pose.scale, before)
        row, gums = choose(face.pose.yaw, face.skin), face.view.is_infant
        row = row.gums() if gums else row
        edge = rest_edge(neutral, GUMS_AT_REST if gums else SHOWN_AT_REST) - base_of_nose(neutral)
        width = Opening.of(neutral, INNER_LIPS).width
        view = face.view
        behind = Opening.of(before, INNER_LIPS).gap > HIDING and not view.has_teeth
        unit, yaw = unit_of(before), face.pose.yaw
        colour = face.teeth_colour / DRAWN
        return UpperTeeth(row, edge, unit, yaw, width, colour, view.blur, view.haze, gums, behind, view.toothless)


def square_place(box: tuple[float, float, float, float], size: tuple[int, ...]) -> tuple[int, int, int]:
    """Return left, top and side, in pixels, of the square crop around a face's box (MARGIN).

    It stays within a photo of `size` (height, width, ...), and becomes smaller for that, as far as the face allows.
    """
    left, top, right, bottom = box
    height, width = size[:2]
    face = max(right - left, bottom - top)
    side = max(2, round(min(MARGIN * face, max(face, min(height, width)))))
    x, y = round((left + right - side) / 2), round((top + bottom - side) / 2)
    x, y = (min(max(at, 0), length - side) if side <= length else at for at, length in ((x, width), (y, height)))
    return x, y, side


def square_of(photo: np.ndarray, box: tuple[float, float, float, float]) -> Image.Image:
    """Cut out the square crop around a face's box, at most LARGEST_CROP pixels wide.

    Where the face itself is larger than the photo, edge pixels are repeated.
    """
    x, y, side = square_place(box, photo.shape)
    square = square_at(photo, x, y, side)
    if side > LARGEST_CROP:
        square = cv2.resize(square, (LARGEST_CROP, LARGEST_CROP), interpolation=cv2.INTER_AREA)
    return Image.fromarray(np.ascontiguousarray(square))
