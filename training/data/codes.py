"""Loads prepared faces for training on codes: fits the basis and computes each face's code and labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from rbvae.checkpoint import write_atomically
from rbvae.config import ModelConfig
from rbvae.errors import ConfigError, DatasetError
from rbvae.extensions.closed_form import CodeStatistics
from rbvae.faces.face import BLENDSHAPES
from rbvae.faces.lighting import light_fields, light_textures
from rbvae.faces.mesh import POINTS, face_mesh
from rbvae.faces.pose import fit_pose
from rbvae.faces.texture import CanonicalFrame, canonical_frame
from rbvae.models.basis import Basis
from training.data.fit_basis import code_of, fit_basis
from training.data.image_sets import LABELLED_LIMIT, FaceCodes, ImageSets, LabelledImages
from training.data.prepared_faces import PreparedFaces, load_prepared

FRONTAL = 35.0  # maximum yaw in degrees; beyond it, half of the texture is hidden and has to be filled in
KEPT = 600  # test faces whose textures are kept to measure reconstruction
RELIT = 2000  # faces used to measure the effect of light on codes
LIGHT_STD = np.array([0.2, 0.25, 0.25, 0.25, 0.12, 0.12, 0.12, 0.12, 0.12])  # per harmonic, relative to the mean light
TINT_STD = 0.12  # standard deviation of each colour channel's gain


def load_codes(
    folder: str | Path, config: ModelConfig, cache: Path | None = None, basis: Basis | None = None
) -> ImageSets:
    """Loads a folder written by prepare_faces as image sets of codes, with the basis in their `codes` field.

    Without `basis`, fits one to the training faces, which takes minutes. `cache` is a file that stores the basis and
    the codes for later runs. Raises DatasetError if the folder cannot be used, and ConfigError if `model.texels` does
    not match the canonical frame.
    """
    frame = canonical_frame(config.image_size)
    if config.texels != len(frame.left):
        raise ConfigError(
            f"model.texels={config.texels}, but half of a face has {len(frame.left)} texels at "
            f"{config.image_size} px. Set model.texels={len(frame.left)}."
        )
    train, test = load_prepared(folder, "train"), load_prepared(folder, "test")
    if train.size != config.image_size:
        raise DatasetError(
            f"{folder} was prepared at {train.size} px, but this model takes {config.image_size}. "
            f"Prepare it with --size {config.image_size}, or choose another preset."
        )
    rows = [np.flatnonzero(np.abs(faces.yaw) <= FRONTAL) for faces in (train, test)]
    shapes = [shapes_of(faces.points[chosen, :POINTS]) for faces, chosen in zip((train, test), rows, strict=True)]
    if basis is not None:
        codes = [
            code_of(basis, faces.textures[chosen], faces.visible(chosen), shape, config.image_size)
            for faces, chosen, shape in zip((train, test), rows, shapes, strict=True)
        ]
    else:
        basis, codes = _cached(cache, config, train, rows) or _fitted(cache, config, (train, test), rows, shapes)
    sets = [_labelled(faces, chosen, c) for faces, chosen, c in zip((train, test), rows, codes, strict=True)]
    references = torch.from_numpy(train.reference[rows[0]])
    if not references.any() or not len(codes[1]):
        raise DatasetError(
            f"{folder} has {int(references.sum())} reference and {len(codes[1])} test faces. Prepare more photos."
        )
    mean = frame.joined(basis.texture_mean.numpy()[None].repeat(2, axis=0))
    changes = torch.from_numpy(frame.halves(light_textures(frame, mean)))
    lighting = basis.project_texture(changes + basis.texture_mean) / basis.std[: basis.size.texture]
    lighting = torch.cat([lighting, torch.zeros(len(lighting), basis.size.shape)], dim=1)
    statistics = CodeStatistics(
        codes=codes[0],
        references=references,
        light_changes=relit_changes(basis, train, rows[0], frame),
        light=light_of(codes[0], basis, lighting),
        pose=pose_of(train, rows[0]),
    )
    kept = np.arange(len(rows[1]))[:KEPT]
    face_codes = FaceCodes(
        basis,
        lighting.unflatten(0, (-1, 3)),
        sets[0],
        sets[1],
        references,
        statistics,
        config.image_size,
        kept,
        test.textures[rows[1][kept]],
        test.visible(rows[1][kept]),
    )
    return ImageSets("faces", codes[0], codes[0][references], sets[0][:LABELLED_LIMIT], sets[1], codes=face_codes)


def shapes_of(points: np.ndarray) -> np.ndarray:
    """Converts landmarks [N, 468, 3] in photo pixels to shapes float32 [N, 468, 3] in head coordinates."""
    mean = face_mesh().mean
    return np.stack([fit_pose(p, mean).to_head(p) for p in points]).astype(np.float32)


def relit_changes(basis: Basis, faces: PreparedFaces, rows: np.ndarray, frame: CanonicalFrame) -> Tensor:
    """Returns the changes [L, K] in the codes of up to RELIT of the given faces under random lights, one light each."""
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.choice(rows, min(RELIT, len(rows)), replace=False))
    fields = light_fields(frame)  # [9, P]
    amounts = rng.normal(size=(len(chosen), len(fields))) * LIGHT_STD
    gains = 1 + rng.normal(size=(len(chosen), 1, 3)) * TINT_STD
    changes = []
    for part in np.array_split(np.arange(len(chosen)), max(1, len(chosen) // 256)):
        factor = np.clip((1 + amounts[part] @ fields)[:, :, None] * gains[part], 0.3, 3).astype(np.float32)
        texture = faces.textures[chosen[part]].astype(np.float32) * (factor - 1)
        halves = torch.from_numpy(frame.halves(texture)) + basis.texture_mean
        changes.append(basis.project_texture(halves) / basis.std[: basis.size.texture])
    change = torch.cat(changes)
    return torch.cat([change, torch.zeros(len(change), basis.size.shape)], dim=1)


def light_of(codes: Tensor, basis: Basis, lighting: Tensor) -> Tensor:
    """Estimates the lighting of codes [N, K] from the `lighting` effects [27, K] by least squares over the texels.

    Returns standardised coefficients [N, 27].
    """
    texture = slice(basis.size.texture)
    fields, coefficients = lighting[:, texture] * basis.std[texture], codes[:, texture] * basis.std[texture]
    return standardised(coefficients @ torch.linalg.pinv(fields))


def pose_of(faces: PreparedFaces, rows: np.ndarray) -> Tensor:
    """Returns standardised yaw, |yaw|, yaw squared and pitch of the given rows, float32 [N, 4]."""
    yaw, pitch = faces.yaw[rows], faces.pitch[rows]
    return standardised(torch.from_numpy(np.stack([yaw, np.abs(yaw), yaw**2, pitch], axis=1)).float())


def standardised(values: Tensor) -> Tensor:
    """Scales each column to mean 0 and variance 1."""
    return (values - values.mean(dim=0)) / values.std(dim=0).clamp_min(1e-6)


def _labelled(faces: PreparedFaces, rows: np.ndarray, codes: Tensor) -> LabelledImages:
    shows = tuple(faces.identity[row] for row in rows)
    yaw = torch.from_numpy(faces.yaw[rows])
    return LabelledImages(codes, torch.from_numpy(faces.blendshapes[rows]), BLENDSHAPES, shows, yaw)


def _fitted(
    cache: Path | None,
    config: ModelConfig,
    faces: tuple[PreparedFaces, PreparedFaces],
    rows: list[np.ndarray],
    shapes: list[np.ndarray],
) -> tuple[Basis, list[Tensor]]:
    train, test = faces
    components = f"{config.basis.texture} components of texture and {config.basis.shape} of shape"
    print(f"computing {components} from {len(rows[0]):,} faces; this takes minutes on a CPU, once", flush=True)
    of_train = train.textures[rows[0]], train.visible(rows[0]), shapes[0]
    basis, code = fit_basis(*of_train, config.basis, config.image_size)
    of_test = test.textures[rows[1]], test.visible(rows[1]), shapes[1]
    codes = [code, code_of(basis, *of_test, config.image_size)]
    if cache:
        tensors = {f"basis.{name}": t for name, t in basis.state_dict().items()}
        tensors |= {"train": codes[0], "test": codes[1]}
        write_atomically(cache, save(tensors, {"of": _fingerprint(config, train, rows)}))
    return basis, codes


def _cached(
    cache: Path | None, config: ModelConfig, train: PreparedFaces, rows: list[np.ndarray]
) -> tuple[Basis, list[Tensor]] | None:
    if cache is None or not cache.exists():
        return None
    try:
        with safe_open(str(cache), "pt") as tensors:
            if (tensors.metadata() or {}).get("of") != _fingerprint(config, train, rows):
                return None
            basis = Basis(config.basis)
            basis.load_state_dict({name: tensors.get_tensor(f"basis.{name}") for name in basis.state_dict()})
            return basis, [tensors.get_tensor("train"), tensors.get_tensor("test")]
    except SafetensorError:  # the file was truncated by a kill; recompute
        return None


def _fingerprint(config: ModelConfig, train: PreparedFaces, rows: list[np.ndarray]) -> str:
    """Returns the settings and data checksum that basis and codes depend on, as JSON."""
    faces = [len(chosen) for chosen in rows] + [int(train.textures[rows[0][:64]].sum())]
    return json.dumps([config.image_size, *vars(config.basis).values(), *faces])
