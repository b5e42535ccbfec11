"""Classifiers of what a photo shows are fitted to labels, saved, and read again."""

import numpy as np
import pytest

from rbvae.faces.classifier import Classifier
from training.tools.fit_classifiers import FITS, fitted, labels_of


def test_a_classifier_tells_what_it_is_fitted_to_before_and_after_a_file(tmp_path, capsys):
    rng = np.random.default_rng(0)
    labels = rng.random(400) < 0.3
    rows = rng.normal(size=(400, 6)) + 2.0 * labels[:, None] * [1, 1, 0, 0, 0, 0]
    found = fitted("glasses", labels, rows)
    assert "AUC 0.9" in capsys.readouterr().out
    scores = np.array([found.score(row) for row in rows])
    for share, threshold in zip(FITS["glasses"][2], found.thresholds, strict=True):
        assert (scores[~labels] > threshold).mean() < share + 0.02 and (scores[labels] > threshold).mean() > 0.5
    found.save(tmp_path / "one.json")
    read = Classifier.load(tmp_path / "one.json")
    assert len(read.thresholds) == 2
    np.testing.assert_allclose([read.score(row) for row in rows], scores, atol=0.1)


@pytest.mark.parametrize(("name", "least"), [("glasses", 1900), ("visible_teeth", 1300)])
def test_labels_are_of_one_kind_or_the_other(name, least):
    labels = labels_of(name)
    assert len(labels) > least and 0.1 < np.mean(list(labels.values())) < 0.9
    assert all(image.endswith(".jpg") for image in labels)
    assert len(FITS[name][0].classifier().thresholds) == len(FITS[name][2])
