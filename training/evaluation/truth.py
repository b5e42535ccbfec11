"""Compares edits with real photos of people who were photographed both neutral and smiling.

For each person A and another person B, the editor makes four edits. `edit` transfers the smile of B to A's neutral
photo. `own` applies the e of A's smiling photo to A's neutral photo, without pixels of the smiling photo.
`own_with_donor` does the same by transfer, which may use the donor's pixels. `neutral` neutralises A's smiling photo.
Scores:

found            share of these edits in which a face is detected; an edit without one is scored as the unedited photo
progress         share of the way from A's blendshapes to B's in `edit`; progress_of_real_smile: in A's real smile
own, own_with_donor, neutral    error relative to the unedited photo's error, against the real photo: of the shape, and
                 of the aligned texture inside the mouth, on the lips and on the skin, after a gain per colour channel
mouth            detail inside the mouth in `own` relative to the real smile, if that shows teeth; median
same, same_copy  change of the face in grey levels when A's own e, or the e of a smaller, compressed copy, is applied
sharp, sharp_5   sharpness of the face in `edit` relative to the photo: mean and 5th percentile
tone             |log gain| of the skin's colour channels in `edit`
ring, outside    change in grey levels in `edit` just outside the old and new face oval, and far from the face
identity         dlib's distance between A's neutral photo and `edit`, and between it and A's real smile
happy            probability of "happy" by fer's network for `own` and for the real smile
"""

from __future__ import annotations

import csv
import functools
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from rbvae.errors import DatasetError, RbvaeError
from rbvae.faces.landmarks import FaceLandmarker
from rbvae.faces.mesh import OVAL
from rbvae.images.decoding import load_photo
from rbvae.images.folders import SUFFIXES
from training.data.progress import track
from training.evaluation.judges import (
    Judges,
    Seen,
    box_of,
    errors,
    load_judges,
    mouth_detail,
    mouth_opening,
    progress,
    regions,
    see,
)
from training.evaluation.truth_statistics import SHARES, Rows, compare, compared, read_rows, summary

DONOR_STEP = 7  # B is this many places after A in the list of people
TEETH = 0.12  # height over width of the mouth above which a smile counts as showing teeth
COPY_SCALE, COPY_QUALITY = 0.8, 85
OUTSIDE = 1.7  # the area outside a box this many times as large as the face box counts as far from the face


@dataclass(frozen=True)
class Pair:
    """The neutral and the smiling photo of one person."""

    person: str
    neutral: Path
    smiling: Path


@dataclass(frozen=True)
class Trial:
    """The neutral and smiling photos of A, the photo of the donor B, and the edits.

    `pictures` are the edits uint8 [H, W, 3] by name. `seen` are the detected faces of the edits, or the unedited photo
    if no face is detected. `found` is the share of edits with a detected face.
    """

    neutral: Seen
    smiling: Seen
    donor: Seen
    pictures: dict[str, np.ndarray]
    seen: dict[str, Seen]
    found: float


def find_pairs(folder: Path, use: str = "") -> list[Pair]:
    """Returns the pairs ID_neutral.* and ID_smiling.* in a folder, sorted by file name.

    `use` keeps only people with this value in people.csv (columns person and use). Raises DatasetError if there are
    fewer than two pairs or people.csv is missing or invalid.
    """
    photos = {
        path.stem: path
        for path in sorted(folder.glob("*_*"))
        if path.suffix.lower() in SUFFIXES and path.name[0] != "."
    }
    people = [name.removesuffix("_smiling") for name in photos if name.endswith("_smiling")]
    if use:
        chosen = _people_for(use, folder / "people.csv")
        people = [person for person in people if person in chosen]
    pairs = [Pair(p, photos[f"{p}_neutral"], photos[f"{p}_smiling"]) for p in people if f"{p}_neutral" in photos]
    if len(pairs) < 2:
        which = f" of people for {use}" if use else ""
        raise DatasetError(
            f"{folder} holds {len(pairs)} pairs of photos{which}. "
            "Give a folder with ID_neutral.jpg and ID_smiling.jpg of at least two people."
        )
    return pairs


