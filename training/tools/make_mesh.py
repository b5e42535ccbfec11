"""Write rbvae/faces/mesh.json: MediaPipe's triangles, with mouth and eyes filled, and two mean faces from photos.

python -m training.tools.make_mesh --photos photos/lfw photos/utkface --out rbvae/faces/mesh.json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from rbvae.errors import DatasetError
from rbvae.faces.landmarks import BLENDSHAPES, FaceLandmarker
from rbvae.faces.mesh import DATA, INNER_LIPS, LIDS, POINTS, mirrored, strip
from rbvae.faces.pose import RIGID, fit_pose
from rbvae.images.decoding import load_photo
from training.data.photo_folders import list_datasets
from training.data.progress import track
from training.engine.cli import run_command

OPEN = 0.25  # jawOpen above which a mouth counts as open
MARGIN = 1 / 48  # around the canonical face, relative to the frame's side
ROUNDS = 5
TEMPLES = (127, 356)


def tesselation() -> list[tuple[int, ...]]:
    """Returns MediaPipe's 852 triangles, which MediaPipe lists as three edges each."""
    from mediapipe.tasks.python.vision import FaceLandmarksConnections

    edges = [(edge.start, edge.end) for edge in FaceLandmarksConnections.FACE_LANDMARKS_TESSELATION]
    return [tuple(dict.fromkeys(sum(edges[i : i + 3], ()))) for i in range(0, len(edges), 3)]


def detect(folders: list[Path], limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Detects the largest face in up to `limit` photos of each folder.

    Returns points [N, 468, 3] in pixels and jawOpen [N]. Raises DatasetError if no face is found.
    """
    points, jaw = [], []
    with FaceLandmarker() as landmarker:
        for folder in folders:
            for photo in track(list_datasets([folder], limit=limit), folder.name):
                for face in landmarker.glance(load_photo(photo.path))[:1]:
                    points.append(face.points[:POINTS].astype(np.float64))
                    jaw.append(face.blendshapes[BLENDSHAPES.index("jawOpen")])
    if not points:
        raise DatasetError(f"No face found in {', '.join(map(str, folders))}. Give folders of front-facing photos.")
    return np.stack(points), np.array(jaw)


def symmetric_mean(faces: np.ndarray, mirror: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean of aligned faces [N, 468, 3], symmetric about x = 0, and each point's mirror point [468]."""
    mean = faces.mean(axis=0)
    mean -= mean.mean(axis=0)
    flipped = mean * [-1, 1, 1]
    if mirror is None:
        mirror = cKDTree(mean).query(flipped)[1]
    return (mean + flipped[mirror]) / 2, mirror


def lopsidedness(points: np.ndarray) -> np.ndarray:
    """Returns how far the nose of each face [N, 468, 3] is from the middle between the temples, [N]."""
    left, right = (np.linalg.norm(points[:, 1] - points[:, temple], axis=1) for temple in TEMPLES)
    return np.abs(np.log(left / right))


def upright(face: np.ndarray) -> np.ndarray:
    """Rotates points [468, 3] so that the temples are level and the chin is below the forehead, and centres them."""
    across = face[TEMPLES[1]] - face[TEMPLES[0]]
    x = across / np.linalg.norm(across)
    down = face[152] - face[10]
    y = down - x * (down @ x)
    y /= np.linalg.norm(y)
    return (face - face.mean(axis=0)) @ np.stack([x, y, np.cross(x, y)], axis=1)


def mean_faces(points: np.ndarray, jaw: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Computes mean and canonical face, both [468, 3], and mirror [468] of `Mesh` from points and jawOpen [N]."""
    mean = upright(points[np.argmin(lopsidedness(points))])
    mirror: np.ndarray | None = None
    for _ in range(ROUNDS):
        mean, mirror = symmetric_mean(np.stack([fit_pose(p, mean).to_head(p) for p in points]), mirror)
        mean /= np.linalg.norm(mean[RIGID] - mean[RIGID].mean(axis=0))
    assert mirror is not None
    heads = np.stack([fit_pose(p, mean).to_head(p) for p in points])
    centre = heads.mean(axis=0).mean(axis=0) * [0, 1, 1]
    canonical = heads[jaw > OPEN].mean(axis=0) - centre
    canonical = (canonical + (canonical * [-1, 1, 1])[mirror]) / 2
    low, high = canonical.min(axis=0), canonical.max(axis=0)
    scale = (1 - 2 * MARGIN) / (high - low)[:2].max()
    middle = np.array([0, (low + high)[1] / 2, 0])
    to_frame = np.array([0.5, 0.5, 0])
    return (mean - centre - middle) * scale + to_frame, (canonical - middle) * scale + to_frame, mirror


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=Path, nargs="+", required=True, metavar="DIR", help="folders of photos")
    parser.add_argument("--limit", type=int, default=2000, metavar="N", help="photos of each folder (default 2000)")
    parser.add_argument("--out", type=Path, default=DATA, metavar="FILE", help=f"default {DATA.name} in rbvae/faces")
    options = parser.parse_args(argv)
    points, jaw = detect(options.photos, options.limit)
    mean, canonical, mirror = mean_faces(points, jaw)
    assert np.abs(mirrored(mean, mirror) - mean).max() < 1e-9, "the mean face is not symmetric"
    triangles = tesselation() + strip(*INNER_LIPS) + [t for lids in LIDS for t in strip(*lids)]
    data = {
        "triangles": [list(map(int, t)) for t in triangles],
        "mirror": mirror.tolist(),
        "mean": mean.round(5).tolist(),
        "canonical": canonical.round(5).tolist(),
    }
    options.out.write_text(json.dumps(data, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{len(points)} faces, {int((jaw > OPEN).sum())} with open mouths: {len(triangles)} triangles")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
