"""Speed, scale and interruption: levers change no number, processes agree with one, a killed run loses nothing."""

import dataclasses
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from rbvae.errors import ConfigError
from rbvae.objectives import ObjectiveConfig, method_names
from tests.training.engine.test_training import CONFIG, CPU, batch, moved, snapshot
from training.engine.cli import run_command
from training.engine.config import get_preset, override
from training.engine.execution import ExecutionOptions
from training.engine.processes import Processes
from training.engine.state import TrainingState
from training.tools.naive_step import NaiveState, Optimisations
from training.tools.roofline import count
from training.tools.speed import main as speed
from training.train import main as train_main

ROOT = Path(__file__).parents[3]
QUIET = {**os.environ, "OMP_NUM_THREADS": "1"}


def train_command(data, out, *options):
    fixed = ["--preset", "tiny", "--device", "cpu", "--data", data, "--out", out]
    return ["training/train.py", *map(str, fixed), *map(str, options)]


def stats(folder):
    return [json.loads(line) for line in (folder / "stats.jsonl").read_text().splitlines()]


OPTIONS = {
    "r1 off": "extensions.r1_weight=0",
    "raw": "objective.form=raw",
    "pin": "extensions.pin_weight=1",
    "reversal": "extensions.reversal_weight=0.1",
    "crossed": "extensions.crossed_share=0.5",
    "depth": "objective.fusion_depth=4",
}


@pytest.mark.parametrize("change", OPTIONS.values(), ids=OPTIONS)
def test_every_option_trains_and_changes_what_is_learnt(change):
    plain, state = TrainingState(CONFIG, CPU), TrainingState(override(CONFIG, [change]), CPU)
    before = snapshot(state.model)
    for run in (plain, state):
        for _ in range(2):
            terms = run.update(*batch())
    assert all(moved(before, state.model)) and all(term.isfinite() for term in terms.values())
    same = [torch.equal(a, b) for a, b in zip(plain.model.parameters(), state.model.parameters(), strict=True)]
    assert not all(same)


@pytest.mark.parametrize("preset", ["digits-paper", "faces-paper"])
@pytest.mark.parametrize("method", ["rb", "srb"])
def test_the_papers_presets_have_no_extension(preset, method):
    config = dataclasses.replace(get_preset(preset), method=method)
    assert config.extension_names == [] and config.objective == ObjectiveConfig()
    assert (config.lr, config.beta1, config.beta2, config.lr_decay_images) == (1e-4, 0.5, 0.99, 0)


def test_a_run_names_its_extensions():
    assert "R1" in get_preset("digits").extension_names and "softplus form" in get_preset("digits").extension_names
    assert "reversal" not in dataclasses.replace(get_preset("digits"), method="rb").extension_names


@pytest.mark.parametrize(
    ("preset", "image", "latent"), [("digits", 3000, 0.3), ("faces", 400, 1), ("tiny", 10, 1), ("tiny-code", 10, 1)]
)
def test_presets_weigh_terms_in_nats_as_they_weighed_their_means(preset, image, latent):
    """An error of d a value is d values / b nats: as much as `image` times the mean error."""
    config = get_preset(preset)
    values = math.prod(config.model.observation)
    assert config.objective.image_weight * values / config.objective.laplace_scale == pytest.approx(image)
    assert config.objective.latent_z_weight * config.model.dim_z == pytest.approx(latent)
    assert config.objective.latent_e_weight * config.model.dim_e == pytest.approx(latent)


def test_learning_rate_falls_as_one_over_root_images():
    state = TrainingState(override(CONFIG, ["lr_decay_images=800", "lr=0.001"]), CPU)  # 8 images a step
    rates = []
    for state.step in (0, 100, 400):
        rates.append(state.lr)
    assert rates == pytest.approx([1e-3, 1e-3, 5e-4])
    state.update(*batch())
    assert state.model_optimizer.param_groups[0]["lr"] == pytest.approx(5e-4)


def test_a_step_without_the_optimisations_learns_the_same():
    engine, naive = TrainingState(CONFIG, CPU), NaiveState(CONFIG, CPU, Optimisations(False, False, False, False))
    for _ in range(3):
        expected, found = engine.update(*batch()), naive.update(*batch())
    for name, term in expected.items():
        torch.testing.assert_close(found[name], term, rtol=2e-3, atol=2e-3, msg=name)


