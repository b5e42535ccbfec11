"""What a browser needs to draw edits of one face: all that depends on its photo, without the photo.

Everything is in pixels of the photo, or of a reduced photo if the face is larger than LARGEST; `origin` and `scale` in
the file convert back. The layers of the eyes, the lids and the teeth are computed by the library, so that the page only
places them.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch

from rbvae.editing.edits import Portrait
from rbvae.editing.packing import pack
from rbvae.editing.page_model import PageModel, bytes_of, jacobian
from rbvae.editing.portraits import PortraitEditor
from rbvae.editing.smaller import MARGIN, close_up
from rbvae.errors import ConfigError
from rbvae.faces.deforming import RingedMesh
from rbvae.faces.eyeball import Eyeball
from rbvae.faces.gaze import SHUT, openness
from rbvae.faces.lashes import FINEST, Lid
from rbvae.faces.lips import BETWEEN, SHOWN, lip_colour
from rbvae.faces.mesh import INNER_LIPS, LIDS, POINTS
from rbvae.faces.mouth import LEAST_BLUR, NOSE, Mouth, OwnMouth
from rbvae.faces.openings import Opening
from rbvae.faces.region import box_of
from rbvae.faces.rendering import is_grey
from rbvae.faces.teeth import BANK_BLUR, FINER, FOLLOWED, SHARPENED, UpperTeeth, shows_teeth

LARGEST = 900  # pixels of the longer side of a face; a larger one is reduced
GRAIN_STEP = FINEST / 96  # grey levels by which bytes of the skin's texture differ; 128 is none
ALONG = np.linspace(-0.1, 1.1, 61)  # positions along an eye at which the depth of its closed line is given


@dataclass(frozen=True)
class PortraitFiles:
    """Writes the files of portraits by one editor of a model of codes. Raises ConfigError for a model of images."""

    editor: PortraitEditor

    def __post_init__(self) -> None:
        if self.editor.faces is None:
            raise ConfigError(
                "this checkpoint observes images, so browsers do not draw it; give one that observes codes"
            )

    @functools.cached_property
    def model(self) -> PageModel:
        """The page's model."""
        assert self.editor.faces is not None
        return PageModel.of(self.editor.faces)

    @functools.cached_property
    def packed_model(self) -> bytes:
        """The file of the page's model, with the directions of the editor."""
        directions = [
            {"name": one.name, "sigma": one.sigma, "vector": one.vector.tolist()} for one in self.editor.directions
        ]
        return self.model.packed({"directions": directions, "gestures": list(self.editor.gestures)})

    def of(self, portrait: Portrait) -> bytes:
        """Return the file of one portrait."""
        face, faces = portrait.observed, self.editor.faces
        if face is None or faces is None:
            raise ConfigError("this face was observed by a model of images; open the photo again")
        left, top, right, bottom = portrait.box
        placed = self._placed(portrait)
        small = placed.observed
        assert small is not None
        scale = max(right - left, bottom - top) / max(placed.box[2] - placed.box[0], placed.box[3] - placed.box[1])
        by_texture, by_shape = self.model.coefficients(jacobian(faces, portrait.z, portrait.e))
        view, points = small.view, small.view.points
        box = box_of(RingedMesh(points[:POINTS]).with_ring(points[:POINTS]), *view.photo.shape[1::-1])  # as in draw
        height, width = portrait.source.shape[:2]
        about: dict[str, Any] = {
            "size": [width, height],
            "origin": [left - scale * placed.box[0], top - scale * placed.box[1]],
            "scale": scale,
            "rotation": small.pose.rotation.tolist(),
            "poseScale": small.pose.scale,
            "blur": view.blur,
            "grey": is_grey(view.photo[box[1] : box[3], box[0] : box[2]]),
        }
        arrays: dict[str, np.ndarray] = {
            "points": points.astype(np.float32),
            "e": portrait.e,
            "neutralE": self.editor.neutral_e(portrait).astype(np.float32),
            "byTexture": by_texture,
            "byShape": by_shape,
            "own": np.rint(face.texture.clip(0, 255)).astype(np.uint8),
            "covered": bytes_of(face.covered),
        }
        rest = faces.basis.shape_change(self._towards_reference(portrait))[0].numpy()
        about["mouth"] = mouth_of(view.photo, points)
        about["teeth"] = teeth_of(faces.teeth(small, rest), arrays)
        about["eyes"] = [
            eye_of(eye, points, view.eyeballs[eye], view.lids[eye], arrays) if is_open(points, eye) else None
            for eye in (0, 1)
        ]
        return pack(about, arrays)

    def mouth(self, portrait: Portrait, donor: Portrait) -> bytes:
        """Return the file of the mouth that a donor lends to a portrait, which fills its own; empty if it is closed."""
        mouth, placed = self.editor._mouth(donor, portrait), self._placed(portrait).observed
        if mouth is None or placed is None:
            return b""
        return donor_of(mouth, Opening.of(placed.view.points, INNER_LIPS).width)

    def _placed(self, portrait: Portrait) -> Portrait:
        """Return a portrait whose face is at most LARGEST pixels."""
        left, top, right, bottom = portrait.box
        too_large = max(right - left, bottom - top) > LARGEST
        placed = close_up(portrait, round(MARGIN * LARGEST)) if too_large else portrait
        assert isinstance(placed, Portrait)
        return placed

    def _towards_reference(self, portrait: Portrait) -> torch.Tensor:
        """Return the change of the code to G(z, e_ref), [1, K]."""
        model = self.editor.model
        with torch.inference_mode():
            es = torch.from_numpy(np.stack([portrait.e, self.editor.e_ref]))
            codes = model.decode(torch.from_numpy(portrait.z).expand(2, -1), es)
            return codes[1:] - codes[:1]


