"""Assigns people to the training and the test side, so that neither is empty."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

TEST_SHARE = 0.1


def split_of(identity: str, seed: int) -> str:
    """Assigns a person to 'train', or with probability 0.1 to 'test'; the result is the same on every machine."""
    return "test" if _draw(identity, seed) < TEST_SHARE else "train"


def lone_side(identities: Sequence[str], splits: Sequence[str], seed: int) -> dict[str, str]:
    """Returns the person who has to change sides, with the new side, if several people are all on one side.

    It is the person who is nearest to the other side, so that all other people stay where they are.
    """
    if len(set(splits)) != 1 or len(people := set(identities)) < 2:
        return {}
    drawn = _ranked(people, seed)
    return {drawn[0]: "test"} if splits[0] == "train" else {drawn[-1]: "train"}


def required_moves(rows: Sequence[Mapping[str, Any]], seed: int) -> dict[str, str]:
    """Returns the people who have to change sides, so that both have faces and references are trained on.

    `rows` have an identity, a split, and whether they are listed as a reference.
    """
    moves = lone_side([row["identity"] for row in rows], [row["split"] for row in rows], seed)
    side = {row["identity"]: moves.get(row["identity"], row["split"]) for row in rows}
    references = {row["identity"] for row in rows if row["reference"]}
    if references and all(side[who] == "test" for who in references):
        nearest = _ranked(references, seed)[-1]
        side[nearest] = moves[nearest] = "train"
        if "test" not in side.values() and (others := set(side) - {nearest}):
            moves[_ranked(others, seed)[0]] = "test"
    return moves


def _ranked(people: set[str], seed: int) -> list[str]:
    """Returns people from the nearest to the test side to the nearest to the training side."""
    return sorted(people, key=lambda identity: (_draw(identity, seed), identity))


def _draw(identity: str, seed: int) -> float:
    """Returns a number in [0, 1) that depends only on the person and the seed."""
    digest = hashlib.sha256(f"{seed}/{identity}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
