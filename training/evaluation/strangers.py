"""Edits of unseen people: transfers twelve fixed smiles to held-out, nearly neutral faces, by age, sex and ethnicity.

Attributes come from UTKFace's file names; photos from other folders form a separate group. Each group has at least
EDITS edits if it has enough faces. A person's edits are averaged first, then people are averaged:

added     increase of the smile blendshape, the mean of mouthSmileLeft and mouthSmileRight
progress  share of the way from the face's blendshapes to the donor's
pose      rotation of the head in degrees, over edits in which a face is detected
found     share of edits in which a face is detected; edits without one have added and progress 0
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rbvae.errors import DatasetError, FaceNotFoundError, ImageError
from rbvae.faces.face import BLENDSHAPES, Face, expression_energy
from rbvae.faces.landmarks import FaceLandmarker
from rbvae.faces.mesh import POINTS, face_mesh
from rbvae.faces.pose import fit_pose
from rbvae.images.decoding import load_photo
from rbvae.images.folders import SUFFIXES
from training.data.photo_folders import ETHNICITIES, SEXES, Attributes, list_datasets
from training.data.progress import track
from training.evaluation.judges import face_in, mouth_opening, progress
from training.evaluation.truth import TEETH
from training.evaluation.truth_statistics import standard_error

AGES = {"age 0-12": (0, 12), "age 13-39": (13, 39), "age 40-64": (40, 64), "age 65+": (65, 200)}
UNKNOWN = "nothing known"
GROUPS = (*AGES, *SEXES, *ETHNICITIES, UNKNOWN)
DONORS, EDITS, EACH = 12, 120, 3  # number of smiles; minimum edits per group and per face
TIGHT, BORDER = 220, 0.25  # images up to this size in pixels count as tight crops and get a border of this share
NEAR_NEUTRAL = 0.78  # maximum expression energy: the lowest fifth of LFW and UTKFace
FRONTAL, TURNED = 15.0, 35.0  # maximum yaw in degrees of donors and of edited faces
SMILE = 0.6  # minimum smile blendshape of a donor
SMILES = [BLENDSHAPES.index("mouthSmileLeft"), BLENDSHAPES.index("mouthSmileRight")]
FIGURES = ("added", "progress", "pose", "found")
SHARED = ("added", "progress")  # also reported relative to the overall mean


@dataclass(frozen=True, eq=False)
class Stranger:
    """A photo with its face, in the coordinates of the photo with its border."""

    path: Path
    identity: str
    groups: tuple[str, ...]
    face: Face


def framed(path: Path) -> np.ndarray:
    """Loads a photo, uint8 [H, W, 3]; tight crops get a border, because otherwise no face is detected."""
    photo = load_photo(path, max_side=None)
    side = max(photo.shape[:2])
    border = round(BORDER * side) if side <= TIGHT else 0
    return cv2.copyMakeBorder(photo, border, border, border, border, cv2.BORDER_REPLICATE)


def groups_of(known: Attributes) -> tuple[str, ...]:
    """Returns the GROUPS a person belongs to."""
    ages = [name for name, (low, high) in AGES.items() if known.age is not None and low <= known.age <= high]
    return (*ages, *(name for name in (known.sex, known.ethnicity) if name)) or (UNKNOWN,)


def smile(face: Face) -> float:
    """Returns the smile blendshape, the mean over both mouth corners, 0 to 1."""
    return float(face.blendshapes[SMILES].mean())


def measure_strangers(editor: Any, folders: Sequence[Path], donors: Path | None, seed: int) -> dict[str, Any]:
    """Returns the scores of all groups, with standard errors and relative to the overall mean.

    `folders` hold original photos; only the test split of `seed` is used. `donors` is a folder of smiles to use
    instead of choosing them from the held-out faces. Raises DatasetError if no suitable face is found.
    """
    with FaceLandmarker() as landmarker:
        held_out = look(landmarker, folders, seed)
        smiles = given_donors(landmarker, donors) if donors else choose_donors(held_out)
        chosen = choose_faces(held_out, smiles, seed)
        portraits = [editor.infer(framed(donor.path)) for donor in smiles]
        rows, skipped = {}, {}
        start = 0
        for face, count in track(chosen.items(), "stranger"):
            lent = [(start + k) % len(smiles) for k in range(count)]
            start += count
            try:
                rows[face] = edit_rows(editor, landmarker, face, [(smiles[k], portraits[k]) for k in lent])
            except FaceNotFoundError as error:
                skipped[str(face.path)] = str(error)
    return {"donors": [donor.path.name for donor in smiles], "skipped": skipped} | summary(rows)


def look(landmarker: FaceLandmarker, folders: Sequence[Path], seed: int) -> list[Stranger]:
    """Returns the held-out photos in which a face is detected. Raises DatasetError if there are none."""
    photos = [photo for photo in list_datasets(folders, seed=seed) if photo.split == "test"]
    found = []
    for photo in track(photos, "held-out photo"):
        try:
            face = face_in(landmarker, framed(photo.path))
        except ImageError:
            continue
        if face:
            found.append(Stranger(photo.path, photo.identity, groups_of(photo.attributes), face))
    if not found:
        names = ", ".join(map(str, folders))
        raise DatasetError(f"No face was found in the held-out photos of {names}. Give folders with photos of faces.")
    return found


def choose_donors(held_out: list[Stranger]) -> list[Stranger]:
    """Chooses up to DONORS frontal smiles with teeth, of different people; deterministic.

    Raises DatasetError if there are none.
    """
    smiles = {stranger.identity: stranger for stranger in held_out if _toothy_smile(stranger.face)}
    chosen = sorted(smiles.values(), key=lambda s: hashlib.sha256(s.identity.encode()).digest())[:DONORS]
    if not chosen:
        raise DatasetError("No held-out photo shows a smile with teeth. Give more photos, or smiles with --donors DIR.")
    return chosen


def _toothy_smile(face: Face) -> bool:
    return abs(face.yaw) <= FRONTAL and smile(face) >= SMILE and mouth_opening(face) > TEETH


def given_donors(landmarker: FaceLandmarker, folder: Path) -> list[Stranger]:
    """Returns the first DONORS images of a folder, by name, in which a face is detected.

    Raises DatasetError if there are none.
    """
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES and path.name[0] != ".")
    seen = ((path, face_in(landmarker, framed(path))) for path in paths)
    found = [Stranger(path, path.stem, (), face) for path, face in seen if face][:DONORS]
    if not found:
        raise DatasetError(f"No face was found in {folder}. Give --donors a folder with pictures of smiling faces.")
    return found


def choose_faces(held_out: list[Stranger], donors: list[Stranger], seed: int) -> dict[Stranger, int]:
    """Chooses nearly neutral faces and the number of edits of each.

    A group gets EDITS / EACH faces with EACH edits. If it has fewer faces, they get more edits, at most one per donor.
    Raises DatasetError if no face is near neutral.
    """
    taken = {donor.identity for donor in donors}
    near = [s for s in held_out if s.identity not in taken and _near_neutral(s.face)]
    if not near:
        raise DatasetError("No held-out face is near neutral. Give more photos with --strangers.")
    order = np.random.default_rng(seed).permutation(len(near))
    members = {group: [near[k] for k in order if group in near[k].groups] for group in GROUPS}
    counts: dict[Stranger, int] = {}
    for group in sorted(GROUPS, key=lambda name: len(members[name])):  # the rarest first
        faces = sorted(members[group], key=lambda face: face not in counts)[: EDITS // EACH]
        for most in range(min(EACH, len(donors)), len(donors) + 1):
            for face in faces:
                if most <= EACH or sum(counts[other] for other in faces) < EDITS:
                    counts[face] = max(counts.get(face, 0), most)
    return counts


def _near_neutral(face: Face) -> bool:
    return float(expression_energy(face.blendshapes)) <= NEAR_NEUTRAL and abs(face.yaw) <= TURNED


def edit_rows(
    editor: Any, landmarker: FaceLandmarker, stranger: Stranger, donors: list[tuple[Stranger, Any]]
) -> np.ndarray:
    """Returns one row of FIGURES per donor; `donors` pairs each donor with its inferred portrait.

    The pose is NaN if no face is detected in the edit.
    """
    portrait, before = editor.infer(framed(stranger.path)), stranger.face
    rows = []
    for donor, donor_portrait in donors:
        edit = editor.transfer(expression_of=donor_portrait, onto=portrait)
        after = face_in(landmarker, np.asarray(edit.photo.convert("RGB")))
        if after is None:
            rows.append((0.0, 0.0, np.nan, 0.0))
            continue
        followed = progress(after, before, donor.face)
        rows.append((smile(after) - smile(before), followed, turned(before, after), 1.0))
    return np.array(rows)


def turned(before: Face, after: Face) -> float:
    """Returns the angle between two head poses in degrees."""
    one, other = (fit_pose(face.points[:POINTS], face_mesh().mean).rotation for face in (before, after))
    return float(np.degrees(np.arccos(np.clip((np.trace(one.T @ other) - 1) / 2, -1.0, 1.0))))


def summary(rows: dict[Stranger, np.ndarray]) -> dict[str, Any]:
    """Summarises the edits of all people and of each group."""
    overall = group_summary(list(rows.values()), None)
    groups = {
        group: group_summary(own, overall)
        for group in GROUPS
        if (own := [row for stranger, row in rows.items() if group in stranger.groups])
    }
    return {"overall": overall, "groups": groups}


def group_summary(rows: list[np.ndarray], overall: dict[str, Any] | None) -> dict[str, Any]:
    """Returns counts, means over people and standard errors for the edits of some people."""
    people = np.array([_mean_found(row) for row in rows])
    figures: dict[str, Any] = {"people": len(rows), "edits": sum(map(len, rows))}
    errors = {}
    for name, column in zip(FIGURES, people.T, strict=True):
        known = column[np.isfinite(column)]
        figures[name] = round(float(known.mean()), 4) if len(known) else None
        errors[name] = round(float(standard_error(known)), 4) if len(known) else None
        if overall and name in SHARED and overall[name]:
            figures[f"{name}_share"] = round(figures[name] / overall[name], 4)
            errors[f"{name}_share"] = round(errors[name] / abs(overall[name]), 4)
    return figures | {"standard_errors": errors}


def _mean_found(row: np.ndarray) -> np.ndarray:
    """Averages [edits, figures] over edits, ignoring NaN; a figure that is NaN in every edit stays NaN."""
    known = np.isfinite(row)
    return np.where(known.any(axis=0), np.where(known, row, 0).sum(axis=0) / known.sum(axis=0).clip(1), np.nan)
