"""The short form of tests/fuzz_use.py: odd but honest use of the commands, the API and the page."""

from __future__ import annotations

import pytest

from tests.fuzz_use import Fuzz, served


def test_odd_use_is_served_or_refused_in_one_sentence(tiny_codes, tiny_digits, tmp_path):
    checkpoints = {"RBVAE_FACES": str(tiny_codes), "RBVAE_DIGITS": str(tiny_digits)}
    with served(log := tmp_path / "log", checkpoints) as url:
        fuzz = Fuzz(tmp_path, tiny_codes, url, log)
        try:
            for number in range(12):
                fuzz.case(number)
        finally:
            fuzz.close()
    assert fuzz.faults == []