def _people_for(use: str, path: Path) -> set[str]:
    advice = "Add it, with the columns person and use, or leave --use out."
    if not path.is_file():
        raise DatasetError(f"No file at {path}. {advice}")
    with path.open(newline="", encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    if not rows or not {"person", "use"} <= rows[0].keys():
        raise DatasetError(f"{path} lacks the columns person and use. {advice}")
    return {row["person"] for row in rows if row["use"] == use}


def evaluate_truth(editor: Any, folder: Path, use: str, against: Path | None) -> dict[str, Any]:
    """Returns the scores of the pairs in a folder.

    `against` is the --json file of an earlier evaluation; the paired differences from it are added and printed. Raises
    DatasetError if the folder or `against` cannot be used, before anything is measured.
    """
    pairs, before = find_pairs(folder, use), read_rows(against) if against else None
    scores = measure_truth(editor, pairs)
    if before is not None:
        scores["against"] = compare(scores["rows"], before)
        print(compared(scores["against"]), file=sys.stderr)
    return scores


def measure_truth(editor: Any, pairs: list[Pair]) -> dict[str, Any]:
    """Returns all scores with standard errors over people, and the `rows` from which they were computed.

    `editor` is a PortraitEditor or an object with the same infer, edit, transfer and neutral methods. People who cannot
    be measured, for example because no face is detected, are listed in `skipped` with the reason.
    """
    judges, skipped = load_judges(), {}
    rows: Rows = {}
    step = DONOR_STEP if len(pairs) % DONOR_STEP else 1
    infer = functools.lru_cache(maxsize=4 * DONOR_STEP)(editor.infer)
    with FaceLandmarker() as landmarker:
        for k, pair in enumerate(track(pairs, "person")):
            try:
                trial = _try(editor, infer, landmarker, pair, pairs[(k + step) % len(pairs)].smiling)
            except RbvaeError as error:
                skipped[pair.person] = str(error)
                continue
            for name, row in person_rows(trial, judges).items():
                rows.setdefault(name, {})[pair.person] = [round(float(value), 6) for value in row]
    people = {"people": len(pairs) - len(skipped), "skipped": skipped, "not_measured": judges.absent}
    return people | summary(rows) | {"rows": rows}


def _try(editor: Any, infer: Callable, landmarker: FaceLandmarker, pair: Pair, donor: Path) -> Trial:
    a, s, b = (_see_photo(landmarker, path) for path in (pair.neutral, pair.smiling, donor))
    at_rest, smile = infer(pair.neutral), infer(pair.smiling)
    edits = {
        "edit": editor.transfer(expression_of=infer(donor), onto=at_rest),
        "own": editor.edit(at_rest, smile.e),
        "own_with_donor": editor.transfer(expression_of=smile, onto=at_rest),
        "neutral": editor.neutral(smile),
        "same": editor.edit(at_rest, at_rest.e),
        "same_copy": editor.edit(at_rest, editor.infer(_copy(a.photo)).e),
    }
    pictures = {name: np.asarray(edit.photo.convert("RGB")) for name, edit in edits.items()}
    seen = {name: see(landmarker, pictures[name]) for name in ("edit", *SHARES)}
    unedited = {name: s if name == "neutral" else a for name in seen}
    found = float(np.mean([view is not None for view in seen.values()]))
    return Trial(a, s, b, pictures, {name: view or unedited[name] for name, view in seen.items()}, found)


def _see_photo(landmarker: FaceLandmarker, path: Path) -> Seen:
    seen = see(landmarker, load_photo(path, max_side=None))
    if seen is None:
        raise DatasetError(f"No face was found in {path.name}. Use a front-facing photo.")
    return seen


def _copy(photo: np.ndarray) -> Image.Image:
    """Returns a smaller, JPEG-compressed copy."""
    small, stream = cv2.resize(photo, None, fx=COPY_SCALE, fy=COPY_SCALE, interpolation=cv2.INTER_AREA), io.BytesIO()
    Image.fromarray(small).save(stream, "JPEG", quality=COPY_QUALITY)
    return Image.open(stream)


def person_rows(trial: Trial, judges: Judges) -> dict[str, list[float]]:
    """Returns the measurements of one person by score (see the module), without those of missing judges."""
    a, s, b = trial.neutral, trial.smiling, trial.donor
    edit, own, pictures = trial.seen["edit"], trial.seen["own"], trial.pictures
    box, skin = box_of(a.face), regions()["skin"]
    rows = {
        "found": [trial.found],
        "progress": [progress(edit.face, a.face, b.face)],
        "progress_of_real_smile": [progress(s.face, a.face, b.face)],
        "own": [*errors(own, s), *errors(a, s)],
        "own_with_donor": [*errors(trial.seen["own_with_donor"], s), *errors(a, s)],
        "neutral": [*errors(trial.seen["neutral"], a), *errors(s, a)],
        "same": [_change(pictures["same"], a)[box].mean()],
        "same_copy": [_change(pictures["same_copy"], a)[box].mean()],
        "sharp": [edit.sharpness / max(a.sharpness, 1e-6)],
        "tone": [np.abs(np.log(edit.texture[skin].mean(axis=0) / a.texture[skin].mean(axis=0))).mean()],
    }
    if mouth_opening(s.face) > TEETH:
        rows["mouth"] = [mouth_detail(pictures["own"], own.face) / max(mouth_detail(s.photo, s.face), 1e-6)]
    change, far = _change(pictures["edit"], a), np.ones(a.photo.shape[:2], bool)
    far[box_of(a.face, OUTSIDE)] = False
    ring = _oval(a, 1.25, a) & ~_oval(a, 1.05, a) & ~_oval(edit, 1.05, a)
    rows |= {name: [change[where].mean()] for name, where in (("ring", ring), ("outside", far)) if where.any()}
    if judges.recogniser:
        at_rest, edited, smile = (judges.recogniser.describe_photo(x) for x in (a.photo, pictures["edit"], s.photo))
        if at_rest is not None and edited is not None and smile is not None:
            rows["identity"] = [float(np.linalg.norm(at_rest - other)) for other in (edited, smile)]
    if judges.expressions:
        rows["happy"] = [judges.expressions.happy(pictures["own"], own.face), judges.expressions.happy(s.photo, s.face)]
    return rows


def _change(picture: np.ndarray, seen: Seen) -> np.ndarray:
    """Returns the absolute difference per pixel in grey levels [H, W]."""
    return np.abs(picture.astype(np.float32) - seen.photo).mean(axis=2)


def _oval(seen: Seen, grow: float, photo: Seen) -> np.ndarray:
    """Returns the mask bool [H, W] of the face's outline, enlarged by `grow` about its centre."""
    outline, inside = seen.face.points[OVAL, :2], np.zeros(photo.photo.shape[:2], np.uint8)
    centre = outline.mean(axis=0)
    cv2.fillPoly(inside, [np.round(centre + (outline - centre) * grow).astype(np.int32)], 1)
    return inside > 0
