"""Effect of lighting on a texture: spherical harmonics of the mean face's normals (Basri and Jacobs 2003)."""

from __future__ import annotations

import numpy as np

from rbvae.faces.mesh import face_mesh
from rbvae.faces.texture import CanonicalFrame

HARMONICS = 9


def light_fields(frame: CanonicalFrame) -> np.ndarray:
    """Return the nine harmonics at the texels, float32 [9, P]: a constant, then fields of mean 0 and mean square 1."""
    mesh = face_mesh()
    a, b, c = (mesh.canonical[mesh.triangles[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    normals *= -np.sign(normals[:, 2:] + 1e-12)  # towards the camera
    points = np.zeros_like(mesh.canonical)
    for k in range(3):
        np.add.at(points, mesh.triangles[:, k], normals)
    texels = frame.positions(points)
    x, y, z = (texels / np.linalg.norm(texels, axis=1, keepdims=True)).T
    fields = np.stack([np.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1])
    fields[1:] -= fields[1:].mean(axis=1, keepdims=True)
    return (fields / np.sqrt(np.square(fields).mean(axis=1, keepdims=True))).astype(np.float32)


def light_textures(frame: CanonicalFrame, mean: np.ndarray, harmonics: int = HARMONICS) -> np.ndarray:
    """Return the mean texture [P, 3] times each harmonic, per channel: [3 * harmonics, P, 3] in grey levels."""
    fields = light_fields(frame)[:harmonics]
    changes = fields[:, None, :, None] * mean[None, None] * np.eye(3, dtype=np.float32)[None, :, None, :]
    return changes.reshape(-1, *mean.shape).astype(np.float32)
