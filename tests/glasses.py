"""Glasses drawn on a photo of a face."""

import cv2
import numpy as np

from rbvae.faces.mesh import LIDS


def with_glasses(photo, points):
    """The photo with dark frames around both eyes, a bridge, and arms to the sides of the face."""
    photo, dark = photo.copy(), (30, 25, 25)
    corners = [points[[lids[0][0], lids[0][-1]], :2] for lids in LIDS]
    width = float(np.mean([np.linalg.norm(b - a) for a, b in corners]))
    thick = max(1, round(0.12 * width))
    for (a, b), side in zip(corners, (234, 454), strict=True):
        centre, across = (a + b) / 2, b - a
        angle = float(np.degrees(np.arctan2(across[1], across[0])))
        cv2.ellipse(photo, (tuple(map(float, centre)), (1.75 * width, 1.35 * width), angle), dark, thick, cv2.LINE_AA)
        outer = centre + (0.87 * width if side == 454 else -0.87 * width) * across / np.linalg.norm(across)
        cv2.line(photo, tuple(map(int, outer)), tuple(map(int, points[side, :2])), dark, thick, cv2.LINE_AA)
    inner = [corners[0][1] - [0, 0.2 * width], corners[1][0] - [0, 0.2 * width]]
    cv2.line(photo, *(tuple(map(int, one)) for one in inner), dark, thick, cv2.LINE_AA)
    return photo
