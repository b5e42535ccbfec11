"""The directions of the checkpoint for faces: a smile is one of the whole face, and mouths keep a possible shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from app.server.state import reaches
from app.server.tiles import FACES, tiles
from rbvae import PortraitEditor
from rbvae.faces.gaze import openness
from rbvae.faces.mesh import INNER_LIPS, LIDS, POINTS, face_mesh
from rbvae.faces.openings import Opening

ROOT = Path(__file__).parents[3]
NARROWEST, WIDEST, HIGHEST = 0.5, 1.7, 0.8  # width relative to the photo's, and gap relative to the width


@pytest.fixture(scope="module")
def editor():
    return PortraitEditor.from_pretrained(ROOT / "checkpoints" / "faces")


def test_both_halves_of_a_face_change_alike(editor):
    """A surprise that raises one corner of the mouth more than the other looks like a sneer."""
    portrait, mirror = editor.infer(ROOT / "app" / "examples" / "person-3.jpg"), face_mesh().mirror
    at_rest = editor.neutral_e(portrait)
    for direction in editor.directions:
        ends = [at_rest + sign * direction.sigma * direction.vector for sign in (-1, 1)]
        codes = editor.model.decode(
            torch.from_numpy(np.stack([portrait.z] * 2)), torch.from_numpy(np.stack(ends)).float()
        )
        change = editor.faces.basis.shape_change(codes[1:] - codes[:1]).detach().numpy()[0]
        uneven = (change - change[mirror] * [-1, 1, 1]) / 2
        assert np.square(uneven).sum() < 0.005 * np.square(change).sum(), direction.name


@pytest.mark.parametrize("person", ["astronaut", "person-3"])
def test_the_ends_of_sliders_leave_a_mouth(editor, person):
    portrait = editor.infer(ROOT / "app" / "examples" / f"{person}.jpg")
    before = portrait.observed.view.points[:POINTS]
    width = Opening.of(before, INNER_LIPS).width
    for direction, ends in zip(editor.directions, reaches(editor, portrait.e), strict=True):
        for amount in ends:
            after = Opening.of(before + editor.edit(portrait, {direction.name: amount}).change.moves, INNER_LIPS)
            assert NARROWEST < after.width / width < WIDEST, (direction.name, amount)
            assert after.gap < HIGHEST, (direction.name, amount)


def test_a_smile_shows_teeth_and_narrows_the_eyes(editor):
    portrait = editor.infer(ROOT / "app" / "examples" / "person-3.jpg")
    before = portrait.observed.view.points[:POINTS]
    after = before + editor.edit(portrait, {"smile": 1.5}).change.moves
    assert Opening.of(before, INNER_LIPS).gap < 0.05 and 0.1 < Opening.of(after, INNER_LIPS).gap < 0.25
    for lids in LIDS:
        assert 0.6 < openness(Opening.of(after, lids)) / openness(Opening.of(before, lids)) < 0.95


def test_surprise_widens_the_eyes(editor):
    portrait = editor.infer(ROOT / "app" / "examples" / "person-3.jpg")
    surprised, without = tiles(editor)["surprised"].named, dict(FACES[3].named)
    assert FACES[3].name == "surprised" and without.items() < surprised.items()
    points = portrait.observed.view.points[:POINTS]
    opened = [
        openness(Opening.of(points + editor.edit(portrait, named).change.moves, LIDS[0]))
        for named in (without, surprised)
    ]
    assert opened[1] > 1.05 * opened[0]
