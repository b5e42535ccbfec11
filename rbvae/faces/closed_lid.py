"""The lids of a closed eye, predicted from the skin around an open one.

The lightness is that of a linear model of closed eyes, fitted to photos by training/tools/fit_lids.py, which agrees
best with the skin around; the colour is that of the skin, and redder where it is dark, as with closed eyes in photos.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from rbvae.faces.easing import ramp
from rbvae.faces.gaze import MEET
from rbvae.faces.lid_skin import EyeSide, means_around
from rbvae.faces.openings import sample

DATA = Path(__file__).with_name("closed_lids.npz")
STEP = 0.025  # of the eye's width: distance of the model's pixels
# Where these lie: along the eye from its outer corner (0) to the inner one (1); above the line of the closed eye, where
# the brow is at -1; and below it, in widths of the eye.
ALONG, ABOVE, BELOW = np.linspace(-0.4, 1.3, 69), np.linspace(-1.2, 0, 37)[:-1], np.linspace(0, 0.5, 21)
S, T = np.meshgrid(ALONG, np.concatenate([ABOVE, BELOW]))
BROW = (0.18, 0.9)  # of the eye's width: least and largest distance of the brow
STRETCHED = -0.8  # skin is stretched from here down to the lid's edge when the eye closes
# How far pixels show what is not in a photo of the open eye, and how far they are drawn, in [0, 1].
WITHIN = ramp(S, -0.32, -0.17) * ramp(S, 1.2, 1.07)
UNKNOWN = WITHIN * np.where(T < 0, ramp(T, -0.97, -0.8), ramp(T, 0.2, 0.1))
DRAWN = WITHIN * np.where(T < 0, ramp(T, -0.95, -0.55), ramp(T, 0.2, 0.1))
# Deviations that are expected of the lightness: of skin in sight, and so much more in place of the eye that what has
# been filled in there hardly counts.
EXPECTED = 0.05 + UNKNOWN * np.where(T < 0, 0.1 + 1.3 * ramp(T, -0.75, -0.45), 1.4)
ALIKE = 30.0  # pixels that vary together, as neighbours do
STRANGE, ROUNDS = 0.25, 4  # deviation at which a pixel counts half, as one of hair or glasses; rounds of the fit
LEVEL, TILTS = 0.5, (0.3, 0.2)  # deviations of the lightness of the whole, and across the patch
DARK = 0.03  # of white: added to levels before their logarithm
SHADOWS = 35, 0.25  # percentile of the lightness above which the skin is measured; what is darker by this is no skin
SKIN_HUE = 0.25  # difference of hue at which a pixel counts half for the hue of the lid
SHADOW_HUE = 0.6  # share of the model's change of hue with lightness, in photos of usual saturation
EXPOSED = 0.3, 0.4  # of white: skin nearer to it has fewer, but more coloured shadows; least share of them
SATURATION = 85  # percentile of the size of hues around the eye, that tells this; white skin has none
HUE_AROUND = 0.6  # share of the hue's changes around the eye that its lids follow
SPREADS = (20, 10, 5)  # pixels: sizes over which deviations around the eye continue into it
HAIRY, HAIR = -0.5, (-0.15, -0.4)  # what is this much darker, as a logarithm, up there is brow or glasses, and stays
# Folds of the lid, finer than FOLD pixels, stay: range of their lightness, as a logarithm, their end above the lid,
# and pixels of the eye's width in which they become visible.
FOLD, FOLDED, FOLDS_TO, FOLDS_FROM = 2.5, (-0.12, 0.06), -0.15, (30, 60)
LINE = (-0.14, 0.1)  # of the eye's width: where the lashes make the lids darker
# Darkness of the roots of lashes in usual photos, how far that of the line follows it, and range of the result.
USUAL_LASHES, FOLLOWED, LINES = 0.8, 0.7, (0.6, 1.5)
KEPT = 0.2  # share of that in photos that are sharp enough for lashes to be drawn
RESOLVED = 0.05, 0.02  # blur, in widths of the eye, at which no lashes are drawn, and all
# The picture of a closed eye: its first place along the eye and across it, in widths, and its size.
LEFT, TOP, COLUMNS, ROWS = -0.4, -0.9, 73, 57
AROUND = 0.86  # of the eye's width: how far from the lids it is not transparent


@dataclass(frozen=True)
class LidModel:
    """A linear model of the lightness of closed eyes: `mean` [h, w], `components` [K, h, w] of unit variance and the
    deviation `residual` that they leave. `hue` [3] says how red, green and blue change with lightness, all as natural
    logarithms; `saturation` is the usual size of the skin's hue."""

    mean: np.ndarray
    components: np.ndarray
    residual: float
    hue: np.ndarray
    saturation: float

    def fit(self, light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the model's closest closed eye to lightness [h, w], less that of the skin, and each pixel's weight.

        Pixels that deviate much count little.
        """
        basis, target = self.basis, (light - self.mean).ravel()
        weight, coefficients = np.ones_like(target), np.zeros(len(basis))
        variance = ALIKE * (EXPECTED.ravel() ** 2 + self.residual**2)
        for _ in range(ROUNDS):
            weighted = basis * (weight / variance)
            coefficients = np.linalg.solve(weighted @ basis.T + np.eye(len(basis)), weighted @ target)
            weight = 1 / (1 + ((target - coefficients @ basis) / STRANGE) ** 2)
        return self.mean + (coefficients @ basis).reshape(light.shape), weight.reshape(light.shape)

    @functools.cached_property
    def basis(self) -> np.ndarray:
        """The components, the lightness of the whole, and its slopes: [K + 3, h * w]."""
        slopes = [tilt * (at - at.mean()) / np.ptp(at) * 2 for tilt, at in zip(TILTS, (S, T), strict=True)]
        return np.stack([*self.components, np.full_like(S, LEVEL), *slopes]).reshape(-1, S.size)


@functools.cache
def lid_model() -> LidModel:
    """Load the model of closed eyes."""
    with np.load(DATA, allow_pickle=False) as data:
        mean, *components = data["layers"].astype(np.float64) * data["scales"][:, None, None]
        return LidModel(mean, np.stack(components), float(data["residual"]), data["hue"], float(data["saturation"]))


def grid_positions(eye: EyeSide, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the photo positions x and y [h, w] of what the model's pixels show, in a photo resized by `scale`.

    An open eye has less skin above it, which stretches when it closes.
    """
    opening = eye.opening
    s = eye.inwards(S)
    upper, lower = opening.lines(s)
    line, brow = closed_line(eye, s), brow_distance(eye, s)
    fixed = line + STRETCHED * brow
    above = np.where(T < STRETCHED, line + T * brow, fixed + (1 - T / STRETCHED) * np.maximum(upper - fixed, 0))
    x, y = opening.positions(s, np.where(T < 0, above, lower + T * opening.width))
    return scale * x, scale * y


def closed_line(eye: EyeSide, s: np.ndarray) -> np.ndarray:
    """Return the distances of the line of the closed eye from the axis of the open one, in pixels, at each `s`."""
    upper, lower = eye.opening.lines(s)
    return upper + MEET * np.maximum(lower - upper, 0)


def brow_distance(eye: EyeSide, s: np.ndarray) -> np.ndarray:
    """Return how far the brow lies above the line of the closed eye, in pixels, at each `s`."""
    return (closed_line(eye, s) - eye.brow_line(s)).clip(*np.multiply(BROW, eye.opening.width))


def around(pixels: np.ndarray, eye: EyeSide) -> np.ndarray:
    """Return the logarithms of red, green and blue, float64 [h, w, 3], that the model's pixels have in a picture."""
    pitch = STEP * eye.opening.width
    scale = min(1.0, 1 / pitch)
    if scale < 1:
        size = [max(1, round(scale * side)) for side in pixels.shape[1::-1]]
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    levels = sample(np.float32(pixels), *grid_positions(eye, scale)).clip(0, 255)
    return np.log(levels / 255.0 + DARK)


def predict(colours: np.ndarray) -> np.ndarray:
    """Return the logarithms [h, w, 3] of the closed eye for those around an open one that was taken out."""
    model, light = lid_model(), colours.mean(axis=-1)
    known = UNKNOWN < 0.1
    skin = colours[known & (light >= np.percentile(light[known], SHADOWS[0]))]
    base = np.median(skin, axis=0)
    level, hue = base.mean(), base - base.mean()
    fitted, weight = model.fit(light - level)
    weight = np.float32(weight * (1 - UNKNOWN))
    fitted += means_around((light - level - fitted)[..., None], weight, SPREADS, np.zeros(1))[..., 0]
    deviation = colours - light[..., None] - hue
    like_skin = weight * (light > level - SHADOWS[1]) / (1 + (deviation**2).sum(axis=-1) / SKIN_HUE**2)
    hues = hue + HUE_AROUND * means_around(deviation, np.float32(like_skin), SPREADS[:2], np.zeros(3))
    saturation = float(np.percentile(np.linalg.norm(colours - light[..., None], axis=-1)[known], SATURATION))
    exposed = 1 + DRAWN[..., None] * (np.clip((1 - np.exp(level)) / EXPOSED[0], EXPOSED[1], 1) - 1)
    shadows = SHADOW_HUE * min(1.2, saturation / model.saturation) * model.hue / exposed
    return level + exposed * fitted[..., None] * (1 + shadows) + hues


def resolved(blur: float, width: float) -> float:
    """Return how far a photo with this `blur` shows the lashes of an eye of this `width`, in pixels: in [0, 1]."""
    return float(ramp(blur / width, *RESOLVED))


def with_line(colours: np.ndarray, eye: EyeSide, blur: float, lashes: float) -> np.ndarray:
    """Return a closed eye [h, w, 3] whose line is as dark as the person's `lashes` make it.

    Sharp photos keep a share of it, as they get drawn lashes.
    """
    width = eye.opening.width
    strength = float(np.clip((max(lashes, 0) / USUAL_LASHES) ** FOLLOWED, *LINES))
    share = strength * (1 - (1 - KEPT) * resolved(blur, width))
    distance = np.where(T < 0, T * brow_distance(eye, eye.inwards(S)) / width, T)
    result = colours.copy()
    for column, at in enumerate(distance.T):
        near = (at > LINE[0]) & (at < LINE[1])
        for channel, values in enumerate(colours[:, column].T):
            straight = np.interp(at[near], LINE, np.interp(LINE, at, values))
            result[near, column, channel] = straight + share * np.minimum(values[near] - straight, 0)
    return result


def closed_lid(pixels: np.ndarray, eye: EyeSide, blur: float, lashes: float = USUAL_LASHES) -> np.ndarray:
    """Return a picture of the closed eye, float32 [ROWS, COLUMNS, 4]: red, green, blue and opacity in 0..255.

    `pixels` [h, w, 3], in grey levels, show an eye's surroundings, and skin in its place; `blur` is in pixels, and
    `lashes` is the natural logarithm by which the roots of the open eye's lashes are darker than skin. Columns lie STEP
    apart along the eye, from LEFT, and rows across it, from TOP; 0 is the line of the closed eye.
    """
    seen = around(pixels, eye)
    predicted = predict(seen)
    light = seen.mean(axis=-1)
    folds = (light - cv2.GaussianBlur(light, (0, 0), FOLD)).clip(*FOLDED) * ramp(T, FOLDS_TO, 2 * FOLDS_TO)
    colours = with_line(predicted, eye, blur, lashes) + ramp(eye.opening.width, *FOLDS_FROM) * folds[..., None]
    hair = np.where(T < HAIRY, ramp((seen - predicted).mean(axis=-1), *HAIR), 0)
    drawn = cv2.GaussianBlur(np.float32(DRAWN * (1 - hair)), (0, 0), 1.5)
    levels = ((np.exp(colours) - DARK).clip(0, 1) * 255).astype(np.float32)
    s, across = np.meshgrid(LEFT + STEP * np.arange(COLUMNS), TOP + STEP * np.arange(ROWS))
    above = across * eye.opening.width / brow_distance(eye, s)
    rows = np.where(across < 0, (above - ABOVE[0]) / (ABOVE[1] - ABOVE[0]), len(ABOVE) + across / STEP)
    columns = (eye.inwards(s) - ALONG[0]) / STEP
    at = np.float32(columns), np.float32(rows)
    levels = cv2.remap(levels, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    opacity = cv2.remap(drawn, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return np.dstack([levels, 255 * opacity])
