"""Claims about the probes and metrics of Table 1."""

from __future__ import annotations

import numpy as np
import pytest

from training.table1.features import Latents, equal
from training.table1.metrics import disentanglement
from training.table1.probes import nonlinear_probe, probe, thirds
from training.table1.task import CLASSES, FOLDS


@pytest.fixture
def independent() -> np.ndarray:
    """Five factors that know nothing of each other, [2000, 5]."""
    return np.random.default_rng(0).uniform(size=(2000, 5))


def test_a_code_that_is_the_factors_is_perfectly_disentangled(independent):
    noise = np.random.default_rng(1).normal(size=(2000, 2))
    scores = disentanglement(np.hstack([noise, 3 * independent[:, ::-1]]), independent)
    assert min(scores.values()) > 0.95, scores


def test_noise_is_not_disentangled(independent):
    scores = disentanglement(np.random.default_rng(1).normal(size=(2000, 8)), independent)
    assert max(scores.values()) < 0.05, scores


def test_a_rotated_code_is_entangled_though_a_probe_reads_it(independent):
    rotation, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(5, 5)))
    rotated = (independent - 0.5) @ rotation
    scores = disentanglement(rotated, independent)
    assert max(scores["mig"], scores["sap"], scores["dci_disentanglement"]) < 0.5, scores
    assert probe(rotated, independent, tuple("abcde"), thirds(independent))["average"] < 1e-9


def test_a_collapsed_code_scores_nothing_rather_than_failing(independent):
    assert max(disentanglement(np.zeros((2000, 4)), independent).values()) == 0


def test_a_probe_of_the_factors_themselves_makes_no_error(independent):
    score = probe(independent, independent, tuple("abcde"), thirds(independent))
    assert score["average"] < 1e-9 and max(score["factors"].values()) < 1e-9 and len(score["splits"]) == FOLDS


def test_a_probe_of_the_classes_themselves_recognises_all_and_chance_is_one_over_their_number():
    classes = np.repeat(np.arange(6), [300, 9, 100, 400, 200, 50])
    known = probe(np.eye(6)[classes], classes, CLASSES, thirds(classes))
    nothing = probe(np.zeros((len(classes), 1)), classes, CLASSES, thirds(classes))
    assert known["average"] == 1.0
    assert nothing["average"] == pytest.approx(1 / 6)


@pytest.mark.parametrize("targets", [np.zeros((100, 5)), np.repeat([0, 1], [91, 9])], ids=["factors", "classes"])
def test_every_held_out_image_is_scored_once_and_never_by_a_probe_that_saw_it(targets):
    splits = thirds(targets)
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(100))
    assert not any(set(train) & set(test) for train, test in splits)
    if targets.ndim == 1:
        assert [targets[test].sum() for _, test in splits] == [3, 3, 3]


def test_a_nonlinear_probe_sees_what_a_linear_one_cannot():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(900, 3))
    factors = np.abs(x)
    classes = (x[:, 0] * x[:, 1] > 0).astype(int)
    for targets, names, better in ((factors, tuple("abc"), np.less), (classes, tuple("ab"), np.greater)):
        linear = probe(x, targets, names, thirds(targets))["average"]
        assert better(nonlinear_probe(x, targets, names)["average"], linear)


def test_a_nonlinear_probe_is_the_same_every_time_and_finds_nothing_in_noise():
    rng = np.random.default_rng(0)
    noise, classes = rng.normal(size=(600, 4)), np.repeat(np.arange(6), 100)
    scores = [nonlinear_probe(noise, classes, CLASSES)["average"] for _ in range(2)]
    assert scores[0] == scores[1] == pytest.approx(1 / 6, abs=0.05)


def test_all_methods_give_the_probe_as_many_numbers():
    rng = np.random.default_rng(0)
    latents, validation = (Latents(rng.normal(size=(50, 6)), rng.normal(size=(50, 4))) for _ in range(2))
    assert equal("e", latents, validation) is latents.e
    assert equal("ze", latents, validation).shape == (50, 4)


def test_fewer_numbers_of_a_latent_are_its_leading_principal_components():
    rng = np.random.default_rng(0)
    e = rng.normal(size=(400, 2))
    latents = Latents(0.01 * rng.normal(size=(400, 6)), 5 * e)
    reduced = equal("ze", latents, latents)
    assert probe(reduced, e, ("a", "b"), thirds(e))["average"] < 0.01
