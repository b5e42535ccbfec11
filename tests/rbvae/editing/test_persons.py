"""What of e is the person's own stays in neutral faces, transfers and random expressions; small edits change little."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from rbvae import ConfigError, PortraitEditor
from rbvae.editing.gestures import Gesture
from rbvae.faces.gaze import openness
from rbvae.faces.mesh import INNER_LIPS, LIDS, POINTS
from rbvae.faces.openings import Opening
from rbvae.faces.teeth import UpperTeeth
from rbvae.faces.teeth_colours import visible_teeth
from tests.mouths import painted

ROOT = Path(__file__).parents[3]
AT_REST = np.diag([0.8, 0.5, 0.2, 0.0]) + 0.1 * np.eye(4)[[1, 0, 3, 2]]  # a covariance with eigenvalues in 0..1


@pytest.fixture
def editor(tiny_codes):
    """A tiny editor of its own, so that a test may set its covariance."""
    return PortraitEditor.from_pretrained(tiny_codes)


@pytest.fixture(scope="module")
def face(tiny_codes, astronaut):
    return PortraitEditor.from_pretrained(tiny_codes).infer(astronaut)


@pytest.fixture(scope="module")
def shipped():
    return PortraitEditor.from_pretrained(ROOT / "checkpoints" / "faces")


@pytest.fixture(scope="module")
def people(shipped):
    return [shipped.infer(ROOT / name) for name in ("app/examples/astronaut.jpg", "tests/photos/made-up-2.jpg")]


def with_covariance(editor: PortraitEditor, covariance: np.ndarray) -> PortraitEditor:
    editor.model.reference_covariance.copy_(torch.from_numpy(np.asarray(covariance, np.float32)))
    return editor


def gap(edit) -> float:
    """How far an edit opens the lips, in widths of the mouth."""
    points = edit.inference.observed.view.points[:POINTS] + edit.change.moves
    return Opening.of(points, INNER_LIPS).gap


def changes_of_the_face(edit) -> np.ndarray:
    """The absolute change of the pixels in the face's box, in grey levels."""
    left, top, right, bottom = (round(edge) for edge in edit.inference.box)
    difference = np.asarray(edit.photo, int) - edit.inference.source
    return np.abs(difference[top:bottom, left:right])


def test_neutral_is_e_ref_where_references_do_not_differ(editor, face):
    np.testing.assert_array_equal(with_covariance(editor, np.zeros((4, 4))).neutral_e(face), editor.e_ref)


def test_neutral_is_the_person_s_own_e_where_references_differ_as_much_as_anybody(editor, face):
    np.testing.assert_allclose(with_covariance(editor, np.eye(4)).neutral_e(face), face.e, rtol=1e-6, atol=1e-6)


def test_neutral_lies_between_and_is_its_own_neutral_where_the_covariance_projects(editor, face):
    with_covariance(editor, np.diag([1.0, 1.0, 0.0, 0.0]))
    neutral = editor.neutral_e(face)
    np.testing.assert_allclose(neutral, [*face.e[:2], *editor.e_ref[2:]], rtol=1e-6)
    np.testing.assert_allclose(editor.neutral_e(replace(face, e=neutral)), neutral, rtol=1e-6)


def test_a_transfer_of_somebody_to_themselves_is_their_own_e(editor, face):
    for covariance in (np.zeros((4, 4)), AT_REST, np.eye(4)):
        with_covariance(editor, covariance)
        for strength in (0.0, 0.5, 1.0, 2.0):
            np.testing.assert_array_equal(editor.transferred_e(face, face.e, strength), face.e)


def test_a_transfer_leaves_what_is_the_person_s_own(editor, face):
    with_covariance(editor, np.diag([1.0, 1.0, 0.0, 0.0]))
    moved = editor.transferred_e(face, face.e + 1) - face.e
    np.testing.assert_allclose(moved[:2], 0, atol=1e-6)
    assert moved[2] > 0 and moved[2] == pytest.approx(moved[3], rel=1e-5)


