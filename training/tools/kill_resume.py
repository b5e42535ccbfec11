"""Kill a CPU run with SIGKILL at random times, resume it each time, and compare it with an uninterrupted run.

python -m training.tools.kill_resume --data data/lfw32 --out runs/kills --kills 20
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from rbvae.errors import ConfigError, TrainingError
from training.engine.cli import run_command

LONGEST = 4.0  # maximum seconds between the first new step and a kill
EARLY, STARTS = 4, 6.0  # one kill in EARLY happens within STARTS seconds of the start, whether or not a step is done


def run(command: list[str]) -> None:
    """Runs a command to its end. Raises TrainingError with its stderr if it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise TrainingError(f"{' '.join(command[1:])} ended with {done.returncode}: {done.stderr[-500:]}")


def kill_once(command: list[str], stats: Path, after: float, early: bool) -> bool:
    """Starts the run and kills it `after` seconds after it first writes to `stats`, or after its start if `early`.

    Returns False if the run had already ended.
    """
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen = stats.stat().st_mtime_ns if stats.exists() else 0
    while not early and process.poll() is None and (not stats.exists() or stats.stat().st_mtime_ns == seen):
        time.sleep(0.005)
    time.sleep(after)
    alive = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return alive


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Check that a run killed at any moment ends bit-identical to an uninterrupted one.",
        epilog="example: python -m training.tools.kill_resume --data data/lfw32 --out runs/kills --kills 20",
    )
    parser.add_argument("--data", required=True, metavar="DIR", help="prepared faces at 32 px, or an MNIST root")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="an empty folder for both runs")
    parser.add_argument("--kills", type=int, default=20, help="number of kills (default 20)")
    parser.add_argument("--steps", type=int, default=2500, help="steps of the run (default 2500)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the times of the kills (default 0)")
    options = parser.parse_args(argv)
    if options.out.exists() and any(options.out.iterdir()):
        raise ConfigError(f"{options.out} is not empty; choose another --out")
    fixed = ["--preset", "tiny", "--device", "cpu", "--data", options.data, "--steps", str(options.steps)]
    fixed += ["--set", "save_every=5", "--set", "report_every=1"]
    script = str(Path(__file__).resolve().parents[1] / "train.py")
    commands = {
        name: [sys.executable, script, *fixed, "--out", str(options.out / name)] for name in ("whole", "killed")
    }
    moments, kills = random.Random(options.seed), 0
    for number in range(options.kills):
        early, stats = number % EARLY == 0, options.out / "killed" / "stats.jsonl"
        moment = moments.uniform(0.0, STARTS if early else LONGEST)
        alive = kill_once(commands["killed"], stats, moment, early)
        kills += alive
        lines = stats.read_text(encoding="utf-8").splitlines() if stats.exists() else []
        since = "its start" if early else "its first line"
        print(f"kill {number + 1}: {moment:.2f} s after {since}, {len(lines)} steps reported", flush=True)
        if not alive:
            raise TrainingError(f"the run ended before kill {number + 1}; give more --steps")
    for command in commands.values():
        run(command)
    for path in sorted((options.out / "whole" / "checkpoint").iterdir()):
        same = path.read_bytes() == (options.out / "killed" / "checkpoint" / path.name).read_bytes()
        print(f"{path.name}: {'identical' if same else 'DIFFERENT'}")
        if not same and path.name != "README.md":  # the card lists each part of the run
            raise TrainingError(f"{path.name} differs from the uninterrupted run's")
    print(f"{kills} kills, bit-identical weights")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
