"""The named expressions of the page: each is the neutral face plus a few directions, in sigmas."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from rbvae import Inference
from rbvae.editing import Editor

NEUTRAL = "neutral"
MORE = 0.5  # sigmas that "Big smile" adds to a face that smiles more than that already


@dataclass(frozen=True)
class Tile:
    """A named expression: `named` are sigmas along directions, added to the neutral e; `closed` lips stay closed.

    `also` are directions that a checkpoint may lack. Eyes open as `wide` as they may, in [0, 1].
    """

    name: str
    label: str
    named: Mapping[str, float]
    closed: bool = False
    also: Mapping[str, float] = field(default_factory=dict)
    wide: float = 0.0

    def e_of(self, editor: Editor, inference: Inference) -> np.ndarray:
        """Return the e [D_e] of this expression for a picture: the neutral e plus the directions.

        If a tile with one direction and an open mouth would take a picture back along that direction, it takes it MORE
        sigmas further instead, so that "Big smile" does not make a laugh smaller.
        """
        e = editor.moved(editor.neutral_e(inference), self.named)
        if len(self.named) == 1 and not self.closed:
            (name,) = self.named
            if (inference.e - e) @ editor.direction(name).vector > 0:
                return editor.moved(inference.e, {name: MORE})
        return e


FACES = (
    Tile(NEUTRAL, "Neutral", {}, closed=True),
    Tile("slight smile", "Slight smile", {"smile": 1.2}, closed=True),
    Tile("big smile", "Big smile", {"smile": 1.9}),
    Tile("surprised", "Surprised", {"brows up": 2.0, "mouth open": 1.8}, also={"squint": -0.8}, wide=0.8),
    Tile("serious", "Serious", {"frown": 1.6, "smile": -0.2}, closed=True),
    Tile("brows up", "Brows up", {"brows up": 2.2}, closed=True),
    Tile("mouth open", "Mouth open", {"mouth open": 2.5}),
)
MOUTH_OPEN = ("mouth open", "jaw open")  # directions that open the mouth
OTHER_NAMES = {"mouth open": "jaw open"}  # names that the same direction may have in another checkpoint


@functools.lru_cache(maxsize=4)
def tiles(editor: Editor) -> dict[str, Tile]:
    """Return the tiles, by name, whose directions the editor's checkpoint has. Digits have "Plain" alone."""
    if editor.kind == "digits":
        return {NEUTRAL: Tile(NEUTRAL, "Plain", {})}
    known = {direction.name for direction in editor.directions}
    found = {}
    for tile in FACES:
        named = {name if name in known else OTHER_NAMES.get(name, name): amount for name, amount in tile.named.items()}
        if known.issuperset(named):
            also = {name: amount for name, amount in tile.also.items() if name in known}
            found[tile.name] = replace(tile, named=named | also)
    return found
