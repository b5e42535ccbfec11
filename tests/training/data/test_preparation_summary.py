"""Claims about what is counted of a preparation, and how references are mined in each age and ethnicity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from training.data.preparation_summary import PreparationSummary, age_group, summary


def face_row(number: int, energy: float, age: int | None = None, ethnicity: str | None = None) -> dict[str, Any]:
    said = {"source": f"{number}.jpg", "label": "", "identity": str(number), "split": "train", "reference": False}
    return said | {"energy": energy, "age": age, "ethnicity": ethnicity}


def test_references_are_a_fifth_of_every_age_and_ethnicity_however_lively_each_is():
    """Without groups the old of this set, whose energies are all higher, would have no reference at all."""
    random, tally = np.random.default_rng(0), PreparationSummary()
    groups = [
        (30, "white", 200),
        (85, "white", 100),
        (30, "asian", 60),
        (85, "asian", 30),
        (88, "black", 25),
        (5, "indian", 9),
    ]
    people = (
        [(age, ethnicity) for age, ethnicity, count in groups for _ in range(count)]
        + [(None, None)] * 50
        + [(40, None)]
    )
    for number, (age, ethnicity) in enumerate(people):
        tally.keep(face_row(number, random.uniform(0.2, 1.0) + (age or 0) / 50, age, ethnicity))
    chosen = tally.mine(0.2)
    description = tally.describe({}, 1.0)
    counted = {name: (group["faces"], group["share"]) for name, group in description["references_by_group"].items()}
    assert counted == {
        "20-39, asian": (60, 0.2),
        "20-39, white": (200, 0.2),
        "80+, smaller groups": (55, 0.2),
        "80+, white": (100, 0.2),
        "smaller groups": (9, pytest.approx(2 / 9, abs=1e-4)),
        "unknown": (51, pytest.approx(10 / 51, abs=1e-4)),
    }
    assert len(chosen) == description["references"] == 40 + 20 + 12 + 11 + 2 + 10
    told = summary(description | {"megabytes": 1.0})
    assert "references, 20-39: asian 20% of 60, white 20% of 200\n" in told
    assert "references, smaller groups: 22% of 9\nreferences, unknown: 20% of 51" in told


@pytest.mark.parametrize(
    ("age", "group"), [(0, "0-2"), (2, "0-2"), (3, "3-12"), (19, "13-19"), (59, "40-59"), (110, "80+")]
)
def test_ages_fall_in_groups(age: int, group: str):
    assert age_group(age) == group
