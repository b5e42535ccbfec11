"""Write rbvae/faces/closed_lids.npz, a linear model of the lightness of closed eyes, from photos that show some.

python -m training.tools.fit_lids --photos photos/lfw photos/utkface --out rbvae/faces/closed_lids.npz

Eyes count as closed by their lids' distance and by the blendshape of blinking. They are shifted onto their mean, and
those that its principal components describe worst, such as eyes behind glasses, are left out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from rbvae.errors import DatasetError
from rbvae.faces.closed_lid import ABOVE, ALONG, around
from rbvae.faces.face import BLENDSHAPES, Face
from rbvae.faces.finding import find_faces
from rbvae.faces.gaze import openness
from rbvae.faces.landmarks import FaceLandmarker
from rbvae.faces.lid_skin import EyeSide
from training.data.photo_folders import list_photos
from training.data.progress import track
from training.engine.cli import run_command
from training.evaluation.strangers import framed

CLOSED, BLINKING = 0.09, 0.5  # largest distance of the lids, in widths of the eye, and least blendshape
WIDTH, TURNED = 18.0, 0.8  # least width of an eye, in pixels, and in widths of the other one
COMPONENTS, KEPT = 12, 0.82  # principal components of the model; share of eyes that are used
ROUNDS, SHIFT, SLACK = 6, 3, 1.2e-4  # of the alignment; pixels; cost of a shift by one pixel, as squared lightness
LEAST = 100  # eyes
BLINKS = [BLENDSHAPES.index("eyeBlinkLeft"), BLENDSHAPES.index("eyeBlinkRight")]
LIDS = np.s_[len(ABOVE) - 14 : len(ABOVE) + 12, np.searchsorted(ALONG, -0.1) : np.searchsorted(ALONG, 1.04)]


def closed_eyes(face: Face) -> list[EyeSide]:
    """Returns the eyes of a face that are closed."""
    eyes = [EyeSide.at(face.points, eye) for eye in (0, 1)]
    widths = [eye.opening.width for eye in eyes]
    if max(openness(eye.opening) for eye in eyes) > CLOSED or face.blendshapes[BLINKS].mean() < BLINKING:
        return []
    return [eye for eye, width in zip(eyes, widths, strict=True) if width > max(WIDTH, TURNED * max(widths))]


def measured(paths: list[Path]) -> np.ndarray:
    """Returns the colours [N, h, w, 3] of the closed eyes in photos, as logarithms; see rbvae.faces.closed_lid."""
    landmarker, found = FaceLandmarker(), []
    for path in track(paths, "photo"):
        photo = framed(path)
        faces, _ = find_faces(landmarker, photo)
        found += [around(photo, eye) for face in faces[:1] for eye in closed_eyes(face)]
    if len(found) < LEAST:
        raise DatasetError(f"{len(found)} closed eyes in {len(paths)} photos; give more photos, {LEAST} are needed")
    return np.stack(found)


def principal(light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean [h, w] of lightness [N, h, w] and its first components [COMPONENTS, h, w], of unit variance."""
    mean = light.mean(axis=0)
    _, sizes, components = np.linalg.svd((light - mean).reshape(len(light), -1), full_matrices=False)
    scaled = components[:COMPONENTS] * sizes[:COMPONENTS, None] / np.sqrt(len(light))
    return mean, scaled.reshape(COMPONENTS, *mean.shape)


def errors(light: np.ndarray, mean: np.ndarray, components: np.ndarray) -> np.ndarray:
    """Returns the root mean square [N] of what a model leaves of lightness [N, h, w]."""
    rest = (light - mean).reshape(len(light), -1)
    directions = components.reshape(len(components), -1)
    directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return np.sqrt(np.square(rest - rest @ directions.T @ directions).mean(axis=1))


def shifted(picture: np.ndarray, by: tuple[int, int]) -> np.ndarray:
    """Returns a picture moved by rows and columns; its edges are repeated."""
    rows, columns = (np.arange(size) - move for size, move in zip(picture.shape, by, strict=False))
    return picture[rows.clip(0, len(rows) - 1)][:, columns.clip(0, len(columns) - 1)]


def best_shift(light: np.ndarray, mean: np.ndarray) -> tuple[int, int]:
    """Returns by how many rows and columns lightness [h, w] is to be moved to look most like the mean at the lids."""

    def cost(by: tuple[int, int]) -> float:
        difference = (shifted(light, by) - mean)[LIDS]
        return float(difference.var()) + SLACK * (by[0] ** 2 + by[1] ** 2)

    moves = range(-SHIFT, SHIFT + 1)
    return min(((dy, dx) for dy in moves for dx in moves), key=cost)


def fit(colours: np.ndarray, out: Path) -> None:
    """Fits the model to colours [N, h, w, 3] of closed eyes and writes it."""
    skin = np.median(colours.reshape(len(colours), -1, 3), axis=1)
    colours = colours - skin[:, None, None]
    original = light = colours.mean(axis=-1)
    used = np.ones(len(light), bool)
    for _ in range(ROUNDS):
        mean, components = principal(light[used])
        rest = errors(light, mean, components)
        used = rest < np.quantile(rest, KEPT)
        light = np.stack([shifted(one, best_shift(one, mean)) for one in original])
    mean, components = principal(light[used])
    residual = float(np.sqrt(np.square(errors(light[used], mean, components)).mean()))
    deviation = original - original.mean(axis=0)
    hues = colours - original[..., None]
    hue = np.einsum("nhw,nhwc->c", deviation, hues - hues.mean(axis=0)) / np.square(deviation).sum()
    layers = np.stack([mean, *components])
    scales = np.abs(layers).max(axis=(1, 2)) / 127
    stored = np.rint(layers / scales[:, None, None]).astype(np.int8)
    saturation = float(np.median(np.linalg.norm(skin - skin.mean(axis=1, keepdims=True), axis=1)))
    np.savez_compressed(out, layers=stored, scales=scales, residual=residual, hue=hue, saturation=saturation)
    figures = f"residual {residual:.3f}, hue {np.round(hue, 3).tolist()}, saturation {saturation:.3f}"
    print(f"{used.sum()} of {len(light)} closed eyes; {figures}")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=Path, nargs="+", required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    options = parser.parse_args(argv)
    photos = [photo for folder in options.photos for photo in list_photos(folder) if photo.split == "train"]
    fit(measured([Path(photo.path) for photo in photos]), options.out)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