def is_open(points: np.ndarray, eye: int) -> bool:
    """Return whether an eye of landmarks [478, 3] shows its eyeball."""
    return openness(Opening.of(points, LIDS[eye])) > SHUT


def mouth_of(photo: np.ndarray, points: np.ndarray) -> dict[str, Any]:
    """Return the colours of a mouth in its photo, and whether it shows teeth."""
    opening = Opening.of(points, INNER_LIPS)
    own = OwnMouth(photo, opening, points[NOSE, :2].mean(axis=0))
    return {
        "between": (BETWEEN * lip_colour(photo, points)).tolist(),
        "showsTeeth": opening.gap > SHOWN and shows_teeth(photo, opening),
        "brightness": own.brightness,
    }


def teeth_of(teeth: UpperTeeth, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the place of a row of teeth, and add its picture [h, w, 4] to `arrays`, sharpened and blurred.

    UpperTeeth.fill sharpens and blurs in the photo's pixels; here the same is done in those of the row's picture.
    """
    scale = float(teeth.unit / teeth.row.unit)
    row = teeth.row.scaled(scale) if scale < FINER else teeth.row
    down = row.unit / teeth.unit
    colours, opaque = row.picture[..., :3].astype(np.float32), row.picture[..., 3].astype(np.float32)
    if down < 1:
        blurred = cv2.GaussianBlur(colours, (0, 0), 1.0)
        colours = colours + SHARPENED * (1 / down - 1) * (colours - blurred)
    extra = (FOLLOWED * teeth.blur) ** 2 - (BANK_BLUR / down) ** 2
    if extra > 0.04:
        colours, opaque = (cv2.GaussianBlur(one, (0, 0), float(np.sqrt(extra)) * down) for one in (colours, opaque))
    arrays["teeth"] = np.rint(np.dstack([colours, opaque]).clip(0, 255)).astype(np.uint8)
    return {
        "upper": row.upper.tolist(),
        "edge": row.edge.tolist(),
        "down": down,
        "along": down * float(np.cos(np.radians(row.yaw)) / np.cos(np.radians(teeth.yaw))),
        "place": teeth.edge.tolist(),
        "width": teeth.width,
        "gain": (teeth.colour / row.colour).tolist(),
        "brightness": float(teeth.colour.mean()),
    }


def donor_of(mouth: Mouth, width: float) -> bytes:
    """Return the file of a donor's mouth, for a face whose mouth has this `width` in pixels; see Mouth.fill."""
    scale = width / max(mouth.opening.width, 1e-6)
    fits = mouth.shrunk(scale) if scale < FINER and min(mouth.picture.shape[:2]) > 8 else mouth
    scale = width / max(fits.opening.width, 1e-6)
    picture, extra = fits.picture, fits.blur**2 - (fits.own_blur * scale) ** 2
    if extra > LEAST_BLUR:
        picture = cv2.GaussianBlur(picture, (0, 0), float(np.sqrt(extra)) / scale)
    lines = {"upper": fits.opening.upper.tolist(), "lower": fits.opening.lower.tolist()}
    return pack({**lines, "gain": np.asarray(fits.gain).tolist()}, {"picture": picture})


def eye_of(eye: int, points: np.ndarray, ball: Eyeball, lid: Lid, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the place of an eye, and add its layers to `arrays`: white, iris, skin, lashes and grain."""

    def add(name: str, layer: np.ndarray) -> str:
        arrays[f"{name}{eye}"] = np.rint(layer.clip(0, 255)).astype(np.uint8)
        return f"{name}{eye}"

    share = 255 * ball.iris[..., 3:]
    reflection = np.zeros_like(ball.white) if ball.reflection is None else ball.reflection
    return {
        "corner": list(ball.corner),
        "iris": [ball.place.x, ball.place.y, ball.place.radius],
        "layers": [add("white", ball.white), add("iris", np.dstack([ball.iris[..., :3], share]))],
        "reflection": None if ball.reflection is None else add("reflection", reflection),
        "highlight": None if ball.highlight is None else [*ball.highlight[0].tolist(), ball.highlight[1]],
        "lidCorner": list(lid.corner),
        "skin": add("skin", np.dstack([lid.skin, 255 * lid.lift])),
        "lashes": add("lashes", 255 * lid.lashes),
        "grain": add("grain", 128 + lid.grain / GRAIN_STEP),
        "grainStep": GRAIN_STEP,
        "depth": {"at": ALONG.tolist(), "value": lid.depth(ALONG[None])[0].tolist()},
    }
