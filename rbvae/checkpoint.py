"""A checkpoint is a folder, here or on the Hub: config.json, model.safetensors (EMA weights), README.md (its card)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from rbvae.config import ModelConfig
from rbvae.errors import CheckpointError, ConfigError
from rbvae.model import RbVAE

FORMAT = 1
KINDS = ("faces", "digits")
MAX_BYTES = 1 << 30  # of weights; larger files are refused before they are read


@dataclass(frozen=True)
class Checkpoint:
    """A model with what it was trained on ("faces" or "digits"), by which method, and its directions in e-space."""

    model: RbVAE
    kind: str
    method: str = "srb"
    directions: list[dict[str, Any]] = field(default_factory=list)


def save_checkpoint(checkpoint: Checkpoint, folder: str | Path, card: str, dtype: torch.dtype = torch.float32) -> None:
    """Writes the checkpoint's files into `folder` (made if missing), weights as `dtype`; each file replaced at once."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: t.detach().cpu().to(dtype).contiguous() for name, t in checkpoint.model.state_dict().items()}
    weights = save(tensors)
    config = {
        "format": FORMAT,
        "kind": checkpoint.kind,
        "method": checkpoint.method,
        "model": checkpoint.model.config.to_dict(),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "directions": checkpoint.directions,
    }
    files = {
        "model.safetensors": weights,
        "config.json": (json.dumps(config, indent=2) + "\n").encode(),
        "README.md": card.encode(),
    }
    for name, content in files.items():
        write_atomically(folder / name, content)


def write_atomically(path: Path, content: bytes) -> None:
    """Writes beside `path` and renames: a reader sees the old file or the new one, never half of one."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def load_checkpoint(source: str | Path, revision: str | None = None) -> Checkpoint:
    """A checkpoint from a folder or a Hub id (`user/name`, at `revision`); weights in float32, in eval mode.

    Strict: raises CheckpointError, naming the file and the fix, for a missing or truncated file, a wrong
    hash, and weights that do not match the config.
    """
    folder = _folder(source, revision)
    config = _config(folder / "config.json")
    try:
        model = RbVAE(ModelConfig.from_dict(config["model"]))
    except ConfigError as error:
        raise CheckpointError(f"{folder / 'config.json'}: {error}") from error
    weights = _weights(folder / "model.safetensors", config["weights_sha256"])
    try:
        model.load_state_dict({name: t.float() for name, t in weights.items()}, strict=True)
    except RuntimeError as error:
        detail = " ".join(str(error).split())[:300]
        raise CheckpointError(
            f"{folder / 'model.safetensors'} does not match its config.json ({detail}); take both from one checkpoint"
        ) from error
    model.eval().requires_grad_(False)
    return Checkpoint(model, config["kind"], config["method"], config.get("directions", []))


def _folder(source: str | Path, revision: str | None) -> Path:
    if Path(source).is_dir():
        return Path(source)
    name = str(source)
    if isinstance(source, Path) or name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise CheckpointError(f"no checkpoint folder at {name}; give a folder or a Hub id such as user/name")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        patterns = ["config.json", "model.safetensors", "README.md"]
        return Path(snapshot_download(name, revision=revision, allow_patterns=patterns))
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        at = f" at revision {revision}" if revision else ""
        raise CheckpointError(
            f"cannot fetch {name}{at} from the Hub ({type(error).__name__}); check the name, the network and your login"
        ) from error


def _config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path} is missing; a checkpoint holds config.json and model.safetensors") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is not valid JSON ({error}); copy the checkpoint again") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not an rbvae checkpoint of format {FORMAT}; train or download one")
    missing = {"kind", "method", "model", "weights_sha256"} - set(config)
    if missing or config["kind"] not in KINDS:
        raise CheckpointError(f"{path} lacks {sorted(missing) or 'a known kind'}; copy the checkpoint again")
    return config


def _weights(path: Path, sha256: str) -> dict[str, torch.Tensor]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CheckpointError(f"{path} holds {path.stat().st_size} bytes, over the limit of {MAX_BYTES}")
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} is missing; a checkpoint holds config.json and model.safetensors") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise CheckpointError(
            f"{path} is truncated or altered: its sha256 is not the one in config.json; copy the checkpoint again"
        )
    try:
        return load(content)
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path} is not a safetensors file ({error}); copy the checkpoint again") from error
