"""The browser draws with the library's numbers."""

from __future__ import annotations

import json
import re

import pytest

from app.tools.live_page import JS
from rbvae.editing import face_model
from rbvae.editing.page_constants import USED, page_constants
from rbvae.faces import deforming, lips, turning
from rbvae.faces.shading import Gains

SCRIPTS = {path.name: path.read_text(encoding="utf-8") for path in (JS / "live").glob("*.js")}
OWN = {  # numbers that scripts repeat, by script and name
    ("crop.js", "CROP"): face_model.MARGIN,
    ("turning.js", "EARS"): turning.EARS,
    ("turning.js", "MOUTH"): turning.MOUTH,
    ("turning.js", "DEPTH"): turning.DEPTH,
    ("turning.js", "STIFF"): turning.STIFF,
    ("turning.js", "DEEP"): turning.DEEP,
    ("turning.js", "REACH"): turning.REACH,
    ("turning.js", "LARGE"): turning.LARGE,
    ("turning.js", "RINGS"): turning.RINGS,
    ("turning.js", "EDITED"): deforming.RING,
    ("portrait.js", "RING"): deforming.RING,
    ("folding.js", "THIN"): deforming.THIN,
    ("folding.js", "ROUNDS"): deforming.ROUNDS,
    ("folding.js", "SMOOTHINGS"): deforming.SMOOTHINGS,
}


@pytest.mark.parametrize(("script", "name"), OWN, ids="-".join)
def test_numbers_that_scripts_repeat_are_those_of_the_library(script, name):
    found = re.search(rf"^(?:export )?const {name} = ([^;]+);", SCRIPTS[script], re.MULTILINE)
    assert found and json.loads(found[1]) == json.loads(json.dumps(OWN[script, name]))


def test_a_changed_constant_reaches_the_page(monkeypatch):
    monkeypatch.setattr(lips, "PARTED", 0.5)
    constants = page_constants(Gains(darker=3.0))
    assert constants["lips"]["PARTED"] == 0.5
    assert constants["shading"]["DARKER"] == 3.0


@pytest.mark.parametrize("module", USED, ids=lambda module: module.__name__.rpartition(".")[2])
def test_scripts_use_every_constant_that_they_get(module):
    prefix = module.__name__.rpartition(".")[2].upper()
    every = " ".join(SCRIPTS.values())
    unused = [name for name in USED[module] if not re.search(rf"\b({prefix}_)?{name}\b", every)]
    assert not unused
