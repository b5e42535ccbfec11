"""Held-out faces in groups: how far the head is turned, and the tone of the cheeks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rbvae.config import ModelConfig
from rbvae.faces.alignment import mean_shape
from rbvae.faces.landmarks import BLENDSHAPES
from rbvae.models.model import RbVAE
from training.data.image_sets import LabelledImages
from training.engine.card import whom_section
from training.evaluation.scores import errors, whom
from training.evaluation.subgroups import TONES, TURNED, groups, typology_angles

TONE_COLOURS = {"cheeks light": (245, 215, 200), "intermediate": (205, 160, 120), "tan": (180, 130, 90),
                "brown or dark": (90, 60, 45)}  # fmt: skip


def faces(colours: list[tuple[int, int, int]], yaw: list[float], size: int = 32) -> LabelledImages:
    images = torch.tensor(colours, dtype=torch.uint8)[:, :, None, None].expand(-1, -1, size, size).clone()
    return LabelledImages(images, torch.zeros(len(colours), 52), BLENDSHAPES, yaw=torch.tensor(yaw))


def test_a_face_is_sorted_by_the_tone_of_its_cheeks_and_by_how_far_it_is_turned():
    photos = faces(list(TONE_COLOURS.values()), [0.0, -15.0, 30.0, -9.9])
    found = groups(photos)
    assert list(found) == [name for name, *_ in (*TURNED, *TONES)]
    for row, name in enumerate(TONE_COLOURS):
        assert found[name].nonzero()[0].tolist() == [row]
    assert [found[name].nonzero()[0].tolist() for name, *_ in TURNED] == [[0, 3], [1], [2]]


def test_every_face_is_in_one_group_of_either_kind():
    rng = np.random.default_rng(0)
    photos = faces(rng.integers(0, 256, (200, 3)).tolist(), rng.uniform(-90, 90, 200).tolist())
    found = groups(photos)
    for kind in (TURNED, TONES):
        assert (sum(found[name].astype(int) for name, *_ in kind) == 1).all()


def test_the_angle_is_that_of_the_cheeks_and_of_no_other_place():
    photos = faces([(225, 185, 150), (225, 185, 150)], [0.0, 0.0], size=96)
    x, y = (mean_shape()[4] * 96).astype(int)  # the tip of the nose
    photos.images[1, :, y - 4 : y + 4, x - 4 : x + 4] = 0
    photos.images[1, :, :10] = 0
    one, other = typology_angles(photos.images)
    assert one == other == pytest.approx(50.2, abs=0.5)  # L* 77.7, b* 23.1


def test_without_poses_there_are_tones_alone():
    photos = faces([(225, 185, 150)], [0.0])
    blind = LabelledImages(photos.images, photos.factors, photos.names)
    assert list(groups(blind)) == [name for name, *_ in TONES]


def test_the_errors_of_the_groups_are_means_of_the_pictures_own_and_stand_on_the_card():
    model = RbVAE(ModelConfig(image_size=32, width=4, dim_z=4, dim_e=2, patch=2)).eval()
    photos = faces([(215, 165, 130), (90, 60, 45), (80, 50, 40)], [0.0, 0.0, 40.0])
    found = whom(model, photos, torch.device("cpu"))
    own = errors(model, photos.images, torch.device("cpu"))
    assert found["brown or dark"] == {"photos": 2, "l1": pytest.approx(own[1:].mean())}
    assert found["more than 20°"] == {"photos": 1, "l1": pytest.approx(own[2])}
    assert "cheeks light" not in found  # nobody is in it
    assert f"| more than 20° | 1 | {own[2]:.1f} |" in whom_section({"whom": found})
    assert whom_section({}) == ""
