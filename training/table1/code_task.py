"""Table 1 on codes of a face's shape and texture, whose basis is fitted to the training side alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rbvae.config import BasisSize
from rbvae.extensions.closed_form import CodeStatistics
from rbvae.faces.texture import canonical_frame
from rbvae.models.basis import Basis
from training.data.codes import FRONTAL, aligned, light_of, lighting_of, pose_of, relit_changes
from training.data.fit_basis import code_of, fit_basis
from training.data.folders import PreparedFolder
from training.data.image_sets import FaceCodes
from training.data.prepared_faces import PreparedFaces, load_prepared
from training.table1.prepared_task import Sides, notes_of, sides_of, task_of
from training.table1.task import Task

COMPONENTS = {"texture_even": 100, "texture_odd": 50, "shape_even": 24, "shape_odd": 16}
KEPT = 1  # textures that FaceCodes keeps; Table 1 draws none


def load_face_codes(dataset: str, folder: Path) -> Task:
    """Loads the codes of all faces turned by at most FRONTAL degrees. Raises DatasetError if the folder cannot be used.

    Fitting the basis takes a minute or two.
    """
    train, test = (load_prepared(folder, split) for split in ("train", "test"))
    kept = [faces[np.flatnonzero(np.abs(faces.yaw) <= FRONTAL)] for faces in (train, test)]
    faces = joined(*kept)
    sides = sides_of(dataset, folder, faces.label, faces.identity, len(kept[0]))
    size = BasisSize(texels=len(canonical_frame(faces.size).left), **COMPONENTS)
    rows = np.concatenate([sides.train, sides.references])
    basis, _ = fit_basis(aligned(faces[rows]), size)
    codes = code_of(basis, aligned(faces))
    turned = len(train) + len(test) - len(faces)
    notes = (
        *notes_of(PreparedFolder(folder), sides),
        f"{turned:,} faces turned by more than {FRONTAL:g}° are left out",
    )
    task = task_of(dataset, codes, sides, notes)
    return dataclasses.replace(task, codes=statistics_of(basis, faces, codes, sides))


def joined(a: PreparedFaces, b: PreparedFaces) -> PreparedFaces:
    """Returns the faces of both."""
    columns: dict[str, Any] = {}
    for field in dataclasses.fields(a):
        one, other = getattr(a, field.name), getattr(b, field.name)
        if isinstance(one, np.ndarray):
            columns[field.name] = np.concatenate([one, other])
        elif isinstance(one, list):
            columns[field.name] = one + other
    return PreparedFaces(size=a.size, **columns)


def statistics_of(basis: Basis, faces: PreparedFaces, codes: Tensor, sides: Sides) -> FaceCodes:
    """Returns what the closed form needs, from the training side alone."""
    rows = np.concatenate([sides.train, sides.references])
    trained, x = faces[rows], codes[torch.from_numpy(rows)]
    frame = canonical_frame(faces.size)
    lighting = lighting_of(basis, frame)
    statistics = CodeStatistics(
        codes=x,
        references=torch.arange(len(rows)) >= len(sides.train),
        light_changes=relit_changes(basis, trained, frame),
        light=light_of(x, basis, lighting),
        pose=pose_of(trained),
    )
    kept = slice(KEPT)
    return FaceCodes(
        basis, lighting.unflatten(0, (-1, 3)), statistics, faces.size, trained.textures[kept], trained.visible(kept)
    )