def test_memory_format_changes_rounding_alone():
    one, other = (TrainingState(override(CONFIG, [f"execution.channels_last={lever}"]), CPU) for lever in ("on", "off"))
    x_u, x_r = batch()
    found = other.update(x_u.contiguous(), x_r.contiguous())
    for name, term in one.update(x_u, x_r).items():
        torch.testing.assert_close(found[name], term, rtol=1e-3, atol=1e-4, msg=name)


def test_levers_resolve_by_device():
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    assert ExecutionOptions().resolve(gpu, 1).graph and not ExecutionOptions().resolve(gpu, 2).graph
    assert not ExecutionOptions().resolve(cpu, 1).bf16 and ExecutionOptions(bf16="on").resolve(cpu, 1).bf16
    with pytest.raises(ConfigError, match="execution.graph=on needs one process on one GPU"):
        ExecutionOptions(graph="on").resolve(cpu, 1)
    with pytest.raises(ConfigError, match="execution.compile='yes'"):
        ExecutionOptions(compile="yes")


def test_costs_grow_with_the_networks_and_not_with_the_batch():
    small, wide = CONFIG, override(CONFIG, ["model.width=16"])
    few, more, wider = count(small, 1), count(small, 2), count(wide, 1)
    assert more[0] / few[0] == pytest.approx(2, rel=0.01) and wider[0] > 2 * few[0]
    assert few[1] < few[2] and more[1] < 2 * few[1]  # weights are read once a step


def test_speed_tells_naive_from_engine(tmp_path, capsys):
    path = tmp_path / "speed.json"
    options = ["--device", "cpu", "--preset", "tiny", "--batch", "4", "--rounds", "1", "--json", str(path)]
    assert run_command(speed, options) == 0
    figures = json.loads(path.read_text())
    assert 0 < figures["naive_images_per_s"] and 0 < figures["engine_images_per_s"]
    assert figures["limit"]["flops"] > 0 and "share of the limit" in capsys.readouterr().out


def test_two_processes_learn_what_one_does(prepared_faces, tmp_path):
    settings = ("report_every=1", "lr=1e-4", "model.linear=true",
                "extensions.crossed_share=0.5", "extensions.reversal_weight=1", "pretraining_steps=2",
                "extensions.pretrained_weight=1")  # fmt: skip
    options = ["--steps", 5, *(part for setting in settings for part in ("--set", setting))]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    subprocess.run([sys.executable, *train_command(prepared_faces, tmp_path / "one", *options)],
                   cwd=ROOT, env=QUIET, check=True, capture_output=True)  # fmt: skip
    subprocess.run([*launch, *train_command(prepared_faces, tmp_path / "two", *options)],
                   cwd=ROOT, env=QUIET, check=True, capture_output=True)  # fmt: skip
    one, two = stats(tmp_path / "one"), stats(tmp_path / "two")
    assert len(one) == len(two) == 5
    for alone, shared in zip(one, two, strict=True):
        for name in alone.keys() - {"images_per_s"}:
            near = 1e-4 if alone["step"] <= 3 else 2e-3  # rounding grows from step to step of an adversarial game
            assert shared[name] == pytest.approx(alone[name], rel=near, abs=near), (alone["step"], name)
    weights = [torch.load(tmp_path / name / "state.pt", weights_only=True)["ema"] for name in ("one", "two")]
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, rtol=1e-2, atol=1e-3, msg=name)


def test_a_batch_that_does_not_divide_over_the_processes_is_refused():
    with pytest.raises(ConfigError, match="batch=5 does not divide over 2 processes"):
        Processes(torch.device("cpu"), 0, 2).share(5)


