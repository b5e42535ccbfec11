"""Claims about the way to the Hub and back: what is pushed is read back to the last bit, what cannot be says why."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from conftest import TINY, save_tiny
from hub import LocalHub
from hub_process import HubProcess
from PIL import Image

from rbvae.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from rbvae.errors import CheckpointError
from rbvae.models.model import RbVAE
from training.engine.cli import run_command
from training.publish import PAGE_MODEL, contents, main

ROOT = Path(__file__).parents[2]
DIGEST = """
import hashlib, os, time
from rbvae import PortraitEditor, load_checkpoint
from rbvae.errors import RbvaeError
os.environ.pop("HF_TOKEN", None)
if token: os.environ["HF_TOKEN"] = token
started = time.monotonic()
try:
    weights = PortraitEditor.from_pretrained(repo, revision).model.state_dict()
    result = hashlib.sha256(b"".join(t.numpy().tobytes() for t in weights.values())).hexdigest()
except RbvaeError as error:
    result = f"{type(error).__name__}: {error}"
result = [result, time.monotonic() - started]
"""
PUBLISH = """
import contextlib, io
from training.engine.cli import run_command
from training.publish import main
said, complaint = io.StringIO(), io.StringIO()
with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complaint):
    code = run_command(main, argv)
result = [code, said.getvalue(), complaint.getvalue()]
"""


def digest(folder: Path) -> str:
    weights = load_checkpoint(folder).model.state_dict()
    return hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in weights.values())).hexdigest()


def grids(run: Path, step: int) -> None:
    (run / "grids").mkdir(exist_ok=True)
    (run / "run.json").write_text("{}")
    for kind in ("samples", "transfer"):
        Image.new("RGB", (8, 8), (step, 0, 0)).save(run / "grids" / f"{kind}-{step:07d}.png")


def command(*options: object, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "training/publish.py", *map(str, options)]
    return subprocess.run(line, cwd=ROOT, env=env, capture_output=True, text=True)


@pytest.fixture(scope="module")
def hub():
    with LocalHub() as server:
        yield server


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder with a checkpoint, grids of two steps and the state of training."""
    folder = tmp_path_factory.mktemp("run")
    save_tiny(folder / "checkpoint", "faces")
    (folder / "checkpoint" / "README.md").write_text("---\ntags:\n- rbvae\n---\n\n# Tiny\n\nWords.\n\n## Training\n")
    (folder / "state.pt").write_bytes(b"momentum")
    grids(folder, 20)
    grids(folder, 100)
    return folder


@pytest.fixture(scope="module")
def pushed(hub, run, process, tmp_path_factory):
    """alice/tiny, private, pushed twice with other weights, once by the command: [(commit id, digest of weights)]."""
    process.run("import os; os.environ['HF_TOKEN'] = 'hf_alice'")
    versions = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        card = (run / "checkpoint" / "README.md").read_text()
        save_checkpoint(Checkpoint(RbVAE(TINY), "faces"), run / "checkpoint", card)
        options = ["--checkpoint", run / "checkpoint", "--repo", "alice/tiny", "--private", "--message", f"seed {seed}"]
        if seed == 1:
            done = command(*options, env=hub.env(tmp_path_factory.mktemp("home"), "hf_alice"))
            code, said, complaint = done.returncode, done.stdout, done.stderr
        else:
            code, said, complaint = process.run(PUBLISH, argv=[str(option) for option in options])
        assert code == 0, complaint
        versions.append((re.search(r'revision="(\w{40})"', said)[1], digest(run / "checkpoint")))
    return versions


@pytest.fixture(scope="module")
def process(hub, tmp_path_factory):
    with HubProcess(hub.env(tmp_path_factory.mktemp("home"))) as one:
        yield one


def test_both_pushes_are_read_back_to_the_last_bit(pushed, process):
    first, second = pushed
    for revision, weights in ((first[0], first[1]), (second[0], second[1]), ("main", second[1]), (None, second[1])):
        assert process.run(DIGEST, repo="alice/tiny", revision=revision, token="hf_alice")[0] == weights
    assert first[1] != second[1]


def test_what_lies_on_the_hub_is_the_checkpoint_and_pictures_that_its_card_shows(pushed, hub, run):
    repo = hub.repos["models", "alice/tiny"]
    files = repo.commits[repo.branches["main"]]
    names = {".gitattributes", "README.md", "config.json", "model.safetensors"}
    assert set(files) == names | {"pictures/samples.png", "pictures/transfer.png"}
    assert files["pictures/samples.png"] == (run / "grids" / "samples-0000100.png").read_bytes()
    card = files["README.md"].decode()
    assert card.index("# Tiny") < card.index("![samples](pictures/samples.png)") < card.index("## Training")
    assert repo.private and list(repo.messages.values()) == ["initial commit", "seed 1", "seed 2"]


