"""Controls of Table 1 are what they are called."""

import dataclasses

import pytest
import torch

from training.engine.config import TrainConfig
from training.table1.controls import untrained
from training.table1.settings import PRESETS


@pytest.mark.parametrize("preset", ["small", "codes"])
def test_features_of_an_untrained_encoder_differ_between_observations_and_seeds(preset):
    config: TrainConfig = PRESETS[preset]
    x = torch.randn(8, *config.model.observation, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        first, second = (untrained(dataclasses.replace(config, seed=seed)).eval().encode(x)[1].mean for seed in (0, 1))
    assert (first.std(dim=0) > 1e-3).all()
    assert not torch.allclose(first, second)
