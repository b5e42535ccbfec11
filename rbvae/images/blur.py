"""Estimates how blurred a picture is."""

from __future__ import annotations

import cv2
import numpy as np

ENOUGH = 200_000  # pixels that suffice: larger pictures are measured in bands of rows
BAND = 48  # rows of a band
STRONGEST = 97  # percentile of the gradient from which an edge counts


def estimate_blur(pixels: np.ndarray) -> float:
    """Return the blur of a picture uint8 [h, w, 3] at its strongest edges, as the width of a Gaussian in pixels.

    Blurring by a known width s lowers the gradient at an edge of width w by sqrt(1 + (s / w)**2) (Zhuo and Sim, 2011).
    """
    bands = [slopes(band) for band in bands_of(pixels)]
    before, after = (np.concatenate([one.ravel() for one in both]) for both in zip(*bands, strict=True))
    strong = before >= np.percentile(before, STRONGEST)
    ratio = float(np.median(before[strong] / np.maximum(after[strong], 1e-3)))
    return 1.0 / float(np.sqrt(max(ratio**2 - 1, 0.04)))


def slopes(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradient of a picture's lightness [h, w], as it is and blurred by one pixel."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    before, after = (
        cv2.magnitude(cv2.Sobel(picture, cv2.CV_32F, 1, 0), cv2.Sobel(picture, cv2.CV_32F, 0, 1))
        for picture in (grey, cv2.GaussianBlur(grey, (0, 0), 1.0))
    )
    return before, after


def bands_of(pixels: np.ndarray) -> list[np.ndarray]:
    """Return bands of rows, evenly spaced, with about ENOUGH pixels in all; the whole of a small picture."""
    height, width = pixels.shape[:2]
    count = max(1, round(ENOUGH / (BAND * width)))
    if count * BAND >= height:
        return [pixels]
    return [pixels[top : top + BAND] for top in np.linspace(0, height - BAND, count).astype(int)]
