"""A checkpoint is a folder, here or on the Hub: config.json, model.safetensors (EMA weights), README.md (its card)."""

from __future__ import annotations

import hashlib
import json
import re
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
FILES = ("config.json", "model.safetensors", "README.md")  # what is fetched from the Hub; the card may be missing
MAX_BYTES = 1 << 30  # of weights; larger files are refused before they are read


@dataclass(frozen=True)
class Checkpoint:
    """A model with what it was trained on ("faces" or "digits"), by which method, and its directions in e-space.

    `calibration` says what is usual for it, where that was measured; see rbvae.calibration.
    """

    model: RbVAE
    kind: str
    method: str = "srb"
    directions: list[dict[str, Any]] = field(default_factory=list)
    calibration: dict[str, float] = field(default_factory=dict)


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
        **({"calibration": checkpoint.calibration} if checkpoint.calibration else {}),
    }
    files = {
        "model.safetensors": weights,
        "config.json": (json.dumps(config, indent=2) + "\n").encode(),
        "README.md": card.encode(),
    }
    for name, content in files.items():
        write_atomically(folder / name, content)


def write_atomically(path: Path, content: bytes) -> None:
    """Writes beside `path` and renames: a reader sees the old file or the new one, never half of one.

    Raises OSError that names `path`; nothing half-written stays.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error


def load_checkpoint(source: str | Path, revision: str | None = None) -> Checkpoint:
    """A checkpoint from a folder or a Hub id (`user/name`, at `revision`); weights in float32, in eval mode.

    Strict: raises CheckpointError, naming the file and the fix, for a missing or truncated file, a wrong
    hash, weights that do not match the config, and a Hub that has no such name or revision, wants a login or
    cannot be reached. What was fetched once is found again without network: by commit id always, by branch
    or tag when the Hub cannot be reached.
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
    return Checkpoint(
        model, config["kind"], config["method"], config.get("directions", []), config.get("calibration", {})
    )


def _folder(source: str | Path, revision: str | None) -> Path:
    if Path(source).is_dir():
        if revision is not None:
            raise CheckpointError(f"{source} is a folder and has no revision {revision}; leave the revision out")
        return Path(source)
    name = str(source)
    if isinstance(source, Path) or name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise CheckpointError(f"no checkpoint folder at {name}; give a folder or a Hub id such as user/name")
    from huggingface_hub.errors import HTTPError

    try:
        return _download(name, revision)
    except (HTTPError, OSError, ValueError) as error:
        at = f" at revision {revision}" if revision else ""
        raise CheckpointError(f"cannot fetch {name}{at} from the Hub: {hub_advice(error)}") from error


def _download(name: str, revision: str | None) -> Path:
    """The checkpoint's files in the Hub's local cache, fetched unless they are there."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    if revision and re.fullmatch("[0-9a-f]{40}", revision):  # a commit never changes: no need to ask the Hub
        try:
            cached = Path(snapshot_download(name, revision=revision, allow_patterns=list(FILES), local_files_only=True))
            if all((cached / required).is_file() for required in FILES[:2]):
                return cached
        except LocalEntryNotFoundError:
            pass
        HfApi().model_info(name, revision=revision, timeout=10)  # fails at once where a download retries for 23 s
    return Path(snapshot_download(name, revision=revision, allow_patterns=list(FILES)))


def hub_advice(error: Exception) -> str:
    """What the Hub's refusal means and what helps, in one line; its login, names, revisions, and the way to it."""
    from huggingface_hub import constants, errors

    if isinstance(error, errors.GatedRepoError):
        return "its owner grants access one by one; ask for it on its page, then log in with `hf auth login`"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "there is none that you may see; check the name, and if it is private, `hf auth login` or set HF_TOKEN"
    if isinstance(error, errors.RevisionNotFoundError):
        return "there is no such revision; give one of its branches, tags or commit ids, or none for main"
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        if status in (401, 403):
            return f"it refuses ({status}); log in with `hf auth login`, or set HF_TOKEN to a token that may do this"
        return f"it answers {status} ({' '.join(str(error).split())[:200]}); try again later"
    if constants.HF_HUB_OFFLINE:
        absent = " and the local cache does not hold it" if isinstance(error, errors.LocalEntryNotFoundError) else ""
        return f"HF_HUB_OFFLINE is set{absent}; unset it and try again"
    if isinstance(error, ValueError):
        said = " ".join(str(error).split())[:200]
        return f"{said}; check the name" if isinstance(error, errors.HFValidationError) else said
    return f"{constants.ENDPOINT} cannot be reached ({type(error).__name__}); check the network"


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
