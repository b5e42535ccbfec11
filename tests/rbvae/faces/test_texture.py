"""Texels that show too little of a photo to tell anything."""

import numpy as np

from rbvae.faces.mesh import face_mesh
from rbvae.faces.texture import canonical_frame

CORNER = [61, 57, 43, 146, 76, 184, 185, 91, 77, 62, 78]  # landmarks at a corner of the mouth


def test_texels_of_triangles_that_are_tiny_in_the_photo_are_squeezed():
    frame, points = canonical_frame(64), face_mesh().mean * 300
    assert frame.squeezed(points).max() < 0.2
    points[CORNER] += 0.9 * (points[CORNER].mean(axis=0) - points[CORNER])
    squeezed, there = frame.squeezed(points), np.isin(frame.vertices, CORNER).all(axis=1)
    assert there.sum() > 5 and squeezed[there].mean() > 0.6 and (squeezed > 0.3).sum() < 3 * there.sum()
