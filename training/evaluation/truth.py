"""Edits against the truth: people photographed neutral and smiling, so that the right answer is known.

For each person A, with B another one, the editor makes: `edit`, A's neutral photo with the smile of B by transfer;
`own`, the e of A's smiling photo on A's neutral one (no pixel of the smiling photo); `own_with_donor`, the same by
transfer, which may use the donor's pixels; `neutral`, the neutral of A's smiling photo. Figures:

found            share of those edits in which a face is found again; one without a face counts as no edit
progress         of `edit`: the share of the way from A's blendshapes to B's; progress_of_real_smile: of A's own smile
own, own_with_donor, neutral    error against the real photo as a share of no edit's: of the shape, and of the
                 shape-free texture inside the mouth, on the lips and on the skin, after a gain for each colour
mouth            detail inside the mouth of `own` as a share of the real smile's, where that shows teeth; median
same, same_copy  grey levels by which the face changes when A's own e is put on A, or that of a smaller, compressed copy
sharp, sharp_5   the sharpness of the face in `edit` as a share of the photo's: the mean and the 5th percentile
tone             |log gain| of the skin's colour channels in `edit`
ring, outside    grey levels by which `edit` changes just outside the old and new oval, and far from the face
identity         dlib's distance of A's neutral photo from `edit`, and from A's real smile
happy            the probability that fer's network calls `own` happy, and the real smile
"""

from __future__ import annotations

