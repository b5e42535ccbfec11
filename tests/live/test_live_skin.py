"""The browser lets folds and creases of a smile disappear as the library does."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from rbvae.faces.creases import Creases
from tests.live.comparing import SEEN_CHEEKS, SEEN_NEAR, library, psnr


def cheeks(portrait):
    """A box around both cheeks and the mouth's corners."""
    left, right, eye, corner = portrait.observed.view.points[[116, 345, 120, 57], :2]
    return left[0], eye[1], right[0], corner[1]


def test_folds_of_a_smile_disappear_alike(editor, live, small):
    live.open(small)
    wanted = library(editor, small, neutral=True)
    assert psnr(live.draw({"neutral": 1}), wanted, small, cheeks(small)) >= SEEN_CHEEKS


@pytest.mark.parametrize("raster", ["gl", "cpu"])
def test_fine_creases_of_a_smile_disappear_alike(editor, live, creased, monkeypatch, raster):
    live.open(creased, raster)
    drawn, wanted = live.draw({"neutral": 1}), library(editor, creased, neutral=True)
    monkeypatch.setattr(Creases, "fill", lambda self, pixels, box, smile: pixels)
    left = library(editor, creased, neutral=True)
    assert psnr(drawn, wanted, creased, cheeks(creased)) >= SEEN_NEAR
    assert psnr(drawn, left, creased, cheeks(creased)) < psnr(drawn, wanted, creased, cheeks(creased)) - 3


@pytest.fixture(scope="module")
def creased(editor, small):
    """The same face with dark lines drawn on its cheeks, finer than a texel."""
    photo, line = small.source.copy(), np.zeros(small.source.shape[:2], np.uint8)
    points = small.observed.view.points
    for inner, outer in ((203, 206), (423, 426)):
        ends = [tuple(int(value) for value in points[point, :2]) for point in (inner, outer)]
        cv2.line(line, *ends, 1, 1)
    photo[line > 0] = np.rint(0.78 * photo[line > 0])
    return editor.infer(photo)


def test_folds_of_an_infant_are_as_shallow(editor, live, closed, monkeypatch):
    named = {"smile": 2.0}
    deep = library(editor, closed, named)
    for module in ("face_model", "portrait_file"):
        monkeypatch.setattr(f"rbvae.editing.{module}.youth", lambda points: 1.0)
    live.open(closed)
    drawn, shallow = live.draw({"named": named}), library(editor, closed, named)
    assert psnr(drawn, shallow, closed, cheeks(closed)) >= SEEN_CHEEKS
    assert psnr(drawn, deep, closed, cheeks(closed)) < SEEN_CHEEKS - 3
