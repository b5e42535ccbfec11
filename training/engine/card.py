"""The model card: what a checkpoint was trained on and how, what it measures, what it is not for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData
from jinja2 import Environment, StrictUndefined

from rbvae.objectives import get_method
from training.engine.config import TrainConfig

TEMPLATE = Path(__file__).with_name("card.md")


def model_card(
    config: TrainConfig, scores: dict[str, Any], directions: list[dict[str, Any]], run_dir: Path, step: int
) -> str:
    """Markdown with the Hub's front matter; every figure comes from `scores` and the run folder's run.json."""
    path = run_dir / "run.json"
    parts = json.loads(path.read_text(encoding="utf-8"))["parts"] if path.exists() else []
    head = ModelCardData(
        library_name="rbvae",
        tags=["rbvae", config.kind, "image-editing"],
        license="other" if config.kind == "faces" else "apache-2.0",
        model_name=get_method(config.method).title,
        eval_results=eval_results(config.kind, scores),
    )
    environment = Environment(
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=StrictUndefined
    )
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        head=head.to_yaml(),
        title=get_method(config.method).title,
        config=config,
        networks=json.dumps(config.model.to_dict()),
        run={key: "<br>".join(dict.fromkeys(part[key] for part in parts)) for key in ("command", "commit", "device")},
        step=step,
        scores=scores,
        directions=directions,
        compared=compared,
    )


def eval_results(kind: str, scores: dict[str, Any]) -> list[EvalResult]:
    """Returns the main scores in the Hub's form, which it shows beside the card (`model-index`)."""
    found = {"L1 of the reconstruction, grey levels": ("l1", scores["reconstruction"]["l1"])}
    for name, probes in scores["probes"].items():
        found[f"R2 of {name}, linear probe of e"] = ("r_squared", probes["from_e"]["r2"])
    return [
        EvalResult(
            task_type="image-to-image", dataset_type=kind, dataset_name=f"{kind}, held out",
            metric_type=metric, metric_name=name, metric_value=round(float(value), 3),
        )
        for name, (metric, value) in found.items()
    ]  # fmt: skip


def compared(scores: dict[str, Any], start: dict[str, Any]) -> list[tuple[str, float, float]]:
    """Returns the scores of a trained model of codes beside those of the closed form that it began with."""
    rows = [
        ("reconstruction, grey levels", scores["reconstruction"]["l1"], start["reconstruction"]["l1"]),
        ("random samples' Frechet distance to real codes", scores["frechet"], start["frechet"]),
        ("spread of random e, grey levels", scores["spread_over_e"], start["spread_over_e"]),
        ("R² of yaw from e", scores["yaw_from_e"], start["yaw_from_e"]),
    ]
    for name, probes in scores["probes"].items():
        for latent in ("e", "z"):
            now, then = probes[f"from_{latent}"]["r2"], start["probes"][name][f"from_{latent}"]["r2"]
            rows.append((f"R² of {name} from {latent}", now, then))
    return rows
