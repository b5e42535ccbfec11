"""The model card: what a checkpoint was trained on and how, what it measures, what it is not for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData

from rbvae.objectives import get_method
from training.engine.config import TrainConfig

DATA = {
    "faces": "A folder of face photos, aligned and cropped by `training/prepare_faces.py`; the reference set is what "
    "that command mined or was given. The data's own terms apply to the weights as well.",
    "digits": "MNIST (CC BY-SA 3.0), prepared as in the paper's A.3.1: 30,000 plain outlines are the reference set, "
    "the other 30,000 digits, twice each in random colour, stroke width and size, are the unlabelled set.",
}
LIMITS = {
    "faces": "Research and non-commercial use: the terms of the photos apply to the weights. Where an edit opens a "
    "mouth, its inside comes from the photo, a second photo, the donor, or a bank of mouths of synthetic faces (One "
    "Million Impressions, Peterson et al. 2022, CC BY-NC-SA 4.0). Not for identifying, judging or deceiving anybody: "
    "an edited face must be shown as edited. It works on frontal faces like those it was trained on, and worse on "
    "others.",
    "digits": "A toy for studying style against content; it knows outlines of single digits and nothing else.",
}


def transfer_line(scores: dict[str, Any]) -> str:
    """How much of A's target factors arrives in G(z_B, e_A), if a feature network could measure it."""
    if not (slope := scores.get("predicted_transfer")):
        return ""
    what = "expression" if scores["kind"] == "faces" else "style"
    return (
        f"- {what} of one on another: {slope['edit']:.2f} of a difference arrives, as predicted by a small network "
        f"(nothing would be {slope['floor']:.2f}, the other's own picture {slope['photo_a']:.2f})\n"
    )


def start_section(scores: dict[str, Any]) -> str:
    """A trained model of codes beside the closed form that it began with."""
    if not (start := scores.get("closed_form")):
        return ""
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
    table = "\n".join(f"| {name} | {now:.2f} | {then:.2f} |" for name, now, then in rows)
    return f"""
## What training added to its start

| | trained | closed form |
| --- | --- | --- |
{table}
"""


def rest_line(config: TrainConfig) -> str:
    """Which command measures what a training run does not."""
    if config.model.observes == "code":
        what = "edits against the truth, `--strangers DIR` by age, sex and ethnicity"
        return f"`training/evaluate.py --pairs DIR` measures {what}."
    what = "transfer of style, fidelity, realism"
    return f"`training/evaluate.py --report` measures the rest: {what}."


def fidelity_line(fidelity: dict[str, float]) -> str:
    """How well pictures, or the textures of faces, are rebuilt from posterior means."""
    line = f"reconstruction: mean absolute error {fidelity['l1']:.2f} grey levels of 255"
    if "psnr" in fidelity:
        return f"{line}, PSNR {fidelity['psnr']:.1f} dB"
    return f"{line} over the shape-free texture, {fidelity['basis_l1']:.2f} of them lost by the basis alone"


def model_card(
    config: TrainConfig, scores: dict[str, Any], directions: list[dict[str, Any]], run_dir: Path, step: int
) -> str:
    """Markdown with the Hub's front matter; every figure comes from `scores` and the run folder's run.json."""
    title = get_method(config.method).title
    path = run_dir / "run.json"
    parts = json.loads(path.read_text(encoding="utf-8"))["parts"] if path.exists() else []
    run = {key: "<br>".join(dict.fromkeys(part[key] for part in parts)) for key in ("command", "commit", "device")}
    head = ModelCardData(
        library_name="rbvae",
        tags=["rbvae", config.kind, "image-editing"],
        license="other" if config.kind == "faces" else "apache-2.0",
    ).to_yaml()
    fidelity = scores["reconstruction"]
    probes = "\n".join(
        f"| {name} | {p['from_e']['r2']:.3f} | {p['from_z']['r2']:.3f} | {p['from_e']['mae']:.3f} | "
        f"{p['from_z']['mae']:.3f} |"
        for name, p in scores["probes"].items()
    )
    followed = transfer_line(scores)
    sliders = "\n".join(
        f"| {d['name']} | {d['correlation']:.2f} | {d['moves']:.1f} |" for d in directions if d["moves"] > 0
    )
    return f"""---
{head}
---

# {title}, {config.kind}, {config.model.image_size}x{config.model.image_size}

A reference-based variational autoencoder (Ruiz, Martinez, Binefa, Verbeek 2019): `z` holds what pictures share with
their reference, `e` the target factors ({"expression" if config.kind == "faces" else "style"}).

```python
from rbvae import {"PortraitEditor" if config.kind == "faces" else "StyleEditor"}
```

## Training

{DATA[config.kind]}

| | |
| --- | --- |
| command | {run["command"]} |
| commit | {run["commit"]} |
| device | {run["device"]} |
| steps, images seen | {step:,}, {2 * config.batch * step:,} (half of them references) |
| networks | `{json.dumps(config.model.to_dict())}` |
| weights | exponential moving average, fp16 |
| extensions of the paper's method | {", ".join(config.extension_names) or "none"} |

## Measured, on {scores["test_images"]:,} {"photos of people" if config.kind == "faces" else "digits"} not trained on

- {fidelity_line(fidelity)}
- spread of random e at fixed z: {scores["spread_over_e"]:.2f} grey levels
- standard deviation of the inferred e over the data: {scores["e_std"]:.2f} (the prior's is 1)
{followed}
{rest_line(config)}

A linear probe on frozen features (R² higher is better; MAE lower is better):

| factor | R² from e | R² from z | MAE from e | MAE from z |
| --- | --- | --- | --- | --- |
{probes}

Directions in e-space (the app's sliders), by how far they move a picture from -2 to +2 sigma, in grey levels:

| named by its strongest correlate (from 0.2) | correlation | moves |
| --- | --- | --- |
{sliders}
{start_section(scores)}
## Use and limits

{LIMITS[config.kind]}
"""
