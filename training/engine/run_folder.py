"""The folder of a run: what it takes to repeat it, and whether it may go on with the settings of today."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path

import torch

from rbvae.errors import TrainingError
from training.data.image_sets import ImageSets
from training.engine.cli import command_line, device_name, write_json
from training.engine.config import TrainConfig
from training.engine.processes import Processes

# What may change when a run is continued: its length, execution and reports, and the dials people turn down late.
MAY_CHANGE = {"steps", "report_every", "save_every", "grid_every", "lr", "lr_decay_images", "ema_images", "execution"}
CODES_FILE = "codes.safetensors"  # in a run folder: the basis and the codes of a run on codes


def begin(run_dir: Path, config: TrainConfig, sets: ImageSets, processes: Processes) -> None:
    """Makes the run folder with what it takes to repeat the run; continuing adds a part to its run.json.

    Raises TrainingError, before anything is written, where it holds a run of other settings or other images.
    """
    contents = [path for path in run_dir.iterdir() if path.name != CODES_FILE] if run_dir.exists() else []
    if contents and not (run_dir / "run.json").exists():
        raise TrainingError(f"{run_dir} is not empty and holds no run; choose another --out")
    run_dir.mkdir(parents=True, exist_ok=True)
    several = f"{processes.world} x " if processes.world > 1 else ""
    part = {
        "command": command_line("training/train.py", sys.argv[1:]),
        "commit": git_commit(),
        "images": [len(sets.unlabelled), len(sets.references), len(sets.probe_test.images)],
        "device": several + device_name(processes.device),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }
    path = run_dir / "run.json"
    parts = json.loads(path.read_text(encoding="utf-8"))["parts"] if path.exists() else []
    if parts and (run_dir / "state.pt").exists():
        refuse_changes(run_dir, json.loads((run_dir / "config.json").read_text(encoding="utf-8")), config)
        if (before := parts[-1].get("images", part["images"])) != part["images"]:
            raise TrainingError(
                f"{run_dir} was begun on other images ({before} unlabelled, reference and test images, now "
                f"{part['images']}); use the --data it was begun with, or another --out"
            )
    write_json(run_dir / "run.json", {"parts": [*parts, part]})
    write_json(run_dir / "config.json", config.to_dict())


def refuse_changes(run_dir: Path, begun: dict, config: TrainConfig) -> None:
    """Raises TrainingError where a run that began with the config `begun` cannot go on with this one."""
    if changed := differences(completed(begun), config.to_dict()):
        raise TrainingError(
            f"{run_dir} was begun with other settings ({'; '.join(changed)}); "
            "use the settings it was begun with, or another --out"
        )


def completed(begun: dict) -> dict:
    """A saved config with the defaults of the settings that came later, so that an update ends no run."""
    try:
        return TrainConfig.from_dict(begun).to_dict()
    except (TypeError, KeyError):  # a setting that is gone
        return begun


def differences(begun: dict, now: dict, prefix: str = "") -> list[str]:
    """Settings that differ and may not change within a run, as `name: was -> is`."""
    found = []
    for name in sorted(set(begun) | set(now)):
        was, is_now = begun.get(name), now.get(name)
        if name in MAY_CHANGE:
            continue
        if isinstance(was, dict) and isinstance(is_now, dict):
            found += differences(was, is_now, f"{prefix}{name}.")
        elif was != is_now:
            found.append(f"{prefix}{name}: {was} -> {is_now}")
    return found


def git_commit() -> str:
    """The checkout's commit, marked when it has changes; "unknown" outside a checkout."""
    describe = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(describe, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
