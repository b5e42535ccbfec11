"""Evaluates a checkpoint: linear probes of the latents, reconstruction, the effect of e, transfer and realism.

python training/evaluate.py --checkpoint checkpoints/faces --data data/lfw96 --json scores.json --report report.html

With --quick, only the scores computed at the end of every training run (training/evaluation/scores.py); otherwise all
of training/evaluation/measures.py, optionally with a report. Edits of photos are evaluated if photos are given: --pairs
compares them with real smiles (training/evaluation/truth.py), --strangers evaluates them by age, sex and ethnicity
(training/evaluation/strangers.py).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from rbvae.checkpoint import load_checkpoint
from rbvae.errors import ConfigError
from rbvae.models.model import RbVAE
from training.data.datasets import load_images
from training.data.image_sets import ImageSets
from training.engine.cli import pick_device, run_command, write_json
from training.evaluation.scores import evaluate, plain
from training.evaluation.subject import infer


def add_edits(parser: argparse.ArgumentParser) -> None:
    """Adds the options for edits of photos."""
    edits = parser.add_argument_group("edits of photos; these do not need --data")
    edits.add_argument(
        "--pairs", metavar="DIR", type=Path, help="ID_neutral.jpg and ID_smiling.jpg: compare edits with real smiles"
    )
    edits.add_argument("--use", default="", metavar="NAME", help="with --pairs: only people of this use in people.csv")
    edits.add_argument("--against", metavar="FILE", type=Path, help="with --pairs: an earlier --json to compare with")
    edits.add_argument(
        "--strangers", metavar="DIR", type=Path, nargs="+", help="folders of photos (LFW, UTKFace): smiles by group"
    )
    edits.add_argument("--donors", metavar="DIR", type=Path, help="with --strangers: up to twelve smiles to transfer")


def measure_edits(options: argparse.Namespace) -> dict:
    """Returns the requested scores of edits: `truth` and `strangers`."""
    from rbvae import PortraitEditor
    from training.evaluation.strangers import measure_strangers
    from training.evaluation.truth import evaluate_truth

    scores, editor = {}, PortraitEditor.from_pretrained(options.checkpoint)
    if options.pairs:
        scores["truth"] = evaluate_truth(editor, options.pairs, options.use, options.against)
    if options.strangers:
        scores["strangers"] = measure_strangers(editor, options.strangers, options.donors, options.seed)
    return scores


def without_rows(scores: dict) -> dict:
    """Returns the scores without the rows of individual people, which are only written to the --json file."""
    return {
        name: {key: some for key, some in value.items() if key != "rows"} if isinstance(value, dict) else value
        for name, value in scores.items()
    }


def load_sets(model: RbVAE, kind: str, options: argparse.Namespace) -> ImageSets:
    """Loads the dataset, of faces as codes of the model's own basis. Raises ConfigError for codes with --report."""
    if model.config.observes == "image":
        return load_images(options.data, kind, model.config.image_size, seed=0)
    from training.data.codes import load_codes

    if options.report:
        raise ConfigError(f"--report {options.report} is for models of images. Use --json for this one.")
    return load_codes(options.data, model.config, basis=model.basis)


def check(options: argparse.Namespace) -> None:
    """Raises ConfigError for invalid or conflicting options."""
    if options.transfer_pairs is not None and options.transfer_pairs < 1:
        raise ConfigError(f"--transfer-pairs {options.transfer_pairs}; give a number above 0")
    if options.report and (options.quick or options.report.suffix.lower() not in (".html", ".htm")):
        raise ConfigError(f"--report {options.report}: give a file that ends in .html, without --quick")
    for name, needs in (("use", "pairs"), ("against", "pairs"), ("donors", "strangers")):
        if getattr(options, name) and not getattr(options, needs):
            raise ConfigError(f"--{name} {getattr(options, name)} has no effect by itself. Give --{needs} DIR with it.")
    if options.report and options.data is None and (options.pairs or options.strangers):
        raise ConfigError(f"--report {options.report} shows a model on its data. Give --data DIR with it.")


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description="Evaluate a checkpoint on held-out people or digits, with a floor and a ceiling for each score.",
        epilog="example: python training/evaluate.py --checkpoint checkpoints/faces --data data/lfw96 "
        "--json scores.json --report report.html",
    )
    parser.add_argument("--checkpoint", required=True, metavar="DIR", help="checkpoint folder, or a Hub id user/name")
    parser.add_argument("--data", metavar="DIR", help="prepared faces, or a torchvision MNIST root")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the scores here")
    parser.add_argument("--report", metavar="FILE", type=Path, help="also write an .html page with tables and pictures")
    add_edits(parser)
    parser.add_argument(
        "--transfer-pairs", type=int, metavar="N", help="number of transfer pairs (default: faces 300, digits 1000)"
    )
    parser.add_argument("--quick", action="store_true", help="only the scores of a training run's end; takes seconds")
    parser.add_argument("--features", metavar="DIR", type=Path, help="feature network (default: the embedded one)")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto (default)")
    parser.add_argument("--seed", type=int, default=0, help="seed of pairs, random e and subsets (default 0)")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    options = parse(argv)
    check(options)
    device = pick_device(options.device)
    scores: dict = {"kind": "faces"}
    edits: dict = {}
    if options.pairs or options.strangers:
        edits = measure_edits(options)
    if options.data is not None or not edits:
        checkpoint = load_checkpoint(options.checkpoint)
        sets = load_sets(checkpoint.model, checkpoint.kind, options)
        if options.quick or sets.codes:
            scores = evaluate(infer(checkpoint.model.to(device), sets, device), options.seed)
        else:
            from training.evaluation.measures import Settings, measure

            settings = Settings(options.seed, options.transfer_pairs, options.features)
            scores = measure(checkpoint, sets, device, settings)
    scores = plain(scores | edits)
    scores["made_with"] = {"torch": torch.__version__, "threads": torch.get_num_threads(), "device": device.type}
    shown = without_rows(scores)
    print(json.dumps(shown, indent=2))
    if options.json:
        write_json(options.json, scores)
    if options.report:
        from training.evaluation.page import write_report

        write_report(options.report, checkpoint, sets, shown, Path(options.checkpoint).name)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
