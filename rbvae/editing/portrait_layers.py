"""The layers of a portrait's file: mouth, teeth and eyes, as numbers for its header and pictures as arrays of bytes."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from rbvae.editing.packing import pack
from rbvae.editing.page_model import bytes_of
from rbvae.faces.eyeball import Eyeball
from rbvae.faces.gaze import SHUT, openness
from rbvae.faces.lashes import FINEST, Lid
from rbvae.faces.mesh import LIDS
from rbvae.faces.mouth import LEAST_BLUR, Mouth
from rbvae.faces.openings import Opening
from rbvae.faces.own_mouth import OwnMouth
from rbvae.faces.teeth import BANK_BLUR, FINER, UpperTeeth, followed, sharpening
from rbvae.faces.view import FaceView

GRAIN_STEP = FINEST / 96  # grey levels by which bytes of the skin's texture differ; 128 is none
ALONG = np.linspace(-0.1, 1.1, 61)  # positions along an eye at which the depth of its closed line is given


def is_open(points: np.ndarray, eye: int) -> bool:
    """Return whether an eye of landmarks [478, 3] shows its eyeball."""
    return openness(Opening.of(points, LIDS[eye])) > SHUT


def mouth_of(view: FaceView, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the colours of a mouth in its photo, what teeth it shows and keeps, and where its lips begin.

    What reaches down to its teeth is added to `arrays` [h, w].
    """
    mouth = OwnMouth(view)
    arrays["downToTeeth"] = bytes_of(view.down_to_teeth)
    return {
        "softness": view.softness,
        "between": view.between_lips.tolist(),
        "showsTeeth": view.has_teeth,
        "keepsTeeth": list(mouth.keeps_teeth),
        "bared": mouth.bared,
        "lipEdges": view.lip_edges.round(3).tolist(),
        "belowTeeth": mouth.below_teeth,
        "lowerTeeth": view.shows_lower_teeth,
        "bite": None if view.bite is None else [view.bite.middle, view.bite.curve],
        "light": mouth.cavity.light.tolist(),
        "haze": view.haze,
    }


def teeth_of(teeth: UpperTeeth, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the place of a row of teeth, and add its picture [h, w, 4] to `arrays`, sharpened and blurred.

    What is behind them is added, too, as `cavity` [h, w, 3].

    UpperTeeth.fill sharpens and blurs in the photo's pixels; here the same is done in those of the row's picture.
    """
    scale = float(teeth.unit / teeth.row.unit)
    row = teeth.row.scaled(scale) if scale < FINER else teeth.row
    down = row.unit / teeth.unit
    colours, opaque = row.picture[..., :3].astype(np.float32), row.picture[..., 3].astype(np.float32)
    if down < 1:
        blurred = cv2.GaussianBlur(colours, (0, 0), 1.0)
        colours = colours + sharpening(down) * (colours - blurred)
    extra = followed(teeth.blur) ** 2 - (BANK_BLUR / down) ** 2
    if extra > 0.04:
        colours, opaque = (cv2.GaussianBlur(one, (0, 0), float(np.sqrt(extra)) * down) for one in (colours, opaque))
    arrays["cavity"] = np.rint(teeth.cavity.picture.clip(0, 255)).astype(np.uint8)
    arrays["teeth"] = np.rint(np.dstack([colours, opaque]).clip(0, 255)).astype(np.uint8)
    return {
        "upper": row.upper.tolist(),
        "edge": row.edge.tolist(),
        "ends": row.ends,
        "down": down,
        "along": down * float(np.cos(np.radians(row.yaw)) / np.cos(np.radians(teeth.yaw))),
        "place": teeth.edge.tolist(),
        "width": teeth.width,
        "gums": teeth.gums,
        "behind": teeth.behind,
        "gain": (teeth.colour / teeth.row.colour).tolist(),
        "light": teeth.cavity.light.tolist(),
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
    """Return the place of an eye, and add its layers to `arrays`: white, iris, skin, lashes, grain and closed."""

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
        "lashes": add("lashes", 255 * lid.hairs),
        "grain": add("grain", 128 + lid.grain / GRAIN_STEP),
        "closed": add("closed", lid.closed),
        "grainStep": GRAIN_STEP,
        "fringe": lid.fringe,
        "shade": lid.shade.tolist(),
        "depth": {"at": ALONG.tolist(), "value": lid.depth(ALONG[None])[0].tolist()},
    }
