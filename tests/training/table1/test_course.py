"""Claims about when a run ends, and about continuing one that was killed."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest
import torch

from rbvae.errors import TrainingError
from training.engine.processes import join
from training.table1.course import Budget, Course, Run, train


class Counting:
    """Trains nothing, and fails a check at step `breaks`."""

    def __init__(self, steps: int, breaks: int = 0) -> None:
        self.config = SimpleNamespace(steps=steps, report_every=1, batch=1)
        self.processes, self.step, self.breaks = join("cpu"), 0, breaks

    def update(self, x, y):
        self.step += 1
        return {"loss": torch.tensor(float("nan") if self.step == self.breaks else 1.0)}


def run_of(state: Counting, scores: dict[int, float], kept: list[int]) -> Run:
    """A run whose validation score at a step is that of `scores`, by default 1."""
    batches = SimpleNamespace(at=lambda step: (torch.zeros(1), torch.zeros(1)))
    return Run(state, batches, score=lambda: scores.get(state.step, 1.0), save=lambda folder: None,
               keep=lambda folder: kept.append(state.step))  # fmt: skip


def course_of(scores: list[float], higher: bool = False) -> Course:
    return Course(higher, list(enumerate(scores)))


def test_a_run_stalls_when_no_score_of_its_patience_is_better_by_more_than_chance():
    assert not course_of([1.0, 0.9, 0.8]).stalled(2)
    assert course_of([1.0, 0.8, 0.799, 0.8]).stalled(2)
    assert not course_of([1.0, 0.8, 0.9, 0.7]).stalled(2)
    assert course_of([0.2, 0.4, 0.4, 0.3], higher=True).stalled(2)
    assert not course_of([1.0] * 9).stalled(0)


def test_the_best_weights_are_kept_and_no_more_steps_taken(tmp_path):
    kept: list[int] = []
    state, course = Counting(100), Course(higher=False)
    scores = {2: 0.9, 4: 0.5, 6: 0.6, 8: 0.7}
    train(
        run_of(state, scores, kept), course, tmp_path, Budget(join("cpu"), patience=2, check_every=2), lambda *_: None
    )
    assert state.step == 8 and kept == [2, 4] and course.best == (4, 0.5)


def test_a_run_that_fails_is_scored_as_it_was_before(tmp_path):
    kept: list[int] = []
    course = Course(higher=False)
    run = run_of(Counting(100, breaks=7), {}, kept)
    train(run, course, tmp_path, Budget(join("cpu"), patience=0, check_every=5), lambda *_: None)
    assert "not finite" in course.trouble and [step for step, _ in course.checks] == kept == [5]


def test_a_run_that_fails_before_its_first_check_is_scored_if_it_can_be(tmp_path):
    kept: list[int] = []
    course = Course(higher=False)
    run = run_of(Counting(100, breaks=2), {}, kept)
    train(run, course, tmp_path, Budget(join("cpu")), lambda *_: None)
    assert kept == [2] and "not finite" in course.trouble

    def spoilt() -> float:
        raise ValueError("the features are not finite")

    broken = dataclasses.replace(run_of(Counting(100, breaks=2), {}, kept), score=spoilt)
    with pytest.raises(TrainingError, match="features are not finite"):
        train(broken, Course(False), tmp_path, Budget(join("cpu")), lambda *_: None)


def test_a_course_is_read_as_it_was_written(tmp_path):
    course = Course(True, [(5, 0.25), (10, 0.5)], seconds=3.0)
    course.write(tmp_path / "course.json")
    again = Course.read(tmp_path / "course.json", True)
    assert again.best == (10, 0.5) and again.seconds == 3.0 and Course.read(tmp_path / "none", True).checks == []
