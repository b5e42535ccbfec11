"""How good a checkpoint is: what its latents tell of the known factors, how it reconstructs, how far e moves a picture.

`evaluate` is what every run of training ends with, in seconds; the command measures the rest as well
(training/evaluation/measures.py) and writes a report.

python training/evaluate.py --checkpoint checkpoints/faces --data data/lfw96 --json scores.json --report report.html

Edits of photos are measured where photos are given: --pairs against the truth (training/evaluation/truth.py),
--strangers by age, sex and ethnicity (training/evaluation/strangers.py).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from torch import Tensor

from rbvae.checkpoint import load_checkpoint
from rbvae.errors import CheckpointError, ConfigError
from rbvae.images import to_float
from rbvae.landmarks import BLENDSHAPES, ENERGETIC
from rbvae.model import RbVAE
from training.cli import pick_device, run_command
from training.datasets import ImageSets, LabelledImages, load_images

# Factors that are reported by name: a face's are means of blendshapes, a digit's are the styles of A.3.1.
FACE_FACTORS = {
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "mouth open": ("jawOpen",),
    "brows up": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    "frown": ("browDownLeft", "browDownRight"),
    "squint": ("eyeSquintLeft", "eyeSquintRight"),
    "blink": ("eyeBlinkLeft", "eyeBlinkRight"),
    "upper lip": ("mouthUpperUpLeft", "mouthUpperUpRight"),
    "pucker": ("mouthPucker",),
}
RANDOM_E = 16
QUICK_PAIRS = 256


def named_factors(images: LabelledImages) -> dict[str, np.ndarray]:
    """The reported factors, each [N]."""
    factors = images.factors.numpy()
    if images.names != BLENDSHAPES:
        return {name: factors[:, column] for column, name in enumerate(images.names)}
    return {
        name: factors[:, [BLENDSHAPES.index(shape) for shape in shapes]].mean(axis=1)
        for name, shapes in FACE_FACTORS.items()
    }


@torch.inference_mode()
def posterior_means(model: RbVAE, images: Tensor, device: torch.device, batch: int = 256) -> tuple[Tensor, Tensor]:
    """uint8 images [N, 3, S, S] -> means of q_z [N, D_z] and q_e [N, D_e], on the CPU."""
    z, e = [], []
    for part in images.split(batch):
        q_z, q_e = model.encode(to_float(part.to(device)))
        z.append(q_z.mean.cpu())
        e.append(q_e.mean.cpu())
    return torch.cat(z), torch.cat(e)


def probe(train: Tensor, train_target: np.ndarray, test: Tensor, test_target: np.ndarray) -> dict[str, float]:
    """A linear regressor on frozen features: R^2 and mean absolute error on images it was not fitted to."""
    from sklearn.linear_model import LinearRegression
    from sklearn.metrics import mean_absolute_error, r2_score

    predicted = LinearRegression().fit(train.numpy(), train_target).predict(test.numpy())
    return {"r2": float(r2_score(test_target, predicted)), "mae": float(mean_absolute_error(test_target, predicted))}


@torch.inference_mode()
def fidelity(model: RbVAE, images: Tensor, device: torch.device, batch: int = 256) -> dict[str, float]:
    """Reconstruction from posterior means: L1 in grey levels (0..255) and PSNR in dB."""
    absolute, squared, count = 0.0, 0.0, 0
    for part in images.split(batch):
        x = to_float(part.to(device))
        error = (model(x).float() - x) * 127.5
        absolute += float(error.abs().sum())
        squared += float(error.square().sum())
        count += error.numel()
    return {"l1": absolute / count, "psnr": float(10 * np.log10(255.0**2 * count / max(squared, 1e-9)))}


@torch.inference_mode()
def errors(model: RbVAE, images: Tensor, device: torch.device, batch: int = 256) -> np.ndarray:
    """Of each picture [N]: the mean absolute error of its reconstruction, in grey levels."""
    found = [
        (model(x := to_float(part.to(device))).float() - x).abs().mean(dim=(1, 2, 3)) for part in images.split(batch)
    ]
    return torch.cat(found).cpu().numpy() * 127.5


def usual_errors(model: RbVAE, sets: ImageSets, device: torch.device) -> dict[str, float]:
    """The 95th and 99th percentile of pictures' reconstruction errors; the calibration by which the app doubts a photo
    (rbvae.calibration)."""
    if sets.codes:
        from training.evaluation.codes import texture_errors

        found = texture_errors(model, sets.codes, device)
    else:
        found = errors(model, sets.probe_test.images, device)
    p95, p99 = np.percentile(found, [95, 99])
    return {"error_p95": round(float(p95), 2), "error_p99": round(float(p99), 2)}


@torch.inference_mode()
def spread(model: RbVAE, images: Tensor, device: torch.device, seed: int = 0) -> float:
    """Mean absolute difference, in grey levels, between pictures of one z under pairs of random e; 0 = e is ignored."""
    rng = torch.Generator().manual_seed(seed)
    e = torch.randn(RANDOM_E, model.config.dim_e, generator=rng).to(device)
    z = model.encoder_z(to_float(images.to(device))).mean
    pictures = torch.stack([model.decode(z, e_k).float() for e_k in e])  # [16, N, 3, S, S]
    return float((pictures[0::2] - pictures[1::2]).abs().mean() * 127.5)


def apart(images: Tensor) -> float:
    """Mean absolute difference, in grey levels, between one picture and the next: what `spread` would be at most."""
    pixels = images[:256].float()
    return float((pixels[1:] - pixels[:-1]).abs().mean()) if len(pixels) > 1 else 0.0


@torch.inference_mode()
def foretold_transfer(
    model: RbVAE, sets: ImageSets, z: Tensor, e: Tensor, device: torch.device, seed: int
) -> dict[str, float] | None:
    """How far the factors of G(z_B, e_A) follow those of A, as the feature network foretells them; None without one.

    Quick, and needs no landmarker: the slope of `follows` in training/evaluation/transfer.py, 0 for nothing and
    `photo_a` at best.
    """
    from rbvae.images import to_uint8
    from training.evaluation.feature_net import EMBEDDED, load_features
    from training.evaluation.transfer import choose_pairs, follows

    try:
        net = load_features(EMBEDDED / f"features-{sets.kind}")[0].to(device)
    except CheckpointError:
        return None
    pairs = choose_pairs(sets.probe_test.shows, len(z), QUICK_PAIRS, seed)
    rows, a = torch.from_numpy(pairs.rows), torch.from_numpy(pairs.a)
    z_b, e_b = z[rows].to(device), e[rows].to(device)
    truth = sets.probe_test.factors[rows].double().numpy()
    weight = ENERGETIC / 1.0 if sets.kind == "faces" else 1 / truth.std(axis=0).clip(1e-6)
    goal = truth[pairs.a] * weight

    def slope(pictures: Tensor) -> float:
        return follows(net.predict(pictures)[1].double().numpy() * weight, goal)

    return {
        "edit": slope(to_uint8(model.decode(z_b, e_b[a.to(device)]))),
        "floor": slope(to_uint8(model.decode(z_b, e_b))),
        "rebuilt_a": slope(to_uint8(model.decode(z_b, e_b))[a.to(device)]),
        "photo_a": slope(sets.probe_test.images[rows[a]].to(device)),
    }


def whom(model: RbVAE, photos: LabelledImages, device: torch.device) -> dict[str, dict[str, float]]:
    """Reconstruction by groups of faces (training/evaluation/whom.py): how many `photos` and their mean `l1`."""
    from training.evaluation.whom import groups

    found = errors(model, photos.images, device)
    return {
        name: {"photos": int(chosen.sum()), "l1": float(found[chosen].mean())}
        for name, chosen in groups(photos).items()
        if chosen.any()
    }


def evaluate(model: RbVAE, sets: ImageSets, device: torch.device, seed: int = 0) -> dict:
    """All figures of a model on held-out images, as plain numbers; the same seed gives the same digits."""
    if sets.codes:
        from training.evaluation.codes import evaluate_codes

        return evaluate_codes(model, sets, device, seed)
    was_training = model.training
    model.eval()
    z_train, e_train = posterior_means(model, sets.probe_train.images, device)
    z_test, e_test = posterior_means(model, sets.probe_test.images, device)
    targets = zip(named_factors(sets.probe_train).items(), named_factors(sets.probe_test).values(), strict=True)
    probes = {
        name: {
            "from_e": probe(e_train, train_target, e_test, test_target),
            "from_z": probe(z_train, train_target, z_test, test_target),
        }
        for (name, train_target), test_target in targets
    }
    averages = {
        f"mae_from_{latent}": float(np.mean([scores[f"from_{latent}"]["mae"] for scores in probes.values()]))
        for latent in ("e", "z")
    }
    scores = {
        "kind": sets.kind,
        "test_images": len(sets.probe_test.images),
        "reconstruction": fidelity(model, sets.probe_test.images, device),
        "spread_over_e": spread(model, sets.probe_test.images[:64], device, seed),
        "apart": apart(sets.probe_test.images),
        "e_std": float(e_test.std(dim=0).mean()),
        "follows_a_foretold": foretold_transfer(model, sets, z_test, e_test, device, seed),
        "probes": probes,
        **averages,
    }
    if sets.kind == "faces":
        scores["whom"] = whom(model, sets.probe_test, device)
    model.train(was_training)
    return scores


@contextlib.contextmanager
def tracker() -> Iterator[Callable[[Iterable, str, int], Iterable]]:
    """A bar for every part of a long measurement, on stderr; where that is no terminal, one line a part."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:

        def track(things: Iterable, name: str, total: int) -> Iterable:
            if not console.is_terminal:
                print(f"{name}, {total}", file=sys.stderr, flush=True)
            return progress.track(things, total=total, description=name)

        yield track


