"""Writes README.md of a prepared dataset, in the form in which the Hugging Face Hub shows datasets."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

CARD = """---
pretty_name: {name}
license: other
task_categories:
- image-feature-extraction
- unconditional-image-generation
tags:
- faces
- landmarks
- rbvae
configs:
- config_name: default
  data_files:
{files}---

# {name}

{faces:,} aligned faces of {identities:,} {people}, prepared for training reference-based variational autoencoders. Each
row is one photo's main face.

| column | content |
| --- | --- |
| `image` | the face, turned upright and cropped to {size} x {size} pixels, as lossy WebP |
| `texture` | its colours in a mesh's coordinates, without its shape, {size} x {size} pixels, as lossless WebP |
| `points` | 478 landmarks (x, y, z) in pixels of the photo, of which `width` and `height` are the sides |
| `blendshapes` | MediaPipe's 52 coefficients of the expression; `energy` is their size |
| `yaw`, `pitch`, `roll` | of the head, in degrees |
| `face_size`, `outside`, `faces` | height of the face in pixels, share of it beyond the frame, faces in the photo |
| `label`, `age`, `sex`, `ethnicity` | where the photos came with them |
| `identity`, `split` | the person, and `train` or `test`; no person is in both |
| `reference` | whether the face counts as neutral: the reference set |
| `source` | path of the photo below its folder |

| | |
| --- | --- |
| splits | {splits} |
| references | {references:,} ({rule}) |
| expressions | {labels} |
| photos left out | {skipped} |

## How it was made

```
python training/prepare_faces.py --photos {photos} --size {size} --seed {seed}
```

with {versions}. `dataset.json` has all figures, `skipped.csv` the photos that were left out and why.

## Before you share it

These are pictures of people. Publish them only if the photos' licence and the people in them allow it, name that
licence above (`license:`), and say where the photos come from. Who is neutral, young or old here is what the photos'
labels or a landmarker say, with their errors.
"""
FROM_LABELS, MINED = "the photos labelled neutral", "the calmest faces by blendshapes"


def dataset_card(name: str, description: dict[str, Any], shards: list[str]) -> str:
    """Returns the card of a dataset from the content of its dataset.json and the names of its Parquet files.

    It names no folder outside of the dataset, since cards are published.
    """
    settings = description["settings"]
    present = [split for split in ("train", "test") if any(shard.startswith(f"{split}-") for shard in shards)]
    reasons = [f"{count:,} {reason}" for reason, count in description["skipped_by_reason"].items()]
    return CARD.format(
        name=name,
        files="".join(f"  - split: {split}\n    path: {split}-*.parquet\n" for split in present),
        faces=description["faces"],
        identities=description["identities"],
        people="person" if description["identities"] == 1 else "people",
        size=settings["size"],
        splits=_counts(description["splits"]),
        references=description["references"],
        rule={"labels": FROM_LABELS, "mined": MINED}.get(settings["reference"], "those of a folder of references"),
        labels=_counts(description["labels"]) or "no labels",
        skipped=", ".join(reasons) or "none",
        photos=" ".join(PurePath(folder).name for folder in settings["photos"]),
        seed=settings["seed"],
        versions=", ".join(f"{package} {version}" for package, version in description["versions"].items() if version),
    )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