def test_a_killed_run_ends_as_an_uninterrupted_one(prepared_faces, tmp_path):
    """SIGKILL at random moments; training/tools/kill_resume.py does it twenty times."""
    options = ["--steps", 40, "--set", "save_every=3"]
    whole = [sys.executable, *train_command(prepared_faces, tmp_path / "whole", *options)]
    subprocess.run(whole, cwd=ROOT, env=QUIET, check=True, capture_output=True)
    command = [sys.executable, *train_command(prepared_faces, tmp_path / "killed", *options)]
    wait, kills = random.Random(0), 0
    for _ in range(2):
        process = subprocess.Popen(command, cwd=ROOT, env=QUIET, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        before = len(list((tmp_path / "killed").glob("state.pt")))
        while process.poll() is None and time.monotonic() < deadline:
            if (tmp_path / "killed" / "state.pt").exists() or before:
                break
            time.sleep(0.01)
        time.sleep(wait.uniform(0.0, 0.3))
        kills += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert kills >= 1
    subprocess.run(command, cwd=ROOT, env=QUIET, check=True, capture_output=True)
    for name in ("model.safetensors", "config.json"):
        parts = [(tmp_path / run / "checkpoint" / name).read_bytes() for run in ("whole", "killed")]
        assert parts[0] == parts[1], name


def test_an_interrupt_saves_what_was_learnt(prepared_faces, tmp_path):
    command = [sys.executable, *train_command(prepared_faces, tmp_path / "run", "--steps", 10**6)]
    process = subprocess.Popen(command, cwd=ROOT, env=QUIET, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not (tmp_path / "run" / "state.pt").exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0, process.stderr.read().decode()
    assert (tmp_path / "run" / "checkpoint" / "model.safetensors").exists()


def test_a_full_disk_is_one_line_and_leaves_the_last_state(prepared_faces, tmp_path):
    """A limit on the size of files stands in for the disk."""
    run, options = tmp_path / "run", ["--set", "save_every=3", "--set", "report_every=1"]
    good = [sys.executable, *train_command(prepared_faces, run, "--steps", 9, *options)]
    subprocess.run(good, cwd=ROOT, env=QUIET, check=True, capture_output=True)
    state = (run / "state.pt").read_bytes()
    again = train_command(prepared_faces, run, "--steps", 12, *options)
    for limit, file in ((len(state) // 2, "state.pt"), ((run / "stats.jsonl").stat().st_size + 9, "stats.jsonl")):
        code = (
            f"import resource, runpy, sys; sys.argv = {again!r}; resource.setrlimit(resource.RLIMIT_FSIZE, "
            f"({limit}, {limit})); runpy.run_path('training/train.py', run_name='__main__')"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=QUIET, capture_output=True, text=True)
        assert done.returncode == 2 and f"File too large: '{run / file}'" in done.stderr, done.stderr
        assert "Traceback" not in done.stderr and (run / "state.pt").read_bytes() == state
        assert not list(run.glob(".*.partial"))


def test_an_unwritable_folder_is_one_line(prepared_faces, tmp_path, capfd):
    (tmp_path / "file").write_text("here already")
    command = [sys.executable, *train_command(prepared_faces, tmp_path / "file" / "run", "--steps", 1)]
    done = subprocess.run(command, cwd=ROOT, env=QUIET, capture_output=True, text=True)
    assert done.returncode == 2 and "file/run" in done.stderr and "Traceback" not in done.stderr


def test_a_streamed_run_trains_and_resumes_like_an_uninterrupted_one(prepared_faces, tmp_path):
    base = [
        "--preset",
        "tiny",
        "--device",
        "cpu",
        "--data",
        str(prepared_faces),
        "--set",
        "stream=on",
        "--set",
        "batch=4",
    ]
    for name, ends in (("whole", [6]), ("parts", [2, 6])):
        for steps in ends:
            options = [*base, "--out", str(tmp_path / name), "--steps", str(steps)]
            assert run_command(train_main, options) == 0
    whole, parts = (torch.load(tmp_path / name / "state.pt", weights_only=True)["ema"] for name in ("whole", "parts"))
    assert all(torch.equal(tensor, parts[name]) for name, tensor in whole.items())


@pytest.mark.parametrize("method", method_names())
def test_every_method_trains_in_bf16(method):
    config = override(dataclasses.replace(CONFIG, method=method), ["execution.bf16=on"])
    full, half = TrainingState(override(config, ["execution.bf16=off"]), CPU), TrainingState(config, CPU)
    expected, found = full.update(*batch()), half.update(*batch())
    for name, term in expected.items():
        assert found[name].isfinite() and found[name].item() == pytest.approx(term.item(), rel=0.2, abs=0.3), name
    assert all(parameter.dtype == torch.float32 for parameter in half.model.parameters())
