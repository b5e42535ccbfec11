"""The colours of teeth: whether a mouth in a photo shows them clearly, and which ones those of a face would have."""

from __future__ import annotations

import numpy as np

from rbvae.faces.easing import ramp
from rbvae.faces.mesh import LIDS
from rbvae.faces.openings import Opening

BRIGHT, COLOURFUL, TOOTHY = 0.75, 0.3, 0.3  # relative brightness and colourfulness of teeth, and their least share
DIM, LESS_RED = 0.65, 0.08  # in coloured light: relative brightness, and how much less red than skin (log ratio)
AROUND = 0.3  # of a mouth's width: how far the skin around it reaches
# Weights of a constant, the eyes' white and the skin for the logarithms of brightness and of red and blue to the mean:
# in blurred photos, where teeth take on more of the skin around them, and in sharp ones, where eyes show their white.
BLURRED = np.array([[1.89, 0.21, 0.42], [0.05, 0.17, 0.41], [-0.02, 0.19, 0.40]])
SHARP = np.array([[1.62, 0.50, 0.20], [0.03, 0.17, 0.30], [-0.005, 0.23, 0.43]])
DRAWN = np.array([0.86, 0.83, 0.83])  # red, green and blue of teeth as drawn, in the lip's shadow, of those given
SHARPNESS = 25, 40  # widths of the eye, in units of the photo's blur, between the two
# Light is coloured where the skin's red and blue are beyond this, and colours teeth as much.
NATURAL_SKIN = np.array([0.1, -0.5]), np.array([0.5, -0.05])
LEAST_WHITE = 0.8  # of the skin's brightness: whites of eyes that are darker are in shadow, painted, or behind glasses
LEAST_VISIBLE = 20  # pixels of teeth whose colour is measured
SHADED = 0.7  # brightness of pixels in gaps or shadows, of that of teeth
ALONE = np.array([0.87, 0.84, 0.84])  # colour of teeth in a smile with its gaps and shadows, of that of teeth alone
MOST_CONTRAST = 1.7  # largest brightness of teeth relative to the brightest skin


def shows_teeth(photo: np.ndarray, opening: Opening) -> bool:
    """Return whether a mouth in a photo uint8 [H, W, 3] shows teeth clearly, so that it can lend them."""
    colours = opening.pixels(photo, 0.9).astype(np.float32)
    return len(colours) >= 8 and max(kind.mean() for kind in teeth_among(colours, photo, opening)) > TOOTHY


def teeth_among(colours: np.ndarray, photo: np.ndarray, opening: Opening) -> tuple[np.ndarray, np.ndarray]:
    """Return two masks [N] of which colours [N, 3] of a mouth are those of teeth.

    The first has bright, nearly colourless ones, the second, for coloured light, those that are not dim and less red
    than the skin around the mouth.
    """
    left, top, right, bottom = opening.box(1, photo.shape[1], photo.shape[0])
    brightness, around = colours.mean(axis=1), np.percentile(photo[top:bottom, left:right].mean(axis=2), 75)
    bright = (brightness > BRIGHT * around) & (np.ptp(colours, axis=1) < COLOURFUL * (colours.max(axis=1) + 1))
    skin = skin_around(photo, opening)
    if not len(skin):
        return bright, np.zeros(len(colours), bool)
    pale = redness(colours) < np.median(redness(skin)) - LESS_RED
    return bright, pale & (brightness > DIM * np.median(skin.mean(axis=1)))


def skin_around(photo: np.ndarray, opening: Opening) -> np.ndarray:
    """Return the brighter half of the pixels [N, 3] around a mouth: without lips and shadows."""
    left, top, right, bottom = box = opening.box(AROUND * opening.width, photo.shape[1], photo.shape[0])
    skin = photo[top:bottom, left:right][opening.mask(box, 0) < 0.01].astype(np.float32)
    return skin[skin.mean(axis=1) >= np.median(skin.mean(axis=1))] if len(skin) else skin


def redness(colours: np.ndarray) -> np.ndarray:
    """Return the log ratio [...] of red to green and blue of colours [..., 3], in grey levels."""
    red, green, blue = np.moveaxis(np.log(colours + 8), -1, 0)
    return red - (green + blue) / 2


def teeth_colour(eyes: np.ndarray, skin: np.ndarray, brightest: float, sharpness: float = SHARPNESS[1]) -> np.ndarray:
    """Return the colour [3] of the teeth of a face as they appear in the photo, see `brightness_of`, in grey levels.

    It is estimated from the eyes' white [3] and the colour of the skin around the mouth [3]; `brightest` is the
    brightest grey level of the face, `sharpness` the width of an eye in units of the photo's blur. The weights are
    those of training/tools/fit_teeth.py.
    """
    eyes, skin = in_light(np.maximum(eyes, 8.0), skin), np.maximum(skin, 8.0)
    of_brightness, *of_colour = BLURRED + ramp(np.float64(sharpness), *SHARPNESS) * (SHARP - BLURRED)
    level = np.exp(of_brightness @ [1.0, np.log(eyes.mean()), np.log(skin.mean())])
    of_skin = tint_of(skin)
    beyond = of_skin - of_skin.clip(*NATURAL_SKIN)
    known = np.stack([np.ones(2), tint_of(eyes), of_skin - beyond], axis=1)
    red, blue = (of_colour * known).sum(axis=1) + beyond
    return min(float(level), MOST_CONTRAST * brightest) * np.exp([red, -red - blue, blue])


def in_light(eyes: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Return the eyes' white [3] as it is where eyes are in the same light as the skin [3], see LEAST_WHITE."""
    return eyes * max(1.0, LEAST_WHITE * float(skin.mean() / eyes.mean()))


def visible_teeth(photo: np.ndarray, opening: Opening) -> np.ndarray | None:
    """Return the colour [3] of the teeth of an open mouth in a photo uint8 [H, W, 3], None if they are not clear."""
    colours = opening.pixels(photo, 0.5).astype(np.float64)
    if not len(colours) or not shows_teeth(photo, opening):
        return None
    teeth = colours[np.any(teeth_among(colours, photo, opening), axis=0)]
    luma = teeth.mean(axis=1)
    teeth = teeth[luma > SHADED * np.percentile(luma, 95)]
    return ALONE * brightness_of(teeth) if len(teeth) >= LEAST_VISIBLE else None


def tint_of(colour: np.ndarray) -> np.ndarray:
    """Return the log ratios [2] of red and blue to the mean of a colour [3]."""
    return np.log(colour[[0, 2]]) - np.log(colour).mean()


def whites(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the colour [3] of the white of the eyes in a photo uint8 [H, W, 3] with landmarks [468 or more, 3]."""
    pixels = np.concatenate([Opening.of(points, lids).pixels(photo, 0.5) for lids in LIDS]).astype(np.float64)
    if not len(pixels):
        return np.full(3, 150.0)
    colour = brightness_of(pixels)
    return colour * (np.percentile(pixels.mean(axis=1), 95) / max(float(colour.mean()), 1.0))


def brightness_of(pixels: np.ndarray) -> np.ndarray:
    """Return the colour [3] of teeth in pixels [N, 3]: the mean of the brighter ones, without highlights."""
    luma = pixels.mean(axis=1)
    low, high = np.percentile(luma, [60, 95])
    brighter = (luma >= low) & (luma <= high)
    return pixels[brighter if brighter.any() else luma >= low].mean(axis=0)  # of two pixels, none lies between
