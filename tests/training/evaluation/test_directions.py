"""The directions of the shipped digits do what their names say, as the feature network reads it in pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch

from rbvae import StyleEditor
from rbvae.digits.styles import FACTORS, random_styles
from rbvae.images.arrays import to_uint8
from training.evaluation.feature_net import load_features
from training.evaluation.styles import read_style

ROOT = Path(__file__).resolve().parents[3]
SIGMAS = 2


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
