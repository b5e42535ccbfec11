"""Nothing that comes with a checkpoint or a run can run code, take much memory, or pass for something else."""

from __future__ import annotations

import ast
import hashlib
import json
import pickle
import struct
import time
from pathlib import Path

import pytest
import torch

from rbvae.checkpoint import load_checkpoint
from rbvae.errors import CheckpointError, TrainingError
from training.engine.config import get_preset
from training.engine.processes import Processes
from training.engine.state import TrainingState

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path for part in ("rbvae", "app", "training") for path in (ROOT / part).rglob("*.py")]
UNSAFE = {"pickle", "_pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "cloudpickle", "jsonpickle", "pandas"}
HARMLESS = {"pickle.UnpicklingError"}  # an error, which unpickles nothing
RUNS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "yaml.load",
    "yaml.unsafe_load",
    "os.system",
}


class Bomb:
    """Unpickled, it leaves a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


@pytest.fixture
def folder(tiny_faces, tmp_path):
    """A copy of a good checkpoint to spoil."""
    for path in tiny_faces.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def put(folder: Path, **fields) -> None:
    """Changes fields of config.json; those of the model by their own names."""
    config = json.loads((folder / "config.json").read_text())
    for name, value in fields.items():
        (config["model"] if name in config["model"] else config)[name] = value
    (folder / "config.json").write_text(json.dumps(config))


def put_weights(folder: Path, content: bytes) -> None:
    """Other weights, whose hash is right."""
    (folder / "model.safetensors").write_bytes(content)
    put(folder, weights_sha256=hashlib.sha256(content).hexdigest())
    (folder / "README.md").unlink(missing_ok=True)


def keyword(call: ast.Call, name: str) -> object:
    """A call's literal argument of that name."""
    return next(
        (one.value.value for one in call.keywords if one.arg == name and isinstance(one.value, ast.Constant)), None
    )


def unsafe(text: str) -> list[str]:
    """What in a source could unpickle or run what it is given."""
    found, harmless = [], set()
    for node in ast.walk(ast.parse(text)):  # from the outside in: an attribute comes before its module
        if isinstance(node, ast.Attribute) and ast.unparse(node) in HARMLESS:
            harmless.add(node.value)
        elif isinstance(node, ast.Attribute) and "pickle" in node.attr.lower():
            found.append(ast.unparse(node))
        elif isinstance(node, ast.Name) and node.id in UNSAFE and node not in harmless:
            found.append(node.id)
        elif isinstance(node, ast.Import):
            found += [one.name for one in node.names if one.name in UNSAFE - {"pickle"}]  # pickle's uses are looked at
            found += [one.name for one in node.names if one.asname and one.name in ("pickle", "torch")]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{one.name}" for one in node.names]
            found += [name for name in names if name.split(".")[0] in UNSAFE or name in ("torch.load", "numpy.load")]
        elif isinstance(node, ast.Call):
            found += unsafe_call(ast.unparse(node.func), node)
    return found


def unsafe_call(name: str, call: ast.Call) -> list[str]:
    """Its name, if a call unpickles or runs something."""
    good = {
        "torch.load": keyword(call, "weights_only") is True,
        "np.load": keyword(call, "allow_pickle") is False,
        "numpy.load": keyword(call, "allow_pickle") is False,
    }.get(name, name not in RUNS and keyword(call, "allow_pickle") is not True and keyword(call, "shell") is not True)
    return [] if good else [name]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_can_reach_a_pickle(path):
    assert unsafe(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle\npickle.load(stream)",
        "import pickle\nread = pickle.loads",
        "import pickle as p\np.load(stream)",
        "from pickle import load",
        "from pickle import Unpickler as U",
        "import _pickle",
        "import pandas",
        "table.read_pickle(path)",
        "pickle.UnpicklingError.__init__\npickle.load",
        "import joblib",
        "from joblib import load",
        "import dill",
        "from dill import loads",
        "import shelve",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "numpy.load(path)",
        "from numpy import load",
        "np.lib.npyio.NpzFile(path, allow_pickle=True)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "import torch as t\nt.load(path)",
        "from torch import load",
        "eval(text)",
        "subprocess.run(text, shell=True)",
    ],
)
def test_that_search_finds_every_way_to_a_pickle(text):
    assert unsafe(text) != []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle\ntry:\n    f()\nexcept pickle.UnpicklingError:\n    pass",
        "import numpy as np\nnp.load(path, allow_pickle=False)",
        "torch.load(path, weights_only=True)",
        "json.load(stream)",
    ],
)
def test_that_search_leaves_the_rest_alone(text):
    assert unsafe(text) == []


def test_a_pickle_named_safetensors_is_refused_and_not_run(folder):
    mark = folder / "ran"
    put_weights(folder, pickle.dumps(Bomb(mark)))
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        load_checkpoint(folder)
    torch.save({"weight": Bomb(mark)}, folder / "model.pt")
    put_weights(folder, (folder / "model.pt").read_bytes())
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        load_checkpoint(folder)
    assert not mark.exists()


def test_a_pickle_in_a_training_state_is_refused_and_not_run(tmp_path):
    mark, path = tmp_path / "ran", tmp_path / "state.pt"
    for content in (pickle.dumps(Bomb(mark), protocol=2), None):
        if content is None:
            torch.save({"config": Bomb(mark), "step": 1}, path)
        else:
            path.write_bytes(content)
        with pytest.raises(TrainingError, match="damaged"):
            TrainingState(get_preset("tiny"), Processes(torch.device("cpu"))).restore(path)
    assert not mark.exists()