@pytest.mark.parametrize("name", ["faces", "faces-rb", "digits", "digits-rb"])
def test_every_shipped_checkpoint_goes_to_the_hub_and_back(hub, process, name):
    process.run("import os; os.environ['HF_TOKEN'] = 'hf_alice'")
    argv = ["--checkpoint", str(ROOT / "checkpoints" / name), "--repo", f"alice/{name}"]
    code, said, complaint = process.run(PUBLISH, argv=argv)
    assert code == 0, complaint
    repo = hub.repos["models", f"alice/{name}"]
    files = repo.commits[repo.branches["main"]]
    for file in (ROOT / "checkpoints" / name).glob("[cm]*"):  # config.json, model.safetensors; the card gains pictures
        assert files[file.name] == file.read_bytes(), file
    assert (PAGE_MODEL in files) == name.startswith("faces")
    load = f"from rbvae import {'PortraitEditor' if name.startswith('faces') else 'StyleEditor'} as Editor\n"
    load += f"result = str(Editor.from_pretrained('alice/{name}', {said.split(chr(34))[-2]!r}).model.config)"
    assert process.run(load) == str(load_checkpoint(ROOT / "checkpoints" / name).model.config)


def test_a_branch_of_its_own_leaves_main_alone(pushed, hub, process, run):
    options = ["--checkpoint", str(run / "checkpoint"), "--repo", "alice/tiny", "--revision", "trial"]
    process.run("import os; os.environ['HF_TOKEN'] = 'hf_alice'")
    code, said, _ = process.run(PUBLISH, argv=[*options, "--pictures"])
    assert code == 0 and f"{hub.url}/alice/tiny/tree/trial" in said
    repo = hub.repos["models", "alice/tiny"]
    assert repo.branches["main"] == pushed[1][0]
    assert not [path for path in repo.commits[repo.branches["trial"]] if path.startswith("pictures/")]
    assert process.run(DIGEST, repo="alice/tiny", revision="trial", token="hf_alice")[0] == pushed[1][1]


@pytest.mark.parametrize(
    ("token", "options", "message"),
    [(None, ["--repo", "bob/new"], "access denied .401.; log in with `hf auth login`, or set HF_TOKEN"),
     ("hf_bob", ["--repo", "alice/tiny"], r"access denied \(403\).*HF_TOKEN"),
     ("hf_bob", ["--repo", "bob/open", "--private"], "bob/open exists and is public"),
     ("hf_old", ["--repo", "bob/open"], r"access denied \(401\).*hf auth login"),
     ("hf_bob", ["--repo", "bob/..open"], "check the name")],
)  # fmt: skip
def test_what_the_hub_refuses_says_what_helps(hub, process, run, token, options, message):
    if ("models", "bob/open") not in hub.repos:
        hub.add("models", "bob/open", {})
    process.run(
        "import os; os.environ.pop('HF_TOKEN', 0); os.environ |= {'HF_TOKEN': token} if token else {}", token=token
    )
    code, _, complaint = process.run(PUBLISH, argv=["--checkpoint", str(run / "checkpoint"), *options])
    assert code == 2 and re.fullmatch(f"error: .*{message}.*\n", complaint), complaint
    assert len(hub.repos["models", "bob/open"].commits) == 1 and ("models", "bob/new") not in hub.repos


def test_a_card_that_the_hub_cannot_read_is_named(hub, process, run, tmp_path):
    folder = Path(shutil.copytree(run / "checkpoint", tmp_path / "checkpoint"))
    (folder / "README.md").write_text("---\ntags: [rbvae\n---\n\n# Tiny\n")
    process.run("import os; os.environ['HF_TOKEN'] = 'hf_bob'")
    code, _, complaint = process.run(PUBLISH, argv=["--checkpoint", str(folder), "--repo", "bob/card"])
    assert code == 2 and re.fullmatch("error: .*Invalid metadata in README.md.*\n", complaint), complaint
    assert len(hub.repos["models", "bob/card"].commits) == 1


@pytest.mark.parametrize(
    ("repo", "revision", "token", "message"),
    [("alice/tiny", None, None, "cannot fetch alice/tiny from the Hub: .*private.*HF_TOKEN"),
     ("alice/tiny", None, "hf_bob", "it does not exist or is private"),
     ("alice/nothing", None, "hf_alice", "check the name"),
     ("alice/tiny", "v9", "hf_alice", "at revision v9 from the Hub: there is no such revision"),
     ("alice/tiny", "b" * 40, "hf_alice", "there is no such revision"),
     ("alice/tiny", None, "hf_old", "log in")],
)  # fmt: skip
def test_what_cannot_be_fetched_says_why_at_once(pushed, hub, tmp_path, process, repo, revision, token, message):
    process.run("from huggingface_hub import constants; constants.HF_HUB_CACHE = cache", cache=str(tmp_path))
    said, seconds = process.run(DIGEST, repo=repo, revision=revision, token=token)
    assert re.match(f"CheckpointError: .*{message}", said) and seconds < 5, said


