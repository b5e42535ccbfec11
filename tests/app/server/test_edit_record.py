"""Claims about the record of an edit: the e it leads to, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.server.edit_record import EditRecord
from app.server.tiles import MORE, NEUTRAL, tiles
from rbvae import ConfigError
from rbvae.editing.gestures import Expression


@pytest.fixture(scope="module")
def face(code_editors, astronaut):
    return code_editors.faces.infer(astronaut)


@pytest.fixture(scope="module")
def editor(code_editors):
    return code_editors.faces


def e_of(editor, face, **given):
    return EditRecord.of(editor, given).e_of(editor, face)


def test_no_edit_is_a_pictures_own_e_and_returns_its_pixels(editor, face):
    assert np.array_equal(e_of(editor, face), face.e)
    edit = EditRecord.of(editor, {}).drawn(editor, face)
    assert np.array_equal(np.asarray(edit.photo), face.source)


def test_a_tile_is_the_neutral_face_and_a_direction_and_the_amount_is_the_way_there_from_the_photo(editor, face):
    neutral = editor.neutral_e(face)
    whole = editor.moved(neutral, tiles(editor)["surprised"].named)
    assert e_of(editor, face, tile="surprised") == pytest.approx(whole)
    assert e_of(editor, face, tile="surprised", amount=0.5) == pytest.approx((face.e + whole) / 2, abs=1e-5)
    assert e_of(editor, face, tile=NEUTRAL) == pytest.approx(neutral)


def test_surprised_eyes_open_wide_by_the_amount_and_with_what_a_slider_closes(editor, face):
    def closed(**given) -> float:
        return EditRecord.of(editor, {"tile": "surprised", **given}).whole_gesture(editor).close_eyes

    wide = tiles(editor)["surprised"].wide
    assert wide > 0.5 and closed() == -wide and closed(amount=0.5) == -wide / 2 and closed(amount=1.5) == -wide
    assert closed(gesture={"close eyes": 1.0}) == pytest.approx(1 - wide)
    assert closed(gesture={"close eyes": -0.9}) == -1
    assert closed(parts=["mouth"]) == 0
    assert EditRecord.of(editor, {"tile": "big smile"}).whole_gesture(editor).still


@pytest.mark.parametrize("start", [{"tile": "surprised"}, {"tile": NEUTRAL}, {"tile": "slight smile"}, {"seed": 5}])
def test_nothing_of_an_expression_is_the_photo(editor, face, start):
    record = EditRecord.of(editor, {**start, "amount": 0})
    assert np.array_equal(np.asarray(record.drawn(editor, face).photo), face.source)


def test_who_laughs_does_not_laugh_less_for_a_big_smile(editor, face):
    """With less of a smile the tile adds more to it than with a broad one."""
    smile = editor.direction("smile")
    for sigmas in (-2.0, 4.0):
        other = replace(face, e=editor.moved(editor.neutral_e(face), {"smile": sigmas}))
        gained = (e_of(editor, other, tile="big smile") - other.e) @ smile.vector / smile.sigma
        assert gained > 1 if sigmas < 0 else gained == pytest.approx(MORE, abs=1e-4)
    assert (e_of(editor, other, tile="slight smile") - other.e) @ smile.vector < 0


def test_a_seed_gives_the_same_expression_again(editor, face):
    assert np.array_equal(e_of(editor, face, seed=5), e_of(editor, face, seed=5))
    assert e_of(editor, face, seed=5) == pytest.approx(editor.sample_e(1, 5, face)[0])
    assert not np.allclose(e_of(editor, face, seed=5), e_of(editor, face, seed=6))


def test_sliders_add_to_what_an_edit_starts_from(editor, face):
    donor = editor.sample_e(1, 3, face)[0]
    start = e_of(editor, face, e=donor.tolist())
    assert start == pytest.approx(editor.transferred_e(face, donor), abs=1e-4)
    named = {"brows up": 1.5}
    moved = e_of(editor, face, e=donor.tolist(), named=named)
    assert moved == pytest.approx(editor.moved(start, named), abs=1e-4)


def test_a_gesture_and_parts_are_drawn(editor, face):
    record = EditRecord.of(editor, {"gesture": {"close eyes": 0.5, "turn right": 3}, "parts": ["mouth"]})
    latent = record.latent(editor, face)
    assert isinstance(latent, Expression) and latent.gesture.close_eyes == 0.5 and latent.gesture.turn_right == 3
    assert record.parts == ("mouth",)


def test_parts_limit_what_an_edit_starts_from_but_no_slider(editor, face):
    def drawn(**given):
        return np.asarray(EditRecord.of(editor, given).drawn(editor, face).photo).astype(int)

    named, start = {"brows up": 2}, {"e": editor.sample_e(1, 3, face)[0].tolist(), "parts": ["mouth"]}
    assert np.array_equal(drawn(named=named, parts=["mouth"]), drawn(named=named))
    both = np.abs(drawn(**start, named=named) - drawn(**start)).mean()
    assert both == pytest.approx(np.abs(drawn(named=named) - face.source).mean(), rel=0.5) and both > 0


def test_closed_lips_stay_closed_until_a_slider_opens_the_mouth(editor):
    def closing(**given):
        return EditRecord.of(editor, given).closing(editor)

    assert closing() is None and closing(seed=1) is None
    assert closing(tile="brows up") == 1 and closing(tile="surprised") == 0
    assert closing(tile="brows up", named={"jaw open": 0.5}) == 0.5
    assert closing(tile="brows up", named={"jaw open": 3}) == 0
    assert closing(tile=NEUTRAL, amount=0.4) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "give an object"),
        ({"values": [1]}, "give an object with fields among"),
        ({"tile": "grin"}, "give one of neutral"),
        ({"tile": "neutral", "seed": 1}, "from tile and seed"),
        ({"seed": -1}, "whole number"),
        ({"seed": True}, "whole number"),
        ({"e": [1]}, "give 4 numbers"),
        ({"amount": "much"}, "give 1 numbers"),
        ({"named": {"grin": 1}}, "no direction 'grin'"),
        ({"named": {"smile": "big"}}, "give 1 numbers"),
        ({"gesture": {"dance": 1}}, "gesture="),
        ({"gesture": {"close eyes": 2}}, "close eyes=2"),
        ({"parts": ["nose"]}, "give one or more of mouth, eyes, brows"),
        ({"donor": 3}, "give the key of an opened picture"),
    ],
)
def test_a_wrong_record_is_refused_in_words(editor, given, words):
    with pytest.raises(ConfigError, match=words):
        EditRecord.of(editor, given)


def test_a_model_of_images_has_no_gestures(editors):
    with pytest.raises(ConfigError, match="gestures of eyes and head"):
        EditRecord.of(editors.faces, {"gesture": {"close eyes": 1}})