@pytest.mark.parametrize("saved", [[1], {"step": 3}, {"config": 1}, "state"])
def test_a_file_that_is_no_state_is_refused_with_the_way_out(tmp_path, saved):
    torch.save(saved, tmp_path / "state.pt")
    with pytest.raises(TrainingError, match="no state of a run; delete the run folder"):
        TrainingState(get_preset("tiny"), Processes(torch.device("cpu"))).restore(tmp_path / "state.pt")


def header(tensors: object) -> bytes:
    """The beginning of a safetensors file."""
    text = tensors if isinstance(tensors, bytes) else json.dumps(tensors).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 2**40) + b"{}",
        header(b"[" * 100_000),
        header(b"[]"),
        header({"a": 1}),
        header({"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}),
        header({"e_ref": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}) + bytes(16),
    ],
    ids=["empty", "short", "endless", "terabyte", "nested", "list", "number", "huge tensor", "one tensor"],
)
def test_hostile_weights_are_refused_in_a_moment(folder, content):
    put_weights(folder, content)
    started = time.monotonic()
    with pytest.raises(CheckpointError, match="model.safetensors"):
        load_checkpoint(folder)
    assert time.monotonic() - started < 2


def test_weights_of_another_type_or_with_more_in_them_are_refused(folder):
    from safetensors.torch import load, save

    whole = load((folder / "model.safetensors").read_bytes())
    for changed, said in (
        ({**whole, "extra": torch.zeros(2)}, "does not match its config.json .extra"),
        ({name: tensor for name, tensor in whole.items() if name != "e_ref"}, "does not match its config.json .e_ref"),
        ({**whole, "e_ref": torch.zeros(5)}, "does not match its config.json .e_ref"),
        ({**whole, "e_ref": whole["e_ref"].to(torch.int64)}, "I64"),
    ):
        put_weights(folder, save(changed))
        with pytest.raises(CheckpointError, match=said):
            load_checkpoint(folder)


def test_the_largest_model_that_a_config_may_ask_for_allocates_nothing(folder):
    put(folder, image_size=512, patch=1, width=512, max_width=2048, dim_z=4096, dim_e=4096, directions=[])
    started = time.monotonic()
    with pytest.raises(CheckpointError, match="does not match its config"):
        load_checkpoint(folder)
    assert time.monotonic() - started < 5


def test_a_card_of_other_weights_is_refused(folder):
    card = (folder / "README.md").read_text()
    named = json.loads((folder / "config.json").read_text())["weights_sha256"]
    assert card.rstrip().endswith(named)
    (folder / "README.md").write_text(card.replace(named, "0" * 64))
    with pytest.raises(CheckpointError, match="card of other weights"):
        load_checkpoint(folder)


DIRECTION = {"name": "smile", "vector": [1, 0, 0, 0], "sigma": 1, "low": -2, "high": 2, "moves": 3, "correlation": 0.5}


@pytest.mark.parametrize(
    "fields",
    [
        {"width": 10**9},
        {"dim_e": 1e9},
        {"dim_z": "64"},
        {"dim_z": True},
        {"dim_z": None},
        {"image_size": [96]},
        {"image_size": 10**4000},
        {"model": []},
        {"model": {"__class__": "os.system"}},
        {"kind": ["faces"]},
        {"method": {"a": 1}},
        {"method": "srb\n" * 99},
        {"weights_sha256": 7},
        {"calibration": {"error_p95": "large"}},
        {"calibration": [1]},
        {"directions": {"a": 1}},
        {"directions": [DIRECTION] * 1000},
        {"directions": ["smile"]},
        {"directions": [{**DIRECTION, "vector": [1.0]}]},
        {"directions": [{**DIRECTION, "vector": ["1", 0, 0, 0]}]},
        {"directions": [{**DIRECTION, "sigma": None}]},
        {"directions": [{**DIRECTION, "name": ["smile"]}]},
        {"directions": [{**DIRECTION, "call": "os.system"}]},
    ],
    ids=lambda fields: str(fields)[:40],
)
def test_a_hostile_config_is_refused_by_name(folder, fields):
    put(folder, **fields)
    with pytest.raises(CheckpointError, match="config.json"):
        load_checkpoint(folder)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format": NaN}', '{"format": 1, "kind": "faces", "method": "a", '
                                  '"model": {}, "weights_sha256": "a", "calibration": {"error_p95": Infinity}}',
                                  '{"format": ' + "9" * 5000 + "}", "\ufeff{}", " " * 2_000_000 + "{}"],
                         ids=["nested", "NaN", "Infinity", "digits", "mark", "large"])  # fmt: skip
def test_a_config_that_is_no_config_is_refused_by_name(folder, text):
    (folder / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match="config.json"):
        load_checkpoint(folder)


@pytest.mark.parametrize("name", ["../etc/passwd", "a/../b", "a/b/c", "https://host/a", "a/b?x=1", "a\\b/c", "a/b\nc",
                                  "~/model", "/a/b", "a/" + "b" * 200, "user/na me", "@/x"])  # fmt: skip
def test_a_name_that_is_no_hub_id_is_never_asked_for(name, monkeypatch):
    monkeypatch.setattr("rbvae.hub._download", lambda *_: pytest.fail("asked the Hub"))
    with pytest.raises(CheckpointError, match="give a folder or a Hub id"):
        load_checkpoint(name)
