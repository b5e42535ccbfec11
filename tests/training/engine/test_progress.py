"""Progress where there is no terminal to draw a bar on, and the schedule of a short training."""

import pytest
import torch

from training.data import progress
from training.data.progress import Progress, track
from training.engine.optimise import Schedule, fit
from training.table1.bench import CellProgress


@pytest.fixture
def clock(monkeypatch):
    """The seconds that the progress reads."""
    seconds = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: seconds[0])
    return seconds


def test_a_line_is_printed_once_in_so_many_seconds(clock, capsys):
    with Progress("step", 6, seconds=20.0) as shown:
        for step, now in enumerate((101.0, 119.0, 121.0, 122.0, 140.0, 142.0), start=1):
            clock[0] = now
            shown.update(step, f"{now:.0f} s")
    assert capsys.readouterr().err.splitlines() == ["step 3 of 6: 121 s", "step 6 of 6: 142 s"]


def test_things_are_counted_as_they_come(clock, capsys):
    seen = []
    for thing in track("abc", "photo", 3):
        clock[0] += 15
        seen.append(thing)
    assert seen == ["a", "b", "c"] and capsys.readouterr().err.splitlines() == ["photo 2 of 3: 0.1/s"]


def test_a_cell_of_table_1_shows_its_own_share(clock, capsys):
    with Progress("cell", 2, seconds=60.0) as shown:
        cells = CellProgress(shown)
        cells.begin("VAE, seed 0")
        clock[0] += 61
        cells.log(0.25, "step 500")
        cells.end("average 0.0566, 3 s")
    assert capsys.readouterr().err.splitlines() == [
        "[1] VAE, seed 0: step 500, 25%",
        "[1] VAE, seed 0: average 0.0566, 3 s",
    ]


def test_a_network_is_fitted_for_so_many_steps(capsys):
    network, target = torch.nn.Linear(3, 1), torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    losses = []

    def loss_at(step: int) -> torch.Tensor:
        losses.append((network(target) - 1).square().mean())
        return losses[-1]

    assert fit(network, loss_at, Schedule(steps=40, rate=0.1, warm_up=1), "a line") == 40 == len(losses)
    assert losses[-1] < 0.1 * losses[0] and "a line: step 40" in capsys.readouterr().err