def add_edits(parser: argparse.ArgumentParser) -> None:
    """The options of what is measured on photos."""
    edits = parser.add_argument_group("edits of photos; with these --data may be left out")
    edits.add_argument(
        "--pairs", metavar="DIR", type=Path, help="ID_neutral.jpg and ID_smiling.jpg of people: edits against the truth"
    )
    edits.add_argument("--use", default="", metavar="NAME", help="of --pairs, those of this use in its people.csv")
    edits.add_argument("--against", metavar="FILE", type=Path, help="an earlier --json: paired differences of --pairs")
    edits.add_argument(
        "--strangers", metavar="DIR", type=Path, nargs="+", help="folders of photos (LFW, UTKFace): smiles by group"
    )
    edits.add_argument("--donors", metavar="DIR", type=Path, help="of --strangers: up to twelve smiles to give them")


def measure_edits(options: argparse.Namespace, track: Callable[[Iterable, str, int], Iterable]) -> dict:
    """The figures of edits, as a user makes them: `truth` and `strangers`, as far as they are asked for."""
    from rbvae import PortraitEditor
    from training.evaluation.strangers import measure_strangers
    from training.evaluation.truth import evaluate_truth

    scores, editor = {}, PortraitEditor.from_pretrained(options.checkpoint)
    if options.pairs:
        scores["truth"] = evaluate_truth(editor, options.pairs, options.use, options.against, track)
    if options.strangers:
        scores["strangers"] = measure_strangers(editor, options.strangers, options.donors, options.seed, track)
    return scores


