"""Fit the weights of rbvae/faces/teeth_colours.py, how bright and how coloured teeth are, to photos of smiles.

python -m training.tools.fit_teeth --photos photos/lfw photos/utkface photos/synthetic

Prints the weights, and the deviations that are left, in logarithms. Of sharp photos there are few, in good light, so
only the constants are fitted to them. Smiles that the editor draws on other faces show whether their teeth come out as
bright: lips shade them, gaps and blur darken them.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from rbvae.editing import Portrait, PortraitEditor
from rbvae.errors import DatasetError, FaceNotFoundError
from rbvae.faces.mesh import INNER_LIPS
from rbvae.faces.openings import Opening
from rbvae.faces.teeth_colours import NATURAL_SKIN, SHARP, SHARPNESS, brightness_of, in_light, tint_of, whites
from training.data.photo_folders import list_photos
from training.data.progress import track
from training.engine.cli import run_command
from training.evaluation.strangers import framed

CLOSED, OPEN, SMILE = 0.03, (0.1, 0.25), 1.6  # gaps of calm mouths and of smiles; sigmas that are drawn
MOST_YAW, LEAST_PIXELS, LEAST = 25.0, 20, 100  # degrees; pixels of a mouth; smiles
SKINS = 95.0, 120.0, 150.0  # grey levels between dark and light skin: groups of faces that weigh alike


@dataclass(frozen=True)
class Teeth:
    """Colours [3] of the teeth in a smile, of the eyes' white and of the skin around the mouth, in grey levels.

    `sharpness` is the photo's, see FaceView; `given` [3] is the colour that teeth of a drawn smile ought
    to have, None for a real smile.
    """

    teeth: np.ndarray
    eyes: np.ndarray
    skin: np.ndarray
    sharpness: float
    given: np.ndarray | None = None


def measured(editor: PortraitEditor, path: Path) -> Teeth | None:
    """Returns what a smile in a photo, or one drawn on a calm face, shows; None for other photos."""
    portrait, given = found(editor, framed(path)), None
    if portrait is None or (face := portrait.observed) is None or abs(face.pose.yaw) > MOST_YAW:
        return None
    if Opening.of(face.view.points, INNER_LIPS).gap < CLOSED:
        given = face.teeth_colour
        portrait = found(editor, np.asarray(editor.edit(portrait, {"smile": SMILE}).photo))
        if portrait is None or (face := portrait.observed) is None:
            return None
    elif not face.view.has_teeth:
        return None
    photo, opening = face.view.photo, Opening.of(face.view.points, INNER_LIPS)
    inside = opening.pixels(photo, 0.7).astype(np.float64)
    if not OPEN[0] < opening.gap < OPEN[1] or len(inside) < LEAST_PIXELS:
        return None
    white = in_light(whites(photo, face.view.points), face.skin_around_mouth)
    return Teeth(brightness_of(inside), white, face.skin_around_mouth, face.view.sharpness, given)


def found(editor: PortraitEditor, photo: np.ndarray) -> Portrait | None:
    """Returns the face in a photo, None if there is none."""
    try:
        return editor.infer(Image.fromarray(photo))
    except FaceNotFoundError:
        return None


def logarithms(colour: np.ndarray) -> np.ndarray:
    """Returns the logarithms of a colour's brightness and of its red and blue, relative to the mean: [3]."""
    colour = np.maximum(colour, 8.0)
    return np.array([np.log(colour.mean()), *tint_of(colour)])


def balanced_fit(values: list[np.ndarray], target: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, float]:
    """Returns the weights of a constant and of `values`, and the residual's deviation; `groups` [N] weigh alike."""
    x = np.column_stack([np.ones(len(target)), *values])
    root = np.sqrt(1 / np.bincount(groups)[groups])
    weights = np.linalg.lstsq(x * root[:, None], target * root, rcond=None)[0]
    return weights, float((target - x @ weights).std())


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=Path, nargs="+", required=True, metavar="DIR")
    parser.add_argument("--checkpoint", default="checkpoints/faces", metavar="DIR", help="default checkpoints/faces")
    parser.add_argument("--count", type=int, default=3000, help="photos of each folder (default 3000)")
    options = parser.parse_args(argv)
    rng, editor = np.random.default_rng(0), PortraitEditor.from_pretrained(options.checkpoint)
    paths: list[Path] = []
    for folder in options.photos:
        photos = [Path(photo.path) for photo in list_photos(folder) if photo.split == "train"]
        paths += [photos[k] for k in rng.permutation(len(photos))[: options.count]]
    rows = [one for path in track(paths, "photo") if (one := measured(editor, path)) is not None]
    real, drawn = [row for row in rows if row.given is None], [row for row in rows if row.given is not None]
    if min(len(real), len(drawn)) < LEAST:
        raise DatasetError(f"{len(real)} smiles and {len(drawn)} calm faces in {len(paths)} photos; give {LEAST}")
    given = [np.log(row.teeth / row.given) for row in drawn if row.given is not None]
    print(f"drawn teeth are {np.exp(np.mean(given, axis=0)).round(3).tolist()} times as bright as those of the photo")
    teeth, eyes, skin = (
        np.array([logarithms(getattr(row, name)) for row in real]) for name in ("teeth", "eyes", "skin")
    )
    sharpness = np.array([row.sharpness for row in real])
    soft, sharp = sharpness < SHARPNESS[0], sharpness >= SHARPNESS[1]
    groups = np.digitize(skin[:, 0], np.log(SKINS))
    natural = (np.clip(skin[:, 1:], *NATURAL_SKIN) == skin[:, 1:]).all(axis=1)
    print(f"{soft.sum()} blurred smiles and {sharp.sum()} sharp ones")
    for row, name in enumerate(("brightness", "red", "blue")):
        used = soft & natural if row else soft
        weights, spread = balanced_fit([eyes[used, row], skin[used, row]], teeth[used, row], groups[used])
        rest = (teeth - SHARP[row, 1] * eyes - SHARP[row, 2] * skin)[sharp, row]
        print(f"{name}: BLURRED {weights.round(3).tolist()}, deviation {spread:.3f}; "
              f"SHARP {rest.mean():.3f}, deviation {rest.std():.3f}")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
