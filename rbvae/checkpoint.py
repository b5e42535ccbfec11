"""Checkpoints: a folder or Hub repository of config.json, model.safetensors (EMA weights) and README.md (card)."""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from rbvae.config import ModelConfig
from rbvae.errors import CheckpointError, ConfigError
from rbvae.hub import fetched
from rbvae.models.model import RbVAE

FORMAT = 1
KINDS = ("faces", "digits")
FILES = ("config.json", "model.safetensors", "README.md")  # fetched from the Hub; the card (README.md) may be missing
MAX_BYTES = 1 << 30  # of weights; larger files are rejected before they are read
MAX_CONFIG, MAX_HEADER = 1 << 20, 1 << 20  # bytes of config.json, and of the header of model.safetensors
MAX_DIRECTIONS, LONGEST_NAME = 256, 80
DTYPES = ("F16", "BF16", "F32", "I8")
NUMBERS = ("sigma", "low", "high", "moves", "correlation")  # numeric fields of a direction
CARD_HASH = "sha256 of model.safetensors: {}"  # line of the card
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)


@dataclass(frozen=True)
class Checkpoint:
    """A model with the `kind` of its data ("faces" or "digits"), its training `method`, and its directions in e-space.

    `calibration` holds reference values measured for the model, if any; see rbvae.editing.warnings.
    """

    model: RbVAE
    kind: str
    method: str = "srb"
    directions: list[dict[str, Any]] = field(default_factory=list)
    calibration: dict[str, float] = field(default_factory=dict)


