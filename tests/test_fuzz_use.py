"""The short form of tests/fuzz_use.py: odd but honest photos, albums and environments."""

from __future__ import annotations

from tests.fuzz_use import Fuzz


def test_odd_photos_albums_and_environments_are_served_or_told_why_not(tiny_faces, tmp_path):
    fuzz = Fuzz(tmp_path, tiny_faces)
    for number in range(6):
        fuzz.round(number)
    assert fuzz.wrong == []
    assert fuzz.count["command edited"] >= 3 and fuzz.count["environment"] == 1
