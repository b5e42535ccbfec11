"""The model of closed eyes is fitted to shifted eyes, without those that look like no other; too few are refused."""

import numpy as np
import pytest
from PIL import Image

from rbvae.errors import DatasetError
from rbvae.faces import closed_lid
from training.tools.fit_lids import fit, main, shifted


def test_a_folder_with_too_few_closed_eyes_is_refused(tmp_path):
    Image.new("RGB", (64, 64)).save(tmp_path / "a.jpg")
    with pytest.raises(DatasetError, match="0 closed eyes"):
        main(["--photos", str(tmp_path), "--out", str(tmp_path / "lids.npz")])


def test_eyes_are_aligned_and_strange_ones_left_out(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    line = -0.6 * np.exp(-0.5 * ((closed_lid.T - 0.0) / 0.05) ** 2) * (np.abs(closed_lid.S - 0.45) < 0.5)
    eyes = [shifted(line, tuple(rng.integers(-2, 3, 2))) * rng.uniform(0.8, 1.2) for _ in range(110)]
    eyes += [rng.normal(0, 0.4, line.shape) for _ in range(10)]
    colours = np.stack(eyes)[..., None] * [0.9, 1.0, 1.1] + np.log([0.8, 0.6, 0.5])
    fit(colours, tmp_path / "lids.npz")
    monkeypatch.setattr(closed_lid, "DATA", tmp_path / "lids.npz")
    model = closed_lid.lid_model.__wrapped__()
    aligned, blurred = (np.abs(mean - line).max() for mean in (model.mean, np.mean(eyes[:110], axis=0)))
    assert aligned < 0.1 < 0.2 < blurred
    assert model.residual < 0.1 and np.allclose(model.hue, [-0.1, 0, 0.1], atol=0.02)
    assert model.components.shape == (12, *line.shape) and "98 of 120" in capsys.readouterr().out
