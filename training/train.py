"""Train any method on any prepared dataset; run the same command again to continue where it stopped.

python training/train.py --preset faces --method srb --data data/faces96 --out runs/faces
torchrun --standalone --nproc_per_node=8 training/train.py --preset faces-paper --data data/lfw96 --out runs/images
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from rbvae.errors import ConfigError
from rbvae.extensions import enabled_extensions
from rbvae.models.model import RbVAE
from rbvae.objectives import get_method, method_names
from training.data.datasets import load_images
from training.data.folders import PreparedFolder
from training.data.image_sets import ImageSets
from training.engine.cli import run_command
from training.engine.config import PRESETS, TrainConfig, get_preset, override
from training.engine.loop import train
from training.engine.processes import Processes, join
from training.engine.run_folder import CODES_FILE, begin
from training.evaluation.scores import plain


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Train a reference-based VAE. With no option: the digits sRb-VAE, fetching MNIST into data/.",
        epilog="example: python training/train.py --preset faces --method srb --data data/faces96 --out runs/faces",
    )
    parser.add_argument("--preset", default="digits", help=f"one of {', '.join(PRESETS)} (default digits)")
    parser.add_argument("--method", default="srb", help=f"one of {', '.join(method_names())} (default srb)")
    parser.add_argument("--data", metavar="DIR", help="prepared faces, or a torchvision MNIST root")
    parser.add_argument("--out", metavar="DIR", type=Path, help="run folder (default runs/PRESET-METHOD)")
    parser.add_argument("--minutes", type=float, metavar="M", help="stop by the clock, with a saved checkpoint")
    parser.add_argument("--steps", type=int, metavar="N", help="stop after so many steps in all")
    parser.add_argument("--batch", type=int, metavar="N", help="unlabelled images a step; as many references")
    parser.add_argument("--init", metavar="DIR", help="begin with the weights of this checkpoint")
    parser.add_argument("--seed", type=int, help="of weights, batches and draws (default 0)")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto (default)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="assignments",
                        help="any other setting, such as extensions.r1_weight=0.1 or model.dim_e=16")  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="print what would be trained, and write nothing")
    return parser.parse_args(argv)


def resolve(options: argparse.Namespace) -> TrainConfig:
    """Preset, then the options, then --set; a folder that prepare_faces wrote makes it a run on faces."""
    config = dataclasses.replace(get_preset(options.preset), method=options.method)
    named = {name: getattr(options, name) for name in ("steps", "batch", "seed", "init")}
    config = dataclasses.replace(config, **{name: value for name, value in named.items() if value is not None})
    config = override(config, options.assignments)
    if options.minutes is not None and options.minutes <= 0:
        raise ConfigError(f"--minutes {options.minutes:g}; give a number above 0")
    if config.preset == "tiny" and options.data and (Path(options.data) / "MNIST").exists():
        config = dataclasses.replace(config, kind="digits", flip=False)
    return config


def is_streamed(config: TrainConfig, data: str | None, device: torch.device) -> bool:
    """Whether a run reads its images while training: as asked, or where they do not fit; raises ConfigError."""
    if config.stream == "off" or config.kind != "faces" or data is None:
        if config.stream == "on":
            raise ConfigError("stream=on needs prepared faces: --preset faces-paper --data DIR")
        return False
    from training.data.streaming import fits

    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory
    else:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return config.stream == "on" or not fits(data, memory)


def load_sets(config: TrainConfig, data: str | None, run_dir: Path, processes: Processes) -> ImageSets:
    """The sets of a run. A basis of codes is fitted by the main process and kept in the run folder; the others wait."""
    if config.model.observes == "image":
        streamed = is_streamed(config, data, processes.device)
        return load_images(data, config.kind, config.model.image_size, config.seed, stream=streamed)
    from training.data.codes import load_codes

    PreparedFolder(data)  # must be there before a run folder is made
    run_dir.mkdir(parents=True, exist_ok=True)
    if not processes.main:
        processes.wait()
    sets = load_codes(data, config.model, run_dir / CODES_FILE)
    if processes.main:
        processes.wait()
    return sets


def counts_of(config: TrainConfig, data: str | None, processes: Processes) -> list[str]:
    """How many images of each kind a run has, in lines; of codes, nothing is fitted for it."""
    if config.model.observes == "code":
        folder = PreparedFolder(data)
        rows = {split: sum(group.rows for group in folder.groups(split)) for split in ("train", "test")}
        return [f"{rows['train']:,} unlabelled faces, {rows['test']:,} test faces"]
    sets = load_sets(config, data, Path(), processes)
    return [
        f"unlabelled and reference images streamed from {sets.streamed_from}"
        if sets.streamed_from
        else f"{len(sets.unlabelled):,} unlabelled, {len(sets.references):,} reference images",
        f"{len(sets.probe_test.images):,} test images",
    ]


def describe(config: TrainConfig, counts: list[str]) -> str:
    """The resolved config, the counts, and parameters and multiply-adds of each network, for one image."""
    networks = {name: one for name, one in RbVAE(config.model).named_children() if name != "basis"}
    networks |= get_method(config.method).discriminators(config.model, config.objective)
    for extension in enabled_extensions(config.extensions, config.method):
        networks |= extension.networks(config.model)
    lines = [json.dumps(config.to_dict(), indent=2), *counts]
    x = torch.zeros(1, *config.model.observation)
    z, e = torch.zeros(1, config.model.dim_z), torch.zeros(1, config.model.dim_e)
    takes = {"encoder_z": (x,), "encoder_e": (x,), "generator": (z, e), "disc_xze": (x, z, e), "disc_xz": (x, z),
             "disc_xl": (x, torch.cat([z, e], dim=1)), "disc_u": (x,), "disc_r": (x,), "disc_z": (z, e),
                 "disc_salient": (e,), "disc_pairs": (torch.cat([z, e], dim=1),)}  # fmt: skip
    for name, network in networks.items():
        parameters = sum(p.numel() for p in network.parameters())
        lines.append(f"{name}: {parameters:,} parameters, {flops(network, takes[name]) / 1e6:.1f} MFLOP an image")
    return "\n".join(lines)


def flops(network: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> int:
    """Floating-point operations of one forward, a multiply-add counted as two."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*inputs)
    return counter.get_total_flops()


def main(argv: list[str] | None = None) -> int:
    options = parse(argv)
    config = resolve(options)
    processes = join(options.device)
    run_dir = options.out or Path("runs") / f"{config.preset}-{config.method}"
    if options.dry_run:
        print(describe(config, counts_of(config, options.data, processes)))
        return 0
    sets = load_sets(config, options.data, run_dir, processes)
    if processes.main:
        print(f"extensions of the paper's method: {', '.join(config.extension_names) or 'none'}", flush=True)
        begin(run_dir, config, sets, processes)
    processes.wait()
    scores = train(config, sets, run_dir, processes, options.minutes)
    if processes.main:
        print(json.dumps(plain(scores), indent=2))
        print(f"checkpoint: {run_dir / 'checkpoint'}")
    processes.close()
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
