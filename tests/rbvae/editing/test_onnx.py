"""The exported generator makes the same pictures; without the packages it says what to install."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rbvae import ConfigError, load_checkpoint
from rbvae.config import ModelConfig
from rbvae.editing.onnx import TOLERANCE, difference, export_generator
from rbvae.models.model import RbVAE

needs_onnx = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("onnx", "onnxruntime"))), reason="onnx or onnxruntime is not installed"
)


@needs_onnx
@pytest.mark.parametrize("kind", ["faces", "digits"])
def test_the_embedded_generators_are_exported_as_one_file_that_draws_the_same(kind, tmp_path):
    model = load_checkpoint(Path(__file__).parents[3] / "checkpoints" / kind).model
    export_generator(model, tmp_path / "generator.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["generator.onnx"]
    assert difference(model, (tmp_path / "generator.onnx").read_bytes(), n=3, seed=7) < TOLERANCE


@needs_onnx
def test_a_linear_path_is_exported_too():
    model = RbVAE(ModelConfig(image_size=32, width=4, dim_z=6, dim_e=2, patch=2, linear=True)).eval()
    torch.nn.init.normal_(model.generator.linear.map.weight)
    assert difference(model, export_generator(model)) < TOLERANCE


@needs_onnx
def test_a_generator_of_codes_is_exported_too(tiny_codes):
    import onnxruntime

    model = load_checkpoint(tiny_codes).model
    content = export_generator(model)
    assert difference(model, content, n=3, seed=7) < TOLERANCE
    (output,) = onnxruntime.InferenceSession(content).get_outputs()
    assert (output.name, output.shape[1]) == ("code", 16)


@needs_onnx
def test_inputs_and_output_have_names_and_any_number_of_rows(tiny_faces):
    import onnxruntime

    session = onnxruntime.InferenceSession(export_generator(load_checkpoint(tiny_faces).model))
    assert [(one.name, one.shape) for one in session.get_inputs()] == [("z", ["N", 16]), ("e", ["N", 4])]
    assert [one.name for one in session.get_outputs()] == ["image"]


def test_it_says_what_to_install(tiny_faces, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install onnx onnxruntime"):
        export_generator(load_checkpoint(tiny_faces).model)


def test_the_module_imports_without_onnx():
    code = "import sys; sys.modules.update(onnx=None, onnxruntime=None); import rbvae.editing.onnx"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
