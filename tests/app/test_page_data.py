"""Claims about what the page is built from: its sliders and tiles, for the checkpoints that come with the app."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.page.controls import controls
from app.server.tiles import NEUTRAL, tiles
from rbvae.editing.gestures import RANGES

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"


def shipped(kind: str, gestures=()) -> SimpleNamespace:
    """Stands for an editor of a shipped checkpoint, with its directions."""
    rows = json.loads((CHECKPOINTS / kind / "config.json").read_text())["directions"]
    return SimpleNamespace(kind=kind, gestures=gestures, directions=[SimpleNamespace(**row) for row in rows])


class Hashable(SimpleNamespace):
    __hash__ = object.__hash__


def rows(editor) -> list[dict]:
    return [{"name": one.name, "low": -2, "high": 2} for one in editor.directions]


def test_all_gestures_and_clear_directions_of_a_face_have_a_slider_in_plain_words():
    editor = shipped("faces", tuple(RANGES))
    groups = dict(controls(editor, rows(editor)))
    assert list(groups) == ["Mouth", "Eyes", "Brows", "Head"]
    sliders = [slider for group in groups.values() for slider in group]
    assert {slider["name"] for slider in sliders if slider["field"] == "gesture"} == set(RANGES)
    assert {slider["name"] for slider in sliders if slider["field"] == "named"} >= {"smile", "brows up", "frown"}
    assert "blink" not in {slider["name"] for slider in sliders}  # "Eyelids" does that better
    assert all(slider["label"][0].isupper() for slider in sliders)


def test_digits_have_their_styles_and_nothing_without_a_name():
    editor = shipped("digits")
    ((group, sliders),) = controls(editor, rows(editor))
    assert group == "Style" and {slider["label"] for slider in sliders} == {"Stroke", "Red", "Green", "Blue"}


def test_the_shipped_faces_have_all_tiles():
    editor = Hashable(**vars(shipped("faces")))
    labels = [tile.label for tile in tiles(editor).values()]
    assert labels == ["Neutral", "Slight smile", "Big smile", "Surprised", "Serious", "Brows up", "Mouth open"]


@pytest.mark.parametrize("missing", ["mouth open", "smile"])
def test_a_tile_whose_directions_are_missing_is_not_offered(missing):
    editor = Hashable(**vars(shipped("faces")))
    editor.directions = [one for one in editor.directions if one.name != missing]
    assert NEUTRAL in tiles(editor)
    assert all(missing not in tile.named for tile in tiles(editor).values())
