"""Directions do what their names say: in a model that is known, and in the shipped digits by the feature network."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rbvae import StyleEditor
from rbvae.digits.styles import FACTORS, random_styles
from rbvae.images.arrays import to_uint8
from training.evaluation.directions import find_directions
from training.evaluation.feature_net import load_features
from training.evaluation.styles import read_style

ROOT = Path(__file__).resolve().parents[3]
SIGMAS = 2


class FourPixels:
    """A model whose pictures [N, 1, 2, 2] show z and the three numbers of e, a pixel each."""

    config = SimpleNamespace(dim_e=3)

    def decode(self, z: torch.Tensor, e: torch.Tensor) -> torch.Tensor:
        return torch.cat([z, e], dim=1).reshape(-1, 1, 2, 2) / 8

    def encode(self, pictures: torch.Tensor) -> tuple[SimpleNamespace, SimpleNamespace]:
        latents = 8 * pictures.reshape(-1, 4)
        return SimpleNamespace(mean=latents[:, :1]), SimpleNamespace(mean=latents[:, 1:])


def test_each_factor_that_e_changes_has_a_direction():
    rng = torch.Generator().manual_seed(0)
    z, e = torch.randn(2000, 1, generator=rng), torch.randn(2000, 3, generator=rng)
    factors = {"first": e[:, 0], "second": 0.8 * e[:, 1] + 0.6 * e[:, 0], "in z": z[:, 0], "none": torch.zeros(2000)}
    images = SimpleNamespace(images=None, factors=torch.stack(list(factors.values()), dim=1), names=tuple(factors))
    sets = SimpleNamespace(codes=None, probe_train=images)
    subject = SimpleNamespace(model=FourPixels(), sets=sets, device=torch.device("cpu"), z_train=z, e_train=e)
    found = {direction["name"]: direction for direction in find_directions(subject)}
    assert set(found) == {"first", "second"}
    np.testing.assert_allclose(found["first"]["vector"], [1, 0, 0], atol=0.05)  # the other changes by .6, as in data
    np.testing.assert_allclose(found["second"]["vector"], [0.6, 0.8, 0], atol=0.05)
    assert found["first"]["sigma"] == pytest.approx(1, abs=0.05) and found["first"]["correlation"] > 0.99


@pytest.fixture(scope="module", params=["digits", "digits-rb"])
def effects(request) -> dict[str, np.ndarray]:
    """The mean change of the FACTORS, in standard deviations, from -2 to +2 sigma along each direction."""
    editor = StyleEditor.from_pretrained(ROOT / "checkpoints" / request.param)
    net, _ = load_features(ROOT / "checkpoints" / "features-digits")
    digits = [editor.infer(path) for path in sorted((ROOT / "app" / "examples" / "digits").iterdir())]
    z, e = (torch.from_numpy(np.stack([getattr(digit, name) for digit in digits])) for name in ("z", "e"))
    deviations = random_styles(5000, torch.Generator().manual_seed(0)).factors().std(dim=0).numpy()

    def read(along: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return read_style(net, to_uint8(editor.model.decode(z, e + torch.from_numpy(along).float())))[0]

    steps = {one.name: SIGMAS * one.sigma * one.vector for one in editor.directions}
    return {name: (read(step) - read(-step)).mean(axis=0) / deviations for name, step in steps.items()}


def test_colours_and_strokes_have_directions_and_sizes_do_not(effects):
    """The networks keep a digit's size in z, so that no step of e changes it alone."""
    assert set(effects) == {"red", "green", "blue", "width"}


@pytest.mark.parametrize("name", ["red", "green", "blue", "width"])
def test_a_direction_changes_what_it_is_named_after(effects, name):
    changes = dict(zip(FACTORS, effects[name], strict=True))
    own = changes.pop(name)
    assert own > 2
    assert all(abs(change) < 0.7 * own for change in changes.values())
    others = [change for factor, change in changes.items() if (factor in FACTORS[:3]) != (name in FACTORS[:3])]
    assert max(np.abs(others)) < 0.5 * own