def test_a_transfer_grows_evenly_with_its_strength(editor, face):
    with_covariance(editor, AT_REST)
    once, half, back = (editor.transferred_e(face, face.e + 1, s) - face.e for s in (1.0, 0.5, -1.0))
    np.testing.assert_allclose(half, once / 2, atol=1e-6)
    np.testing.assert_allclose(back, -once, atol=1e-6)
    assert np.linalg.norm(once) > 0.1
    with pytest.raises(ConfigError, match="strength"):
        editor.transferred_e(face, face.e, 4)


def test_random_expressions_of_a_person_have_the_mean_and_covariance_they_should(editor, face):
    """Over 4,032 draws the mean is off by 1/64 of a standard deviation on average, and the covariance alike."""
    with_covariance(editor, AT_REST)
    drawn = np.concatenate([editor.sample_e(64, seed, face) for seed in range(63)])
    assert drawn.shape == (4032, 4) and drawn.dtype == np.float32
    np.testing.assert_allclose(drawn.mean(axis=0), AT_REST @ (face.e - editor.e_ref), atol=0.06)
    np.testing.assert_allclose(np.cov(drawn.T), np.eye(4) - AT_REST, atol=0.08)
    plain = np.concatenate([editor.sample_e(64, seed) for seed in range(63)])
    np.testing.assert_allclose(np.cov(plain.T), np.eye(4), atol=0.08)


def test_random_expressions_without_heat_are_the_neutral_face_and_scatter_round_it_in_proportion(editor, face):
    with_covariance(editor, AT_REST)
    middle = AT_REST @ (face.e - editor.e_ref)
    calm, half, all_of_it = (
        np.stack([edit.e for edit in editor.sample(face, n=4, seed=1, temperature=t)]) for t in (0.0, 0.5, 1.0)
    )
    np.testing.assert_allclose(calm, np.tile(middle, (4, 1)), atol=1e-6)
    np.testing.assert_allclose(half - middle, (all_of_it - middle) / 2, atol=1e-6)


def test_the_row_of_teeth_depends_on_the_face_alone(shipped, people):
    """Not on the expression asked for, nor on the others drawn with it."""
    face, other = people
    es = [face.e + 1, face.e - 1, shipped.e_ref, shipped.moved(face.e, {"smile": 2})]
    mouths = [edit.change.mouth for edit in (*shipped.edits(face, es), *(shipped.edit(face, e) for e in es))]
    first = mouths[0]
    assert isinstance(first, UpperTeeth)
    for mouth in mouths[1:]:
        assert mouth.row is first.row and mouth.width == pytest.approx(first.width, rel=1e-5)
        np.testing.assert_allclose(mouth.edge, first.edge, atol=1e-3)
        np.testing.assert_array_equal(mouth.colour, first.colour)
    assert np.abs(shipped.edit(other, other.e + 1).change.mouth.colour - first.colour).max() > 1


def test_teeth_are_darker_in_a_darker_photo(shipped, people):
    face = people[0]
    dark = shipped.faces.observe((face.source * 0.5).astype(np.uint8), face.observed.view.points)
    assert dark.teeth_colour.mean() < 0.85 * face.observed.teeth_colour.mean()


def test_teeth_that_are_seen_sharply_keep_their_colour_whatever_eyes_and_blur_suggest(shipped):
    """Eyes in make-up or shadow say little of teeth; a strip of teeth that is blurred takes on the colour of lips."""
    smile = shipped.infer(ROOT / "app/examples/smile-1.jpg")
    photo, points = smile.source, smile.observed.view.points
    shaded = photo.astype(np.float32)
    for lids in LIDS:
        shaded *= 1 - 0.6 * Opening.of(points, lids).mask((0, 0, *photo.shape[1::-1]), 0)[..., None]
    seen = smile.observed.teeth_colour
    with_dark_eyes = shipped.faces.observe(shaded.astype(np.uint8), points)
    np.testing.assert_allclose(with_dark_eyes.teeth_colour, seen, rtol=0.01)
    blurred, toothless = (
        shipped.faces.observe(cv2.GaussianBlur(one, (0, 0), 8), points)
        for one in (photo, painted(photo, points, (90, 50, 50)))
    )
    np.testing.assert_allclose(blurred.teeth_colour, toothless.teeth_colour, rtol=0.05)
    assert visible_teeth(blurred.view.photo, Opening.of(points, INNER_LIPS)).mean() < 0.9 * seen.mean()


