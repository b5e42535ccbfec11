"""What differs between references is measured after training, kept in the checkpoint, and left out of directions."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rbvae import PortraitEditor, load_checkpoint
from rbvae.checkpoint import Checkpoint, save_checkpoint
from training.engine.cli import run_command
from training.evaluation.codes import measure_references
from training.evaluation.directions import gentle_step
from training.train import main

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run(prepared_faces, tmp_path_factory):
    """The checkpoint of a tiny run."""
    out = tmp_path_factory.mktemp("runs") / "tiny"
    options = ["--preset", "tiny-code", "--data", prepared_faces, "--out", out, "--device", "cpu", "--steps", 4]
    assert run_command(main, [str(option) for option in options]) == 0
    return out / "checkpoint"


def codes_of(codes: torch.Tensor, references: torch.Tensor) -> SimpleNamespace:
    return SimpleNamespace(statistics=SimpleNamespace(codes=codes, references=references))


def test_a_run_writes_a_covariance_and_the_editor_reads_it(run):
    covariance = load_checkpoint(run).model.reference_covariance.numpy()
    assert covariance.shape == (4, 4) and covariance.dtype == np.float32
    np.testing.assert_array_equal(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > -1e-6 and np.trace(covariance) > 0
    editor = PortraitEditor.from_pretrained(run)
    np.testing.assert_array_equal(editor.model.reference_covariance.numpy(), covariance)


def test_the_covariance_is_that_of_e_over_references_alone(tiny_codes):
    model = load_checkpoint(tiny_codes).model.eval()
    assert not model.reference_covariance.any()
    codes = torch.randn(300, model.config.dim_code, generator=torch.Generator().manual_seed(0))
    references = torch.arange(300) < 120
    measure_references(model, codes_of(codes, references), CPU)
    with torch.no_grad():
        e = model.encode(codes[references])[1].mean
    torch.testing.assert_close(model.reference_covariance, torch.cov(e.T))
    everybody = torch.ones(300, dtype=torch.bool)
    before = model.reference_covariance.clone()
    measure_references(model, codes_of(codes, everybody), CPU)
    assert not torch.allclose(model.reference_covariance, before)


def test_it_survives_a_checkpoint_of_half_precision_bit_for_bit(tiny_codes, tmp_path):
    model = load_checkpoint(tiny_codes).model
    model.reference_covariance.copy_(torch.cov(torch.randn(4, 9, generator=torch.Generator().manual_seed(0))))
    save_checkpoint(Checkpoint(model, "faces"), tmp_path, card="# tiny\n", dtype=torch.float16)
    again = load_checkpoint(tmp_path).model
    torch.testing.assert_close(again.reference_covariance, model.reference_covariance, rtol=0, atol=0)


def test_a_model_of_images_has_none(tiny_faces):
    assert "reference_covariance" not in load_checkpoint(tiny_faces).model.state_dict()


EFFECT = np.array([[1.0, 0.6, 0.0, 0.2], [0.0, 1.0, 0.3, 0.0], [0.2, 0.0, 0.0, 1.0]])  # of 3 factors


def test_a_gentle_step_adds_one_to_its_factor_and_little_to_the_others():
    for row in range(3):
        moved = EFFECT @ gentle_step(EFFECT, row, np.eye(4))
        assert moved[row] == pytest.approx(1)
        assert np.abs(np.delete(moved, row)).max() < 0.1
        plain = EFFECT @ EFFECT[row] / np.square(EFFECT[row]).sum()
        assert np.abs(np.delete(moved, row)).max() < np.abs(np.delete(plain, row)).max()


def test_a_gentle_step_avoids_what_no_expression_changes():
    """Where two ways lead to a factor, the one along which expressions vary is taken."""
    effect, expression = np.array([[1.0, 1.0, 0, 0], [0, 0, 1.0, 0]]), np.diag([0.9, 0.1, 0.9, 0.9])
    step = gentle_step(effect, 0, expression)
    np.testing.assert_allclose(step, [0.9, 0.1, 0, 0], atol=1e-9)


def test_factors_that_are_correlated_change_together():
    """As shares of colours do: more of one is less of the others."""
    effect = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    moved = effect @ gentle_step(effect, 0, np.eye(3), together=np.array([1.0, -0.5, 0.0]))
    np.testing.assert_allclose(moved, [1, -0.5, 0], atol=0.02)


def test_a_whole_expression_changes_other_factors_as_they_vary_together():
    """Without a penalty, the step is the regression of e on the factor."""
    expression = np.diag([0.9, 0.1, 0.5, 0.7])
    step = gentle_step(EFFECT, 0, expression, alone=0)
    regression = expression @ EFFECT[0] / (EFFECT[0] @ expression @ EFFECT[0])
    np.testing.assert_allclose(step, regression, atol=1e-9)
