"""Every stability option switched on and off: short sRb-VAE runs from one warm start, side by side in one table.

python training/tools/compare.py --data data/lfw96 --out runs/compare --steps 600

Run it again to continue: variants that have finished are read back.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from rbvae.checkpoint import write_atomically
from rbvae.errors import ConfigError, TrainingError
from training.data.datasets import load_images
from training.data.image_sets import ImageSets
from training.engine.cli import run_command
from training.engine.config import TrainConfig, get_preset, override
from training.engine.loop import train
from training.engine.processes import Processes, join

# Name -> settings that differ from the base. A factor before the value, as in x4, multiplies the base's own.
VARIANTS: dict[str, list[str]] = {
    "base": [],
    "base, seed 1": ["seed=1"],
    "base, seed 2": ["seed=2"],
    "R1 off": ["objective.r1_weight=0"],
    "R1 x4": ["objective.r1_weight=x4"],
    "R1 /4": ["objective.r1_weight=x0.25"],
    "R2 0.2": ["objective.r2_weight=0.2"],
    "raw form": ["objective.form=raw"],
    "relativistic form": ["objective.form=relativistic"],
    "relativistic, R2": ["objective.form=relativistic", "objective.r2_weight=0.2"],
    "image cycle x3": ["objective.image_weight=x3"],
    "image cycle /3": ["objective.image_weight=x0.333"],
    "latent cycle x3": ["objective.latent_weight=x3"],
    "latent cycle /3": ["objective.latent_weight=x0.333"],
    "Laplace scale learned": ["objective.laplace_learned=true", "objective.image_weight=x0.15"],
    "augment adaptive": ["objective.augment=adaptive"],
    "augment 0.2": ["objective.augment_p=0.2", "objective.augment=fixed"],
    "EMA half-life x5": ["ema_images=x5"],
    "EMA half-life /50": ["ema_images=x0.02"],
    "fusion depth 1": ["objective.fusion_depth=1"],
    "fusion depth 4": ["objective.fusion_depth=4"],
    "lr decay": ["lr_decay_images=10000"],
    "lr /3": ["lr=x0.333"],
    "e pinned": ["objective.pin_weight=1"],
    "swap cycle": ["objective.swap_weight=1"],
    "z reversal": ["objective.reverse_weight=1"],
    "crossed draws": ["objective.cross_share=0.5"],
    "z of references": ["objective.z_of_references=1"],
    "no warm start": ["init="],
    "linear paths": ["init=", "model.linear=true"],
    "linear paths, z apart": ["init=", "model.linear=true", "objective.reverse_weight=1", "objective.pin_weight=1"],
}
COLUMNS = {
    "L1": "reconstruction.l1",
    "spread": "spread_over_e",
    "std of e": "e_std",
    "sign gap": "last.sign_gap",
    "classify u": "last.classify_u",
    "latent e, nats": "last.latent_e_u",
    "images/s": "last.images_per_s",
}
PROBES = {"faces": ("smile", "mouth open"), "digits": ("red", "width")}


def scaled(config: TrainConfig, assignments: list[str]) -> TrainConfig:
    """Like `override`, where a value x4 multiplies what the config has."""
    plain = []
    for assignment in assignments:
        name, _, value = assignment.partition("=")
        if value.startswith("x"):
            record, path = config, name.split(".")
            for part in path[:-1]:
                record = getattr(record, part)
            own = getattr(record, path[-1])
            value = str(type(own)(float(value[1:]) * own))
        plain.append(f"{name}={value}")
    return override(config, plain)


def run(config: TrainConfig, sets: ImageSets, folder: Path, processes: Processes) -> dict[str, Any]:
    """Trains one variant, or reads back what it measured; a run that stops itself is a result as well.

    Raises ConfigError where the folder holds a result of other settings.
    """
    path, settings = folder / "result.json", json.loads(json.dumps(config.to_dict()))
    if path.exists():
        result = json.loads(path.read_text(encoding="utf-8"))
        if result["settings"] != settings:
            raise ConfigError(f"{path} was made with other settings than this command's; choose another --out")
        return result
    folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    try:
        result = train(config, sets, folder, processes)
        lines = (folder / "stats.jsonl").read_text(encoding="utf-8").splitlines()
        result["last"] = json.loads(lines[-1])
        if result["last"]["step"] < config.steps:
            raise KeyboardInterrupt
    except TrainingError as error:
        result = {"stopped": str(error)}
    result |= {"settings": settings, "seconds": round(time.monotonic() - started, 1)}
    write_atomically(path, (json.dumps(result, indent=2) + "\n").encode())
    return result


def told_at_the_end(config: TrainConfig) -> TrainConfig:
    """The same run, whose last report is of its last step."""
    every = next(n for n in range(min(config.report_every, config.steps), 0, -1) if config.steps % n == 0)
    return dataclasses.replace(config, report_every=every, grid_every=config.steps, save_every=10**9)


def table(results: dict[str, dict[str, Any]], columns: dict[str, str]) -> str:
    """One Markdown row a variant."""
    lines = [f"| variant | {' | '.join(columns)} |", "| --- " * (len(columns) + 1) + "|"]
    for name, result in results.items():
        if "stopped" in result:
            lines.append(f"| {name} | stopped: {result['stopped']} {'| ' * (len(columns) - 1)}|")
            continue
        values = [_at(result, path) for path in columns.values()]
        lines.append(f"| {name} | {' | '.join('' if value is None else f'{value:.3g}' for value in values)} |")
    return "\n".join(lines)


def _at(record: Any, path: str) -> float | None:
    for name in path.split("."):
        record = record.get(name, {})
    return record if isinstance(record, (int, float)) else None


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Compare the stability options of sRb-VAE, each in a short run from the same warm start.",
        epilog="example: python training/tools/compare.py --data data/lfw96 --out runs/compare --steps 600",
    )
    parser.add_argument("--preset", default="faces", help="what every run starts from (default faces)")
    parser.add_argument("--data", metavar="DIR", help="prepared faces, or a torchvision MNIST root")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="a folder of runs, and table.md")
    parser.add_argument("--steps", type=int, default=600, help="of each run (default 600)")
    parser.add_argument("--warm-steps", type=int, default=600, help="of the Rb-VAE they begin with; 0 = none")
    parser.add_argument("--only", metavar="NAME", action="append", help="only this variant; may be repeated")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="assignments",
                        help="a setting of every run")  # fmt: skip
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto (default)")
    options = parser.parse_args(argv)
    unknown = set(options.only or []) - set(VARIANTS)
    if unknown:
        raise ConfigError(f"no variant {', '.join(sorted(unknown))}; there are {', '.join(VARIANTS)}")
    processes = join(options.device)
    base = override(get_preset(options.preset), options.assignments)
    base = told_at_the_end(dataclasses.replace(base, method="srb", steps=options.steps))
    sets = load_images(options.data, base.kind, base.model.image_size, base.seed)
    if options.warm_steps:
        warm = dataclasses.replace(base, method="rb", steps=options.warm_steps, lr=5e-4)
        warm = told_at_the_end(override(warm, ["objective.laplace_scale=0.3"]))
        run(warm, sets, options.out / "warm-start", processes)
        base = dataclasses.replace(base, init=str(options.out / "warm-start" / "checkpoint"))
    columns = COLUMNS | {f"{factor} {x}": f"probes.{factor}.from_{x}.r2" for factor in PROBES[base.kind] for x in "ez"}
    results = {}
    for name in options.only or VARIANTS:
        folder = options.out / name.replace(" ", "-").replace(",", "").replace("/", "by-")
        results[name] = run(scaled(base, VARIANTS[name]), sets, folder, processes)
        print(table({name: results[name]}, columns).splitlines()[-1], flush=True)
    text = table(results, columns)
    write_atomically(options.out / "table.md", (text + "\n").encode())
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