def test_teeth_seen_in_the_shade_of_lips_are_brighter_in_a_smile(shipped):
    smile = shipped.infer(ROOT / "app/examples/smile-1.jpg")
    points, opening = smile.observed.view.points, Opening.of(smile.observed.view.points, INNER_LIPS)
    shaded, toothless = (
        shipped.faces.observe(painted(smile.source, points, inside), points)
        for inside in ((135, 125, 115), (90, 50, 50))
    )
    seen, estimate = visible_teeth(shaded.view.photo, opening), toothless.teeth_colour
    assert seen.mean() < 0.8 * estimate.mean()
    np.testing.assert_allclose(shaded.teeth_colour, (seen + estimate) / 2, rtol=0.02)


def test_a_transfer_of_strength_0_is_the_photo_bit_for_bit(shipped, people):
    for onto, of in (people, people[::-1]):
        edit = shipped.transfer(of, onto, strength=0.0)
        assert edit.change.nothing
        np.testing.assert_array_equal(np.asarray(edit.photo), onto.source)


@pytest.mark.parametrize("kind", ["transfer", "neutral"])
def test_a_weak_edit_changes_the_face_by_little_and_grows_without_a_jump(shipped, people, kind):
    onto, of = people
    strengths = (0.01, 0.02, 0.05)
    if kind == "transfer":
        edits = [shipped.transfer(of, onto, strength=strength) for strength in strengths]
    else:
        edits = [shipped.edit(onto, shipped.blended(onto.e, shipped.neutral_e(onto), s)) for s in strengths]
    means = [float(changes_of_the_face(edit).mean()) for edit in edits]
    assert 0 < means[0] < means[1] < means[2] < 2  # grey levels
    assert means[1] < 4 * means[0] and means[2] < 4 * means[1]
    assert max(np.percentile(changes_of_the_face(edit), 99) for edit in edits) < 25


def test_the_lips_open_and_close_without_a_jump_as_a_transfer_grows(shipped, people):
    for onto, of in (people, people[::-1]):
        es = [shipped.transferred_e(onto, of.e, strength) for strength in np.linspace(0, 0.2, 41)]
        gaps = np.array([gap(edit) for edit in shipped.edits(onto, es)])
        steps = np.abs(np.diff(gaps))
        assert steps.max() < 3 * np.median(steps) + 1e-4


def test_a_neutral_face_has_closed_lips_and_half_of_the_way_half_open_ones(shipped, people):
    for face in people:
        own = Opening.of(face.observed.view.points, INNER_LIPS).gap
        way = [shipped.blended(face.e, shipped.neutral_e(face), s) for s in (0.25, 0.5, 0.75, 1.0)]
        gaps = [gap(edit) for edit in shipped.edits(face, way)]
        assert own > gaps[0] > gaps[1] > gaps[2] > gaps[3] and gaps[3] < 0.01
        brows = shipped.edit(face, way[3], parts=("brows",))
        assert gap(brows) == pytest.approx(own, abs=1e-6)


def test_eyes_that_are_closed_in_the_photo_stay_closed(shipped, people):
    face = people[0]
    asleep = shipped.infer(shipped.edit(face, face.e, gesture=Gesture(close_eyes=1.0)).photo)

    def opens(portrait, lids) -> float:
        edit = shipped.edit(portrait, shipped.moved(portrait.e, {"blink": -3}))
        before = portrait.observed.view.points[:POINTS]
        return openness(Opening.of(before + edit.change.moves, lids)) - openness(Opening.of(before, lids))

    for lids in LIDS:
        assert openness(Opening.of(asleep.observed.view.points, lids)) < 0.05
        assert abs(opens(asleep, lids)) < 0.01 < opens(face, lids)
