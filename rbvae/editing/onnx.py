"""Export of the generator to ONNX, for ONNX Runtime or a browser; needs the packages onnx and onnxruntime."""

from __future__ import annotations

import importlib
import importlib.util
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch

from rbvae.checkpoint import write_atomically
from rbvae.errors import ConfigError
from rbvae.models.model import RbVAE

TOLERANCE = 1e-4  # for images with values in [-1, 1], and codes with a mean square of 1
OPSET = 17


def export_generator(model: RbVAE, path: str | Path | None = None) -> bytes:
    """Export G to ONNX, check it against PyTorch and write it to `path`; returns the file's bytes.

    The inputs are `z` [N, D_z] and `e` [N, D_e]; the output is `image` [N, 3, S, S], or `code` [N, K] for a model of
    codes. Raises ConfigError if a package is missing or the outputs of ONNX Runtime and PyTorch differ.
    """
    for package in ("onnx", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            raise ConfigError(f"{package} is not installed; pip install onnx onnxruntime")
    drawn = model.config.observes
    latents = (torch.zeros(1, model.config.dim_z), torch.zeros(1, model.config.dim_e))
    # only the legacy exporter writes a single file, and it warns that it is deprecated
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "generator.onnx"
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.generator.cpu().eval(),
            latents,
            str(file),
            input_names=["z", "e"],
            output_names=[drawn],
            dynamic_axes={name: {0: "N"} for name in ("z", "e", drawn)},
            opset_version=OPSET,
            dynamo=False,
        )
        content = file.read_bytes()
    if (error := difference(model, content)) > TOLERANCE:
        raise ConfigError(f"the exported generator differs by {error:.1e} from PyTorch's; use another version of onnx")
    if path is not None:
        write_atomically(Path(path), content)
    return content


@torch.inference_mode()
def difference(model: RbVAE, content: bytes, n: int = 5, seed: int = 0) -> float:
    """Return the largest difference between the outputs of ONNX Runtime and PyTorch for n random latents."""
    onnxruntime = importlib.import_module("onnxruntime")
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n, model.config.dim_z)).astype(np.float32)
    e = rng.standard_normal((n, model.config.dim_e)).astype(np.float32)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (drawn,) = session.run(None, {"z": z, "e": e})
    return float(np.abs(drawn - model.decode(torch.from_numpy(z), torch.from_numpy(e)).numpy()).max())
