"""The picture of what checkpoints do."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rbvae.checkpoint import Checkpoint, save_checkpoint
from rbvae.config import ModelConfig
from rbvae.errors import ConfigError
from rbvae.images.arrays import to_float
from rbvae.models.model import RbVAE
from training.evaluation.grids import stacked
from training.tools.figures import DONORS, RANDOM, ROWS, block, captions, main, rows_of

SMALL = ModelConfig(image_size=32, width=4, dim_z=4, dim_e=3, patch=2)


def a_checkpoint(seed: int = 0, method: str = "srb", config: ModelConfig = SMALL, kind: str = "faces") -> Checkpoint:
    torch.manual_seed(seed)
    told = (("frown", 0.3, [1.0, 0, 0]), ("smile", -0.8, [0, 1.0, 0]), ("other", 0.1, [0, 0, 1.0]))
    range_ = {"sigma": 0.5, "low": -2.0, "high": 2.0, "moves": 5.0}
    directions = [{"name": name, "correlation": c, "vector": vector, **range_} for name, c, vector in told]
    return Checkpoint(RbVAE(config).eval(), kind, method, directions)


def some_images(n: int = DONORS + ROWS) -> torch.Tensor:
    return torch.randint(0, 256, (n, 3, 32, 32), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def same(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, atol=1e-4, rtol=0)  # one batch or another


@torch.inference_mode()
def test_a_row_is_the_image_rebuilt_plain_at_random_slid_and_with_the_top_row_s_e():
    checkpoint, images = a_checkpoint(), some_images()
    top, first, *_ = rows_of(checkpoint, images, seed=3)
    model, x = checkpoint.model, to_float(images)
    z, e = (q.mean for q in model.encode(x[DONORS : DONORS + 1]))
    same(torch.stack(top[-DONORS:]), x[:DONORS])
    same(first[1], model.decode(z, e)[0])
    same(first[2], model.decode_reference(z)[0])
    smile = e + 2.0 * 0.5 * torch.tensor([0, 1.0, 0])  # the clearest, whatever its sign, comes first
    same(first[3 + RANDOM], model.decode(z, smile)[0])
    same(first[-DONORS], model.decode(z, model.encoder_e(x[:1]).mean)[0])
    assert list(captions(checkpoint).items())[-3:] == [
        (7, "smile +2"),
        (8, "frown +2"),
        (9, "expression of the top row"),
    ]


def test_without_directions_there_are_no_sliders():
    bare = Checkpoint(a_checkpoint().model, "digits", "rb")
    assert len(rows_of(bare, some_images(), 0)[1]) == 3 + RANDOM + DONORS
    assert captions(bare)[3 + RANDOM] == "style of the top row"


def test_several_checkpoints_stand_below_each_other():
    one, other = (block(a_checkpoint(seed), some_images(), 0) for seed in (0, 1))
    both = stacked([one, other])
    assert both.size == (one.width, one.height + other.height)
    assert both.crop((0, one.height, one.width, both.height)).tobytes() == other.tobytes()


def test_checkpoints_of_two_kinds_are_refused_by_name(tmp_path: Path):
    save_checkpoint(a_checkpoint(), tmp_path / "a", "# a\n")
    save_checkpoint(a_checkpoint(kind="digits"), tmp_path / "b", "# b\n")
    with pytest.raises(ConfigError, match="digits at 32 px, faces at 32 px; give checkpoints of one kind"):
        main(
            ["--checkpoint", str(tmp_path / "a"), str(tmp_path / "b"), "--data", "x", "--out", str(tmp_path / "o.png")]
        )