import csv
import functools
import io
import json
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
from training.data.photo_folders import EXTENSIONS
from training.evaluation.judges import (
    PARTS,
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
from training.evaluation.transfer import Track

DONOR_STEP = 7  # B is the person so many places further on
TEETH = 0.12  # height over width of the mouth above which a smile shows teeth
COPY_SCALE, COPY_QUALITY = 0.8, 85
OUTSIDE = 1.7  # face boxes: beyond, a photo is far from the face

SHARES = ("own", "own_with_donor", "neutral")  # rows hold the errors of the four PARTS, then those of no edit
COLUMNS = dict.fromkeys(SHARES, PARTS) | {"identity": ("edit", "real_smile"), "happy": ("edit", "real")}
DRAWS = 1000  # of the bootstrap, for the standard errors of a median and a percentile
FEWEST = 5  # people whose paired differences are worth a mean

Rows = dict[str, dict[str, list[float]]]  # by figure and person


@dataclass(frozen=True)
class Pair:
    """The two photos of one person."""

    person: str
    neutral: Path
    smiling: Path


@dataclass(frozen=True)
class Trial:
    """The photos of A, neutral and smiling, and of the donor B; `pictures`, what the editor made of them, uint8
    [H, W, 3] by name; `seen`, its edits with a face found again, or the photo they started from."""

    neutral: Seen
    smiling: Seen
    donor: Seen
    pictures: dict[str, np.ndarray]
    seen: dict[str, Seen]
    found: float


def find_pairs(folder: Path, use: str = "") -> list[Pair]:
    """The people whose ID_neutral.* and ID_smiling.* both lie in a folder, by ID; with `use`, those of whom people.csv
    (columns person, use) says so. Raises DatasetError where there are fewer than two."""
    photos = {path.stem: path for path in sorted(folder.glob("*_*")) if path.suffix.lower() in EXTENSIONS}
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
        raise DatasetError(f"There is no {path}. {advice}")
    with path.open(newline="", encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    if not rows or not {"person", "use"} <= rows[0].keys():
        raise DatasetError(f"{path} lacks the columns person and use. {advice}")
    return {row["person"] for row in rows if row["use"] == use}


def evaluate_truth(editor: Any, folder: Path, use: str, against: Path | None, track: Track) -> dict[str, Any]:
    """The figures of the pairs in a folder, and with the --json of an earlier measurement, `against` it, the paired
    differences, which are also printed. Raises DatasetError before anything is measured."""
    pairs, before = find_pairs(folder, use), read_rows(against) if against else None
    scores = measure_truth(editor, pairs, track)
    if before is not None:
        scores["against"] = compare(scores["rows"], before)
        print(compared(scores["against"]), file=sys.stderr)
    return scores


def measure_truth(editor: Any, pairs: list[Pair], track: Track) -> dict[str, Any]:
    """All figures, each with its standard error over people, and `rows`, from which they were computed.

    `editor` is a PortraitEditor, or what has its infer, edit, transfer and neutral. A person in whose photos no face
    is found is in `skipped`, with the reason.
    """
    judges, skipped = load_judges(), {}
    rows: Rows = {}
    step = DONOR_STEP if len(pairs) % DONOR_STEP else 1
    infer = functools.lru_cache(maxsize=4 * DONOR_STEP)(editor.infer)
    with FaceLandmarker() as landmarker:
        for k, pair in enumerate(track(pairs, "edits against the truth", len(pairs))):
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
    """A smaller copy, compressed as JPEG."""
    small, stream = cv2.resize(photo, None, fx=COPY_SCALE, fy=COPY_SCALE, interpolation=cv2.INTER_AREA), io.BytesIO()
    Image.fromarray(small).save(stream, "JPEG", quality=COPY_QUALITY)
    return Image.open(stream)


def person_rows(trial: Trial, judges: Judges) -> dict[str, list[float]]:
    """What is measured of one person, as the module says; without the lines of judges that are missing."""
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
    """Grey levels [H, W]."""
    return np.abs(picture.astype(np.float32) - seen.photo).mean(axis=2)


def _oval(seen: Seen, grow: float, photo: Seen) -> np.ndarray:
    """bool [H, W]: inside the face's outline, enlarged about its middle."""
    outline, inside = seen.face.points[OVAL, :2], np.zeros(photo.photo.shape[:2], np.uint8)
    centre = outline.mean(axis=0)
    cv2.fillPoly(inside, [np.round(centre + (outline - centre) * grow).astype(np.int32)], 1)
    return inside > 0


def per_person(name: str, row: dict[str, list[float]], people: list[str]) -> np.ndarray:
    """A figure of each person [N, K]; errors become shares of no edit's mean error."""
    table = np.array([row[person] for person in people])
    return table[:, :4] / table[:, 4:].mean(axis=0).clip(1e-9) if name in SHARES else table


def standard_error(values: np.ndarray) -> np.ndarray:
    """[N, K] -> that of the mean over N [K]; 0 for one person."""
    return values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.zeros(values.shape[1:])


def bootstrapped(values: np.ndarray, figure: Callable[..., Any]) -> np.ndarray:
    """[N, K] -> the standard error of another figure than the mean, from resamples of the people [K]."""
    drawn = np.random.default_rng(0).integers(0, len(values), (DRAWS, len(values)))
    return figure(values[drawn], axis=1).std(axis=0, ddof=1)


def summary(rows: Rows) -> dict[str, Any]:
    """The figures over people, and under `standard_errors` how sure each is."""
    figures: dict[str, Any] = {}
    spread: dict[str, Any] = {}
    for name, row in rows.items():
        values = per_person(name, row, list(row))
        median = name == "mouth"
        figures[name] = _named(name, np.median(values, axis=0) if median else values.mean(axis=0))
        spread[name] = _named(name, bootstrapped(values, np.median) if median else standard_error(values))
    if "sharp" in rows:
        fifth, values = functools.partial(np.percentile, q=5), np.array(list(rows["sharp"].values()))
        figures["sharp_5"], spread["sharp_5"] = (
            _named("", fifth(values, axis=0)),
            _named("", bootstrapped(values, fifth)),
        )
    return figures | {"standard_errors": spread}


def _named(name: str, values: np.ndarray) -> Any:
    numbers = [round(float(value), 4) for value in values]
    return dict(zip(COLUMNS[name], numbers, strict=True)) if name in COLUMNS else numbers[0]


def read_rows(path: Path) -> Rows:
    """The rows in an earlier --json; raises DatasetError for a file without them."""
    try:
        scores = json.loads(path.read_text(encoding="utf-8"))
        return scores.get("truth", scores)["rows"]
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{path} holds no measurement of pairs. Give a file that evaluate.py wrote with --pairs and --json."
        ) from error


def compare(rows: Rows, before: Rows) -> dict[str, dict[str, float | bool]]:
    """Paired differences to earlier rows, over the people in both: the mean `difference`, its `standard_error`, and
    whether it is `clear`, above two of them."""
    found: dict[str, dict[str, float | bool]] = {}
    for name, row in rows.items():
        both = [person for person in row if person in before.get(name, {})]
        if len(both) < FEWEST:
            continue
        change = per_person(name, row, both) - per_person(name, before[name], both)
        for column, mean, error in zip(
            COLUMNS.get(name, ("",)), change.mean(axis=0), standard_error(change), strict=True
        ):
            label = f"{name} {column}".strip()
            found[label] = {"difference": round(float(mean), 4), "standard_error": round(float(error), 4)}
            found[label]["clear"] = bool(abs(mean) > 2 * error)
    return found


def compared(differences: dict[str, dict[str, float | bool]]) -> str:
    """The differences as lines of text, starred where they are clear."""
    return "\n".join(
        f"{name}: {d['difference']:+.3f} (standard error {d['standard_error']:.3f}){' *' if d['clear'] else ''}"
        for name, d in differences.items()
    )