@pytest.mark.parametrize(("file", "limit", "most"), [("model.safetensors", "MAX_BYTES", 1000),
                                                     ("config.json", "MAX_CONFIG", 300)])  # fmt: skip
def test_what_is_too_large_is_not_fetched(run, tmp_path, file, limit, most):
    with LocalHub() as own, HubProcess(own.env(tmp_path)) as process:
        commit = own.add("models", "alice/large", contents(run / "checkpoint"))
        process.run(f"import rbvae.checkpoint; rbvae.checkpoint.{limit} = {most}")
        for revision in (None, "main", commit):
            said, _ = process.run(DIGEST, repo="alice/large", revision=revision, token=None)
            assert re.match(f"CheckpointError: {file} of alice/large has \\d+ bytes, over the limit of {most}", said)
        assert not any(f"/{file}" in seen.path for seen in own.seen)
        own.tells_sizes = False  # then it is seen once the file is here
        said, _ = process.run(DIGEST, repo="alice/large", revision="main", token=None)
        assert re.match(f"CheckpointError: .*{file} has (over )?\\d+ bytes", said), said


def test_without_the_hub_only_the_cache_is_left(pushed, run, tmp_path):
    """The server stops while a process works; another starts offline, with the cache of the first."""
    first, second = pushed
    with LocalHub() as own:
        own.add("models", "alice/tiny", contents(run / "checkpoint"))
        env = own.env(tmp_path)
        process, offline = HubProcess(env), HubProcess(env | {"HF_HUB_OFFLINE": "1"})
        assert process.run(DIGEST, repo="alice/tiny", revision=None, token=None)[0] == second[1]
        commit = own.repos["models", "alice/tiny"].branches["main"]
    with process, offline:
        for each, message in (
            (process, f"{own.url} cannot be reached.*check the network"),
            (offline, "HF_HUB_OFFLINE"),
        ):
            for revision in (None, commit):
                assert each.run(DIGEST, repo="alice/tiny", revision=revision, token=None)[0] == second[1]
            for repo, revision in (("alice/other", None), ("alice/other", "main"), ("alice/tiny", first[0])):
                said, seconds = each.run(DIGEST, repo=repo, revision=revision, token=None)
                assert re.search(f"cannot fetch {repo}.*{message}", said) and seconds < 5, said
            begun = time.monotonic()
            code, _, complaint = each.run(
                PUBLISH, argv=["--checkpoint", str(run / "checkpoint"), "--repo", "alice/tiny"]
            )
            assert code == 2 and complaint.count("\n") == 1 and re.search(message, complaint), complaint
            assert time.monotonic() - begun < 5


def test_a_dry_run_lists_what_would_go(run, capsys):
    options = ["--checkpoint", str(run / "checkpoint"), "--repo", "alice/tiny", "--private", "--dry-run"]
    assert run_command(main, options) == 0
    said = capsys.readouterr().out
    size = (run / "checkpoint" / "model.safetensors").stat().st_size
    assert f"{size:,} bytes  model.safetensors" in said and "pictures/samples.png" in said
    assert "branch main of alice/tiny, private" in said and "state.pt" not in said


@pytest.mark.parametrize("name", ["state.pt", "optimizer", "notes.txt"])
def test_a_folder_with_other_files_is_refused(run, tmp_path, name):
    folder = Path(shutil.copytree(run / "checkpoint", tmp_path / "checkpoint"))
    (folder / name).write_text("")
    with pytest.raises(CheckpointError, match=f"holds {name}: not part"):
        contents(folder)


def test_a_checkpoint_goes_with_its_card_and_real_pictures_only(run, tmp_path):
    folder = Path(shutil.copytree(run / "checkpoint", tmp_path / "checkpoint"))
    with pytest.raises(CheckpointError, match=r"state\.pt is not a picture"):
        contents(folder, [run / "state.pt"])
    shutil.copy(run / "grids" / "samples-0000020.png", folder / "faces.png")
    assert set(contents(folder)) == {"README.md", "config.json", "model.safetensors", "pictures/faces.png"}
    (folder / "README.md").unlink()
    with pytest.raises(CheckpointError, match="with its card"):
        contents(folder)


def test_a_model_of_codes_goes_with_the_pages_model(tiny_codes):
    assert gzip.decompress(contents(tiny_codes)[PAGE_MODEL])[:4] == b"RBV1"


def test_a_picture_the_card_shows_already_is_not_shown_twice(run, tmp_path):
    files = contents(run / "checkpoint")
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "checkpoint" / "README.md").write_bytes(files["README.md"])
    assert contents(tmp_path / "run" / "checkpoint") == files


def test_a_folder_has_no_revision(run):
    with pytest.raises(CheckpointError, match="has no revision v1"):
        load_checkpoint(run / "checkpoint", revision="v1")


def test_the_help_can_be_copied(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "python training/publish.py --checkpoint" in said and "--dry-run" in said
