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
from training.data.fit_basis import AlignedFaces, code_of, fit_basis
from training.data.image_sets import FaceCodes, ImageSets, LabelledImages
from training.data.prepared_faces import PreparedFaces, load_prepared

FRONTAL = 35.0  # maximum yaw in degrees; beyond it, half of the texture is hidden and has to be filled in
KEPT = 600  # test faces whose textures are kept to measure reconstruction
RELIT = 2000  # faces used to measure the effect of light on codes
LIGHT_STD = np.array([0.2, 0.25, 0.25, 0.25, 0.12, 0.12, 0.12, 0.12, 0.12])  # per harmonic, relative to the mean light
TINT_STD = 0.12  # standard deviation of each colour channel's gain


def load_codes(
    folder: str | Path | None, config: ModelConfig, cache: Path | None = None, basis: Basis | None = None
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
    train, test = (_frontal(folder, split, config.image_size) for split in ("train", "test"))
    if basis is not None:
        codes = [code_of(basis, aligned(faces)) for faces in (train, test)]
    else:
        basis, codes = _cached(cache, config, train, test) or _fitted(cache, config, train, test)
    references = torch.from_numpy(train.reference)
    if not references.any() or not len(test):
        raise DatasetError(
            f"{folder} has {int(references.sum())} reference and {len(test)} test faces. Prepare more photos."
        )
    lighting = lighting_of(basis, frame)
    statistics = CodeStatistics(
        codes=codes[0],
        references=references,
        light_changes=relit_changes(basis, train, frame),
        light=light_of(codes[0], basis, lighting),
        pose=pose_of(train),
    )
    kept = slice(KEPT)
    face_codes = FaceCodes(
        basis, lighting.unflatten(0, (-1, 3)), statistics, config.image_size, test.textures[kept], test.visible(kept)
    )
    of_train, of_test = _labelled(train, codes[0]), _labelled(test, codes[1])
    return ImageSets("faces", codes[0], codes[0][references], of_train, of_test, codes=face_codes)


def _frontal(folder: str | Path | None, split: str, size: int) -> PreparedFaces:
    """Loads the faces that are turned by at most FRONTAL, or all if there are none.

    Raises DatasetError if they have another size.
    """
    faces = load_prepared(folder, split)
    if faces.size != size:
        raise DatasetError(
            f"{folder} was prepared at {faces.size} px, but this model takes {size}. "
            f"Prepare it with --size {size}, or choose another preset."
        )
    frontal = np.flatnonzero(np.abs(faces.yaw) <= FRONTAL)
    return faces[frontal] if len(frontal) else faces  # a small album may have none on one side


def aligned(faces: PreparedFaces) -> AlignedFaces:
    """Returns textures and shapes without pose."""
    return AlignedFaces(faces.textures, faces.visible(), shapes_of(faces.points[:, :POINTS]), faces.size)


def lighting_of(basis: Basis, frame: CanonicalFrame) -> Tensor:
    """Returns the effect of each light harmonic and colour channel on the code of the mean face, [27, K]."""
    mean = frame.joined(basis.texture_mean.numpy()[None].repeat(2, axis=0))
    changes = torch.from_numpy(frame.halves(light_textures(frame, mean)))
    return _code_change(basis, changes + basis.texture_mean)


def _code_change(basis: Basis, halves: Tensor) -> Tensor:
    """Returns the codes [N, K], without shape, of textures' halves [N, 2, T, 3]."""
    texture = basis.project_texture(halves) / basis.std[: basis.size.texture]
    return torch.cat([texture, torch.zeros(len(texture), basis.size.shape)], dim=1)


def shapes_of(points: np.ndarray) -> np.ndarray:
    """Converts landmarks [N, 468, 3] in photo pixels to shapes float32 [N, 468, 3] in head coordinates."""
    mean = face_mesh().mean
    return np.stack([fit_pose(p, mean).to_head(p) for p in points]).astype(np.float32)


def relit_changes(basis: Basis, faces: PreparedFaces, frame: CanonicalFrame) -> Tensor:
    """Returns the changes [L, K] in the codes of up to RELIT of the given faces under random lights, one light each."""
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.choice(len(faces), min(RELIT, len(faces)), replace=False))
    fields = light_fields(frame)  # [9, P]
    amounts = rng.normal(size=(len(chosen), len(fields))) * LIGHT_STD
    gains = 1 + rng.normal(size=(len(chosen), 1, 3)) * TINT_STD
    changes = []
    for part in np.array_split(np.arange(len(chosen)), max(1, len(chosen) // 256)):
        factor = np.clip((1 + amounts[part] @ fields)[:, :, None] * gains[part], 0.3, 3).astype(np.float32)
        texture = faces.textures[chosen[part]].astype(np.float32) * (factor - 1)
        changes.append(_code_change(basis, torch.from_numpy(frame.halves(texture)) + basis.texture_mean))
    return torch.cat(changes)


def light_of(codes: Tensor, basis: Basis, lighting: Tensor) -> Tensor:
    """Estimates the lighting of codes [N, K] from the `lighting` effects [27, K] by least squares over the texels.

    Returns standardised coefficients [N, 27].
    """
    texture = slice(basis.size.texture)
    fields, coefficients = lighting[:, texture] * basis.std[texture], codes[:, texture] * basis.std[texture]
    return standardised(coefficients @ torch.linalg.pinv(fields))


def pose_of(faces: PreparedFaces) -> Tensor:
    """Returns standardised yaw, |yaw|, yaw squared and pitch, float32 [N, 4]."""
    yaw, pitch = faces.yaw, faces.pitch
    return standardised(torch.from_numpy(np.stack([yaw, np.abs(yaw), yaw**2, pitch], axis=1)).float())


def standardised(values: Tensor) -> Tensor:
    """Scales each column to mean 0 and variance 1."""
    return (values - values.mean(dim=0)) / values.std(dim=0).clamp_min(1e-6)


def _labelled(faces: PreparedFaces, codes: Tensor) -> LabelledImages:
    factors, yaw = torch.from_numpy(faces.blendshapes), torch.from_numpy(faces.yaw)
    return LabelledImages(codes, factors, BLENDSHAPES, tuple(faces.identity), yaw)


def _fitted(
    cache: Path | None, config: ModelConfig, train: PreparedFaces, test: PreparedFaces
) -> tuple[Basis, list[Tensor]]:
    components = f"{config.basis.texture} components of texture and {config.basis.shape} of shape"
    print(f"computing {components} from {len(train):,} faces; this takes minutes on a CPU, once", flush=True)
    basis, of_train = fit_basis(aligned(train), config.basis)
    codes = [of_train, code_of(basis, aligned(test))]
    if cache:
        tensors = {f"basis.{name}": t for name, t in basis.state_dict().items()}
        tensors |= {"train": codes[0], "test": codes[1]}
        write_atomically(cache, save(tensors, {"of": _fingerprint(config, train, test)}))
    return basis, codes


def _cached(
    cache: Path | None, config: ModelConfig, train: PreparedFaces, test: PreparedFaces
) -> tuple[Basis, list[Tensor]] | None:
    if cache is None or not cache.exists():
        return None
    try:
        with safe_open(str(cache), "pt") as tensors:
            if (tensors.metadata() or {}).get("of") != _fingerprint(config, train, test):
                return None
            basis = Basis(config.basis)
            basis.load_state_dict({name: tensors.get_tensor(f"basis.{name}") for name in basis.state_dict()})
            return basis, [tensors.get_tensor("train"), tensors.get_tensor("test")]
    except SafetensorError:  # the file was truncated by a kill; recompute
        return None


def _fingerprint(config: ModelConfig, train: PreparedFaces, test: PreparedFaces) -> str:
    """Returns the settings and data checksum that basis and codes depend on, as JSON."""
    faces = [len(train), len(test), int(train.textures[:64].sum())]
    return json.dumps([config.image_size, *vars(config.basis).values(), *faces])
