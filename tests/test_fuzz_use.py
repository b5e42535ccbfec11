"""The short form of tests/fuzz_use.py: odd but honest use of the commands, the API and the page."""

from __future__ import annotations

import pytest

from app.app import build, launch
from tests.fuzz_use import SCHEDULE, Fuzz

CASES = {"command": 3, "endpoint": 2, "page": 1, "album": 1}  # the first so many of each; the rest takes longer


@pytest.fixture(scope="module")
def url(code_editors):
    demo = build(code_editors)
    _, address, _ = launch(demo, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    yield address.rstrip("/")
    demo.close(verbose=False)


def test_odd_use_is_served_or_refused_in_one_sentence(tiny_codes, url, tmp_path):
    (tmp_path / "log").touch()
    fuzz = Fuzz(tmp_path, tiny_codes, url, tmp_path / "log")
    try:
        for surface, count in CASES.items():
            numbers = [number for number, name in enumerate(SCHEDULE) if name == surface]
            for number in numbers[:count]:
                fuzz.case(number)
    finally:
        fuzz.close()
    assert fuzz.faults == []
