"""Claims about how the main face of a photo is found, on copies of a real face (skimage's astronaut)."""

from __future__ import annotations

import numpy as np
from PIL import Image
from skimage import data

from rbvae.faces.landmarks import Face, FaceLandmarker
from training.data.photo_faces import central_face, detect_faces


def test_an_ordinary_photo_takes_one_look(monkeypatch):
    looks = []
    with FaceLandmarker() as landmarker:
        look = landmarker._look
        monkeypatch.setattr(landmarker, "_look", lambda *args, **kw: looks.append(1) or look(*args, **kw))
        for side in (250, 512):
            picture = np.array(Image.fromarray(data.astronaut()[:300, 80:380]).resize((side, side)))
            assert len(detect_faces(picture, landmarker)) == 1
    assert len(looks) == 2


def test_the_central_face_wins_over_a_somewhat_larger_one_at_the_edge():
    def face(x: float, y: float, size: float) -> Face:
        corners = np.array([[x - size / 2, y - size / 2], [x + size / 2, y + size / 2]], np.float32)
        return Face(corners, np.zeros(52, np.float32), 0.0, 0.0, 0.0)

    centre, edge, speck = face(125, 125, 100), face(230, 125, 130), face(125, 125, 20)
    assert central_face([edge, centre], 250, 250) is centre
    assert central_face([speck, face(90, 125, 120)], 250, 250) is not speck
