"""The browser fills mouths as the library does: from donors, with gums, with teeth of the bank or of the photo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from skimage import data

from rbvae.faces.bite import Bite
from rbvae.faces.mesh import INNER_LIPS, POINTS
from rbvae.faces.openings import Opening
from rbvae.faces.own_mouth import OwnMouth
from tests.live.comparing import EXAMPLES, SEEN, SEEN_NEAR, SEEN_SMALL, library, psnr


@pytest.fixture(scope="module")
def shut(editor, closed):
    """The same face 120 pixels high."""
    return editor.infer(Image.fromarray(closed.source).resize((315, 315)))


@pytest.mark.parametrize("raster", ["gl", "cpu"])
def test_the_mouth_of_a_donor_looks_the_same(editor, live, shut, raster):
    donor = editor.infer(data.astronaut())
    live.open(shut, raster)
    live.lend(donor, to=shut)
    e = editor.moved(shut.e, {"mouth open": 2.0})
    wanted = np.asarray(editor.edit(shut, e, teeth_from=donor).photo)
    with_teeth, without = (live.draw({"e": e.tolist(), **mouth}) for mouth in ({"mouth": "donor"}, {}))
    assert psnr(with_teeth, wanted, shut) >= SEEN_SMALL
    assert psnr(without, wanted, shut) < psnr(with_teeth, wanted, shut) - 1


def test_a_laugh_that_becomes_surprise_looks_the_same(editor, live, small):
    e = editor.moved(editor.neutral_e(small), {"brows up": 2.0, "mouth open": 1.8})
    live.open(small)
    wanted = np.asarray(editor.edit(small, e).photo)
    assert psnr(live.draw({"e": e.tolist()}), wanted, small, mouth_of(small)) >= SEEN_NEAR


def mouth_of(portrait):
    """A box around the mouth."""
    (left, top), (right, _) = portrait.observed.view.points[[61, 291], :2]
    return left, top - 0.3 * (right - left), right, top + 0.7 * (right - left)


def test_the_gums_of_an_infant_look_the_same(editor, live, shut, monkeypatch):
    named = {"smile": 1.5}
    with_teeth = library(editor, shut, named)
    monkeypatch.setitem(vars(shut.observed.view), "is_infant", True)
    live.open(shut)
    wanted = library(editor, shut, named)
    assert psnr(live.draw({"named": named}), wanted, shut) >= SEEN_SMALL
    assert psnr(with_teeth, wanted, shut) < SEEN_SMALL - 5


@pytest.mark.parametrize("infant", [False, True])
def test_the_inside_of_an_open_mouth_that_shows_no_teeth_looks_the_same(editor, live, shut, monkeypatch, infant):
    wide = editor.edit(shut, {"mouth open": 2.5})
    lips = Opening.of(shut.observed.view.points[:POINTS] + wide.change.moves, INNER_LIPS)
    photo = np.asarray(wide.photo).copy()
    left, top, right, bottom = box = lips.box(2, *photo.shape[1::-1])
    photo[top:bottom, left:right][lips.mask(box, 0) > 0.5] = (60, 25, 25)
    monkeypatch.setattr("rbvae.faces.view.is_infant", lambda points: infant)
    dark = editor.infer(Image.fromarray(photo))
    assert editor.faces.teeth(dark.observed, np.zeros((POINTS, 3), np.float32)).behind
    live.open(dark)
    for named in ({"mouth open": 1.0}, {"smile": 2.0}):
        assert psnr(live.draw({"named": named}), library(editor, dark, named), dark, mouth_of(dark)) >= SEEN_NEAR


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("raster", ["gl", "cpu"])
def test_upper_and_lower_teeth_part_alike(editor, live, small, monkeypatch, raster, lower):
    edits = [{"mouth open": 2.0}, {"mouth open": 0.5}, {"mouth open": -0.5}]
    whole = library(editor, small, edits[0])
    monkeypatch.setitem(vars(small.observed.view), "bite", Bite(0.6, 0.3))
    monkeypatch.setitem(vars(small.observed.view), "shows_lower_teeth", lower)
    live.open(small, raster)
    for named in edits:
        drawn, wanted = live.draw({"named": named}), library(editor, small, named)
        assert psnr(drawn, wanted, small, mouth_of(small)) >= SEEN_NEAR
    parted = library(editor, small, edits[0])
    assert psnr(whole, parted, small, mouth_of(small)) < SEEN_NEAR - 5
    monkeypatch.setitem(vars(small.observed.view), "shows_lower_teeth", not lower)
    assert psnr(parted, library(editor, small, edits[0]), small, mouth_of(small)) < SEEN_NEAR - 5


@pytest.mark.parametrize("raster", ["gl", "cpu"])
def test_what_is_below_the_teeth_of_the_photo_gives_way_alike(editor, live, small, monkeypatch, raster):
    """The lower half of what this mouth shows counts as no teeth."""
    half = np.repeat(np.float32([1, 0]), 25)[:, None] * np.ones(48, np.float32)
    monkeypatch.setitem(vars(small.observed.view), "bite", None)
    whole = library(editor, small, {"mouth open": 2.0})
    monkeypatch.setitem(vars(small.observed.view), "down_to_teeth", half)
    live.open(small, raster)
    for named in ({"mouth open": 2.0}, {"mouth open": 0.4}, {"smile": 1.0}):
        drawn, wanted = live.draw({"named": named}), library(editor, small, named)
        assert psnr(drawn, wanted, small, mouth_of(small)) >= SEEN_NEAR
    wanted = library(editor, small, {"mouth open": 2.0})
    assert psnr(whole, wanted, small, mouth_of(small)) < SEEN_NEAR - 5


def test_a_mouth_that_closes_leaves_no_slit_of_teeth_either(editor, live, small, monkeypatch):
    live.open(small)
    named = {"mouth open": -1.0}
    drawn, wanted = live.draw({"named": named}), library(editor, small, named)
    monkeypatch.setattr("rbvae.editing.face_model.parting", lambda before, after: 0.0)
    slit = library(editor, small, named)
    assert psnr(drawn, wanted, small, mouth_of(small)) >= SEEN_NEAR > 3 + psnr(drawn, slit, small, mouth_of(small))


def test_lips_relax_as_the_library_relaxes_them(editor, live, small, monkeypatch):
    live.open(small)
    drawn, wanted = live.draw({"neutral": 1}), library(editor, small, neutral=True)
    monkeypatch.setattr("rbvae.editing.face_model.relaxed", lambda points, before: points)
    tense = library(editor, small, neutral=True)
    assert psnr(drawn, wanted, small) >= SEEN_SMALL
    assert psnr(drawn, tense, small) < psnr(drawn, wanted, small) - 1.2


def test_a_mouth_that_shows_a_sliver_of_teeth_looks_the_same(editor, live, shut):
    lips = Opening.of(shut.observed.view.points, INNER_LIPS)
    arch = 0.09 * lips.width * np.sin(np.linspace(0, np.pi, len(lips.upper)))[:, None] * lips.axes()[1]
    sliver = Opening(lips.upper, lips.upper + arch)
    photo = np.array(shut.source)
    left, top, right, bottom = box = sliver.box(2, *photo.shape[1::-1])
    photo[top:bottom, left:right][sliver.mask(box, 0) > 0.5] = (215, 205, 190)
    bared = editor.infer(Image.fromarray(photo))
    assert bared.observed.view.has_teeth and Opening.of(bared.observed.view.points, INNER_LIPS).gap < 0.13
    live.open(bared)
    for named in ({"smile": 1.5}, {"mouth open": 1.0}):
        assert psnr(live.draw({"named": named}), library(editor, bared, named), bared) >= SEEN_SMALL


def test_a_smile_bares_more_of_its_own_teeth_alike(editor, live, closed, monkeypatch):
    smile, named = editor.infer(editor.edit(closed, {"smile": 1.0}).photo), {"smile": 0.75}
    assert OwnMouth(smile.observed.view).keeps_teeth == (True, False, True)
    live.open(smile)
    drawn, wanted = live.draw({"named": named}), library(editor, smile, named)
    assert psnr(drawn, wanted, smile, mouth_of(smile)) >= SEEN_NEAR
    monkeypatch.setattr("rbvae.faces.own_mouth.HARDLY_OPEN", (0.12, 0.15, 1.0))
    assert psnr(drawn, library(editor, smile, named), smile, mouth_of(smile)) < SEEN_NEAR - 4
    monkeypatch.undo()
    monkeypatch.setattr("rbvae.faces.own_mouth.TALLEST", 0)
    assert psnr(drawn, library(editor, smile, named), smile, mouth_of(smile)) < SEEN_NEAR - 4


def test_teeth_in_the_shadow_of_a_mouth_that_closes_a_little_look_the_same(editor, live):
    smile = editor.infer(EXAMPLES / "smile-1.jpg")
    live.open(smile)
    box = Opening.of(smile.observed.view.points, INNER_LIPS).box(10, *smile.source.shape[1::-1])
    for named in ({"smile": -1.2}, {"smile": -1.2, "mouth open": 1.0}):
        drawn, wanted = live.draw({"named": named}), library(editor, smile, named)
        assert psnr(drawn, wanted, smile, box) >= SEEN_NEAR


def test_a_broad_smile_of_a_mouth_that_speaks_looks_the_same(editor, live, shut):
    """It takes the teeth of the bank, although it shows some of its own."""
    speaking = editor.infer(editor.edit(shut, {"upper lip": 1.5, "pucker": 1.5}).photo)
    mouth, named = OwnMouth(speaking.observed.view), {"smile": 1.9}
    after = speaking.observed.view.points[:POINTS] + editor.edit(speaking, named).change.moves
    assert mouth.keeps_teeth[1] and Opening.of(after, INNER_LIPS).width > 1.27 * mouth.opening.width
    live.open(speaking)
    box = mouth_of(speaking)
    assert psnr(live.draw({"named": named}), library(editor, speaking, named), speaking, box) >= SEEN_NEAR


def test_folded_corners_of_a_mouth_unfold_alike(editor, live, closed):
    view = closed.observed.view
    points = view.points.copy()
    for corner, beside, above in ((61, 57, 185), (291, 287, 409)):
        points[corner] = 1.3 * (points[beside] + points[above]) / 2 - 0.3 * points[corner]
    folded = replace(closed, observed=replace(closed.observed, view=replace(view, points=points)))
    named = {"mouth open": 2.0, "smile": -1.5}
    live.open(folded)
    drawn, wanted = live.draw({"named": named}), library(editor, folded, named)
    assert psnr(drawn, wanted, folded) >= SEEN
    assert psnr(drawn, wanted, folded, mouth_of(folded)) >= SEEN_NEAR