def without_rows(scores: dict) -> dict:
    """The figures without the tables of single people, which only the --json file holds."""
    return {
        name: {key: some for key, some in value.items() if key != "rows"} if isinstance(value, dict) else value
        for name, value in scores.items()
    }


def sets_of_codes(model: RbVAE, options: argparse.Namespace) -> ImageSets:
    """A prepared dataset as a model of codes sees it, through its own basis; raises ConfigError without one."""
    from training.data.codes import load_codes

    if options.data is None:
        raise ConfigError("Faces need --data DIR, a folder written by training/prepare_faces.py.")
    if options.report:
        raise ConfigError(f"--report {options.report} is for models of images. Use --json for this one.")
    return load_codes(options.data, model.config, basis=model.basis)


def check(options: argparse.Namespace) -> None:
    """Raises ConfigError for options that contradict each other."""
    if options.transfer_pairs is not None and options.transfer_pairs < 1:
        raise ConfigError(f"--transfer-pairs {options.transfer_pairs}; give a number above 0")
    if options.report and (options.quick or options.report.suffix.lower() not in (".html", ".htm")):
        raise ConfigError(f"--report {options.report}: give a file that ends in .html, without --quick")
    for name, needs in (("use", "pairs"), ("against", "pairs"), ("donors", "strangers")):
        if getattr(options, name) and not getattr(options, needs):
            raise ConfigError(f"--{name} {getattr(options, name)} is of no use alone. Give --{needs} DIR with it.")
    if options.report and options.data is None and (options.pairs or options.strangers):
        raise ConfigError(f"--report {options.report} shows a model on its data. Give --data DIR with it.")


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Measure a checkpoint on held-out people or digits, each figure with its floor and its ceiling.",
        epilog="example: python training/evaluate.py --checkpoint checkpoints/faces --data data/lfw96 "
        "--json scores.json --report report.html",
    )
    parser.add_argument("--checkpoint", required=True, metavar="DIR", help="checkpoint folder, or a Hub id user/name")
    parser.add_argument("--data", metavar="DIR", help="prepared faces, or a torchvision MNIST root")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the scores here")
    parser.add_argument("--report", metavar="FILE", type=Path, help="write a page with tables and pictures, .html")
    add_edits(parser)
    parser.add_argument(
        "--transfer-pairs", type=int, metavar="N", help="pairs of transfer (default: faces 300, digits 1000)"
    )
    parser.add_argument("--quick", action="store_true", help="only what a training run ends with: some seconds")
    parser.add_argument("--features", metavar="DIR", type=Path, help="feature network (default: the embedded one)")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto (default)")
    parser.add_argument("--seed", type=int, default=0, help="of every draw: pairs, random e, subsets (default 0)")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    options = parse(argv)
    check(options)
    device = pick_device(options.device)
    scores: dict = {"kind": "faces"}
    edits: dict = {}
    if options.pairs or options.strangers:
        with tracker() as track:
            edits = measure_edits(options, track)
    if options.data is not None or not edits:
        checkpoint = load_checkpoint(options.checkpoint)
        of_codes = checkpoint.model.config.observes == "code"
        if of_codes:
            sets = sets_of_codes(checkpoint.model, options)
        else:
            sets = load_images(options.data, checkpoint.kind, checkpoint.model.config.image_size, seed=0)
        if options.quick or of_codes:
            scores = evaluate(checkpoint.model.to(device), sets, device, options.seed)
        else:
            from training.evaluation.measures import Settings, measure

            with tracker() as track:
                settings = Settings(options.seed, options.transfer_pairs, options.features)
                scores = measure(checkpoint, sets, device, settings, track)
    scores |= edits
    scores["made_with"] = {"torch": torch.__version__, "threads": torch.get_num_threads(), "device": device.type}
    shown = without_rows(scores)
    print(json.dumps(shown, indent=2))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
    if options.report:
        from training.evaluation.page import write_report

        write_report(options.report, checkpoint, sets, shown, Path(options.checkpoint).name)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
