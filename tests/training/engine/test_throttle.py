"""Lines where there is no terminal to draw a bar on."""

import io

import pytest
from rich.console import Console

from training.engine.throttle import Throttle
from training.prepare_faces import _progress
from training.table1.cells import on_screen


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when they are told to."""
    seconds = [100.0]
    monkeypatch.setattr("training.engine.throttle.time.monotonic", lambda: seconds[0])
    return seconds


def test_a_line_is_due_once_in_so_many_seconds(clock):
    throttle, due = Throttle(20.0), []
    for now in (100.0, 119.0, 121.0, 122.0, 140.0, 142.0):
        clock[0] = now
        due.append(throttle.due())
    assert due == [False, False, True, False, False, True]


def test_photos_are_counted_in_a_log_too(monkeypatch):
    monkeypatch.setattr(Throttle, "due", lambda self: True)
    told = io.StringIO()
    assert list(_progress(iter("abc"), 3, Console(file=told))) == ["a", "b", "c"]
    assert [line.split(",")[0] for line in told.getvalue().splitlines()] == [f"{k} of 3 photos" for k in (1, 2, 3)]


def test_a_cell_of_table_1_tells_of_itself_in_a_log_too(monkeypatch, capsys):
    monkeypatch.setattr(Throttle, "due", lambda self: True)
    with on_screen(2) as begin:
        log, end = begin("VAE, seed 0")
        log(0.25, "step 500")
        end("average 0.0566, 3 s")
    said = capsys.readouterr().err.splitlines()
    assert said == ["[1/2] VAE, seed 0: step 500, 25%", "[1/2] VAE, seed 0: average 0.0566, 3 s"]
