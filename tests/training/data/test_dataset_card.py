"""The card of a prepared dataset: read by the Hub's library, with its own figures and no folder of this host."""

from __future__ import annotations

import json
from fnmatch import fnmatch

from huggingface_hub import DatasetCard

from training.data.dataset_card import dataset_card


def test_the_card_names_every_shard_and_what_it_holds(prepared_faces):
    card = DatasetCard.load(prepared_faces / "README.md")
    known = json.loads((prepared_faces / "dataset.json").read_text())
    (config,) = card.data.configs
    patterns = [entry["path"] for entry in config["data_files"]]
    shards = [path.name for path in prepared_faces.glob("*.parquet")]
    assert shards and all(sum(fnmatch(shard, pattern) for pattern in patterns) == 1 for shard in shards)
    assert {entry["split"] for entry in config["data_files"]} == set(known["splits"])
    assert f"{known['faces']:,} aligned faces of {known['identities']:,} " in card.text
    assert str(prepared_faces.parent) not in card.content


def test_folders_are_named_without_their_place():
    settings = {"photos": ["/home/somebody/photos/lfw", "C:/pictures"], "size": 64, "seed": 3, "reference": "mined"}
    counts = {"faces": 1, "identities": 1, "references": 1, "splits": {"train": 1}, "labels": {}}
    described = {**counts, "skipped_by_reason": {"no face found": 2}, "settings": settings, "versions": {"numpy": "2"}}
    text = dataset_card("small", described, ["train-00000-of-00001.parquet"])
    assert "--photos lfw pictures --size 64 --seed 3" in text and "somebody" not in text
    assert "1 aligned faces of 1 person" in text and "2 no face found" in text and "split: test" not in text
