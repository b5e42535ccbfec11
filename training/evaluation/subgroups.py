"""Groups held-out faces by properties measured in the photo, to compare a model's performance between groups.

The groups are the head's yaw, as measured by prepare_faces, and the tone of the cheeks, by the individual typology
angle with the bounds of Chardon et al. (1991). Lighting and camera affect the angle, so it groups photos rather than
people. Age and sex are not estimated.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from rbvae.faces.alignment import mean_shape
from training.data.image_sets import LabelledImages

CHEEKS = (50, 280)  # landmarks
CHEEK = 0.04  # radius of the measured area relative to the crop's side
TURNED = (("head turned less than 10°", 0, 10), ("10° to 20°", 10, 20), ("more than 20°", 20, 181))
TONES = (
    ("cheeks light", 41, 91),
    ("intermediate", 28, 41),
    ("tan", 10, 28),
    ("brown or dark", -91, 10),
)


def typology_angles(images: Tensor) -> np.ndarray:
    """Returns atan((L* - 50) / b*) of the median cheek colour of aligned faces uint8 [N, 3, S, S], in degrees [N]."""
    size = images.shape[-1]
    rows, columns = np.mgrid[:size, :size] + 0.5
    near = [np.hypot(columns - x, rows - y) <= CHEEK * size for x, y in mean_shape()[list(CHEEKS)] * size]
    cheeks = torch.from_numpy(np.logical_or(*near))
    colours = images[:, :, cheeks].float().median(dim=2).values / 255  # [N, 3]
    lightness, _, yellow = cv2.cvtColor(colours[None].numpy(), cv2.COLOR_RGB2LAB)[0].T
    return np.degrees(np.arctan2(lightness - 50, yellow.clip(1e-6)))


def groups(photos: LabelledImages) -> dict[str, np.ndarray]:
    """Returns a mask bool [N] for each group, by name; groups by pose are included only if yaw is known."""
    turned, tones = np.abs(photos.yaw.numpy()), typology_angles(photos.images)
    found = {name: (low <= turned) & (turned < high) for name, low, high in TURNED if len(turned)}
    return found | {name: (low <= tones) & (tones < high) for name, low, high in TONES}