def save_checkpoint(checkpoint: Checkpoint, folder: str | Path, card: str, dtype: torch.dtype = torch.float32) -> None:
    """Write a checkpoint to `folder`, which is created if missing; parameters are stored as `dtype`.

    `card` is the text of README.md. Each file is replaced atomically.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    learnt = {name for name, _ in checkpoint.model.named_parameters()}
    tensors = {
        name: (t.to(dtype) if name in learnt else t).detach().cpu().contiguous()
        for name, t in checkpoint.model.state_dict().items()
    }
    weights = save(tensors)
    sha256 = hashlib.sha256(weights).hexdigest()
    config = {
        "format": FORMAT,
        "kind": checkpoint.kind,
        "method": checkpoint.method,
        "model": checkpoint.model.config.to_dict(),
        "weights_sha256": sha256,
        "directions": checkpoint.directions,
        **({"calibration": checkpoint.calibration} if checkpoint.calibration else {}),
    }
    files = {
        "model.safetensors": weights,
        "config.json": (json.dumps(config, indent=2) + "\n").encode(),
        "README.md": _with_hash(card, sha256).encode(),
    }
    for name, content in files.items():
        write_atomically(folder / name, content)


def _with_hash(card: str, sha256: str) -> str:
    """Return the card with the hash of the weights as its last line."""
    lines = [line for line in card.splitlines() if not re.fullmatch(CARD_HASH.format("[0-9a-f]{64}"), line)]
    return "\n".join(lines).rstrip() + f"\n\n{CARD_HASH.format(sha256)}\n"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a temporary file beside `path` and rename it, so that no reader sees a partial file.

    Processes may write the same one at once: the last remains. Raises OSError that names `path`, and removes the
    temporary file.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error


def load_checkpoint(source: str | Path, revision: str | None = None) -> Checkpoint:
    """Load a checkpoint from a folder or a Hub id (`user/name`, at `revision`): float32 weights, in eval mode.

    Raises CheckpointError, which names the file and the fix, if a file is missing or truncated, a hash differs from the
    one in config.json or the card, the config has unexpected content, the weights do not match it in name, type or
    shape (checked in the file's header, before anything is allocated), or the Hub does not have this name or revision,
    requires a login or cannot be reached. Fetched files are cached: a commit id then needs no network, and a branch or
    tag is read from the cache if the Hub cannot be reached.
    """
    folder = _folder(source, revision)
    config = _config(folder / "config.json")
    try:
        shape = ModelConfig.from_dict(config["model"])
    except ConfigError as error:
        raise CheckpointError(f"{folder / 'config.json'}: {error}") from error
    _check_directions(folder / "config.json", config.get("directions", []), shape.dim_e)
    _check_card(folder / "README.md", config["weights_sha256"])
    path = folder / "model.safetensors"
    content = _content(path, config["weights_sha256"])
    _check_header(path, content, shape)
    try:
        weights = load(content)
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path} is not a safetensors file ({error}); copy the checkpoint again") from error
    model = RbVAE(shape)
    model.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in weights.items()}, strict=True)
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
    if isinstance(source, Path) or not HUB_ID.fullmatch(name) or ".." in name:
        raise CheckpointError(f"no checkpoint folder at {name}; give a folder or a Hub id such as user/name")
    return fetched(name, revision, {file: MAX_BYTES if file == "model.safetensors" else MAX_CONFIG for file in FILES})


def _config(path: Path) -> dict[str, Any]:
    """Read config.json and check the types that its readers rely on; its numbers are checked by ModelConfig."""
    try:
        if path.stat().st_size > MAX_CONFIG:
            raise CheckpointError(f"{path} has over {MAX_CONFIG} bytes; a checkpoint's config.json has a few thousand")
        config = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    except OSError as error:
        raise CheckpointError(f"{path} is missing; a checkpoint holds config.json and model.safetensors") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not valid JSON ({error}); copy the checkpoint again") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not an rbvae checkpoint of format {FORMAT}; train or download one")
    missing = {"kind", "method", "model", "weights_sha256"} - set(config)
    if missing or config["kind"] not in KINDS:
        raise CheckpointError(f"{path} lacks {sorted(missing) or 'a known kind'}; copy the checkpoint again")
    for name in ("method", "weights_sha256"):
        if not _is_name(config[name]):
            raise CheckpointError(f"{path} has no valid text in {name}; copy the checkpoint again")
    calibration = config.get("calibration", {})
    if not isinstance(calibration, dict):
        raise CheckpointError(f"{path} has a calibration that is not an object of numbers; leave it out")
    if wrong := [name for name, value in calibration.items() if not _is_finite(value)]:
        raise CheckpointError(f"{path} has a calibration without numbers in {', '.join(wrong)[:200]}; leave it out")
    return config


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is not a number")


def _is_finite(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9 and value == value


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable()


def _check_directions(path: Path, directions: Any, dim_e: int) -> None:
    """Raise CheckpointError if the directions are invalid or not for an e of `dim_e`."""
    if not isinstance(directions, list) or len(directions) > MAX_DIRECTIONS:
        raise CheckpointError(f"{path} has no list of at most {MAX_DIRECTIONS} directions; copy the checkpoint again")
    for number, one in enumerate(directions):
        valid = isinstance(one, dict) and set(one) == {"name", "vector", *NUMBERS} and _is_name(one["name"])
        vector = one["vector"] if valid else None
        valid = valid and isinstance(vector, list) and len(vector) == dim_e and all(map(_is_finite, vector))
        if not valid or not all(_is_finite(one[name]) for name in NUMBERS):
            raise CheckpointError(
                f"{path}: direction {number} is not a name, a vector of {dim_e} numbers and {', '.join(NUMBERS)}; "
                "copy the checkpoint again"
            )


def _check_card(path: Path, sha256: str) -> None:
    """Raise CheckpointError if the model card, if any, names other weights than config.json."""
    try:
        with path.open(encoding="utf-8", errors="replace") as card:
            named = re.search(CARD_HASH.format("([0-9a-f]{64})"), card.read(MAX_CONFIG))
    except OSError:
        return
    if named and named[1] != sha256:
        raise CheckpointError(f"{path} is the card of other weights than config.json names; take both from one place")


def _content(path: Path, sha256: str) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CheckpointError(f"{path} has {path.stat().st_size} bytes, over the limit of {MAX_BYTES}")
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} is missing; a checkpoint holds config.json and model.safetensors") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise CheckpointError(
            f"{path} is truncated or altered: its sha256 is not the one in config.json; copy the checkpoint again"
        )
    return content


def _check_header(path: Path, content: bytes, shape: ModelConfig) -> None:
    """Compare the header of a safetensors file with the tensors of a model of this shape; allocates nothing."""
    try:
        (length,) = struct.unpack("<Q", content[:8])
        if length > min(MAX_HEADER, len(content) - 8):
            raise ValueError(f"a header of {length} bytes")
        header = json.loads(content[8 : 8 + length])
        header.pop("__metadata__", None)
        actual = {name: tuple(tensor["shape"]) for name, tensor in header.items()}
        kinds = {str(tensor["dtype"]) for tensor in header.values()} - set(DTYPES)
    except (struct.error, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path} is not a safetensors file ({error}); copy the checkpoint again") from error
    with torch.device("meta"):  # shapes only
        expected = {name: tuple(tensor.shape) for name, tensor in RbVAE(shape).state_dict().items()}
    if kinds:
        raise CheckpointError(f"{path} has tensors of {sorted(kinds)}; a checkpoint has only {', '.join(DTYPES)}")
    if actual != expected:
        wrong = sorted(name for name in {*actual, *expected} if actual.get(name) != expected.get(name))[:3]
        raise CheckpointError(
            f"{path} does not match its config.json ({', '.join(wrong)[:200]}); take both from one checkpoint"
        )
