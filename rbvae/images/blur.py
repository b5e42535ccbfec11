"""Estimates how blurred a picture is."""

from __future__ import annotations

import cv2
import numpy as np


def estimate_blur(pixels: np.ndarray) -> float:
    """Return the blur of a picture uint8 [h, w, 3] at its strongest edges, as the width of a Gaussian in pixels.

    Blurring by a known width s lowers the gradient at an edge of width w by sqrt(1 + (s / w)**2) (Zhuo and Sim, 2011).
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    again = cv2.GaussianBlur(grey, (0, 0), 1.0)

    def slope(picture: np.ndarray) -> np.ndarray:
        return cv2.magnitude(cv2.Sobel(picture, cv2.CV_32F, 1, 0), cv2.Sobel(picture, cv2.CV_32F, 0, 1))

    before, after = slope(grey), slope(again)
    strong = before >= np.percentile(before, 97)
    ratio = float(np.median(before[strong] / np.maximum(after[strong], 1e-3)))
    return 1.0 / float(np.sqrt(max(ratio**2 - 1, 0.04)))
