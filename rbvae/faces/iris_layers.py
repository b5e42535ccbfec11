"""The iris and the reflections in it as layers: its typical colours by rings, and its hidden parts completed."""

from __future__ import annotations

import cv2
import numpy as np

from rbvae.faces.easing import smoothstep
from rbvae.faces.eye_patch import EyePatch
from rbvae.faces.openings import sample
from rbvae.faces.sclera import AROUND

RIM = 0.14  # of the iris's radius: half the width of its soft edge
BINS = 16  # rings of the iris in its radial profile
ENOUGH = 12  # pixels of the radius that suffice for the profile
TYPICAL = 0.35  # quantile of a ring's pixels, below the median because reflections are bright
BRIGHT = 26.0  # grey levels above its ring at which a pixel of the iris starts to count as a reflection
OUTSIDE = 1.4  # radii of the iris: beyond, and a pixel further, its layers are empty


def iris_layers(eye: EyePatch, white: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Separate an eye into the iris [h, w, 4] and reflections [h, w, 3]; see Eyeball. `white` lies behind them."""
    radius = eye.iris.radius
    share = iris_share(eye.distance, radius)[..., None]
    profile = radial_profile(eye)
    reflection = reflection_of(eye, profile)
    behind = (1 - share) * white
    plain = (eye.pixels - reflection - behind) * (eye.distance < OUTSIDE + 1 / radius)[..., None]
    return np.concatenate([completed(plain, (profile - behind) * share, eye), share], axis=2), reflection


def iris_share(distance: np.ndarray, radius: float) -> np.ndarray:
    """Return the iris's share of pixels at a distance from its centre, in radii: 1 inside, with a soft rim."""
    soft = RIM + 0.7 / radius
    t = np.clip((1 + soft - distance) / (2 * soft), 0, 1)
    return smoothstep(t).astype(np.float32)


def profile_step(radius: float) -> int:
    """Return the distance of the pixels that are measured for the profile of an iris."""
    return max(1, int(radius / ENOUGH))


def radial_profile(eye: EyePatch) -> np.ndarray:
    """Return the typical colour of the iris's visible pixels, without reflections, at each pixel's distance from its
    centre: float32 [h, w, 3]."""
    step = profile_step(eye.iris.radius)
    ring = (eye.distance[::step, ::step] * BINS).astype(int)
    some, is_seen = eye.pixels[::step, ::step], eye.seen[::step, ::step] > 0.5
    colours, known = np.zeros((int(AROUND * BINS) + 1, 3), np.float32), []
    for k in range(len(colours)):
        inside = some[(ring == k) & is_seen]
        if len(inside) >= 3:
            colours[k] = np.sort(inside, axis=0)[int(TYPICAL * len(inside))]
            known.append(k)
    if not known:
        return eye.pixels
    at = np.clip(eye.distance * BINS - 0.5, 0, len(colours) - 1)
    planes = [np.interp(at, known, colours[known, channel]) for channel in range(3)]
    return np.stack(planes, axis=-1).astype(np.float32)


def reflection_of(eye: EyePatch, profile: np.ndarray) -> np.ndarray:
    """Return the reflections of lights in the iris: what is much brighter than the rest of its ring."""
    brighter = cv2.transform(eye.pixels - profile, np.full((1, 3), 1 / 3))
    found = ((brighter > BRIGHT) & (eye.distance < 0.8) & (eye.seen > 0.2)).astype(np.uint8)
    size = max(1, round(0.12 * eye.iris.radius))
    spread = cv2.dilate(found, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * size + 1,) * 2))
    soft = cv2.GaussianBlur(spread.astype(np.float32), (0, 0), max(0.5, 0.06 * eye.iris.radius))
    return np.maximum(eye.pixels - profile, 0) * soft[..., None]


def completed(plain: np.ndarray, guess: np.ndarray, eye: EyePatch) -> np.ndarray:
    """Complete the iris's hidden parts by its mirror images: top from bottom, then both ways, then left from right.

    `guess` stands in where no mirror image is visible either.
    """
    total, weight = plain * eye.seen[..., None], eye.seen.copy()
    both = np.dstack([plain, eye.seen])
    for signs in ((1, -1), (-1, -1), (-1, 1)):
        image = sample(both, *mirrored_places(eye, *signs))
        share = np.clip(image[..., 3], 0, 1) * (1 - weight)
        total += image[..., :3] * share[..., None]
        weight += share
    return total + guess * (1 - weight)[..., None]


def mirrored_places(eye: EyePatch, sign_along: int, sign_across: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mirror image of each pixel's place about the iris's centre, along and across the eye."""
    along, across = eye.opening.axes()
    x, y = np.arange(eye.seen.shape[1]) + 0.5 - eye.iris.x, np.arange(eye.seen.shape[0])[:, None] + 0.5 - eye.iris.y
    a, b = sign_along * (x * along[0] + y * along[1]), sign_across * (x * across[0] + y * across[1])
    return eye.iris.x + a * along[0] + b * across[0], eye.iris.y + a * along[1] + b * across[1]
