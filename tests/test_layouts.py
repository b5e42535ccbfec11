"""Claims about training/layouts.py: who a photo shows, its label and its side, read from where it lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from training.layouts import identify, list_photos, read_labels, split_of


def test_a_limit_draws_the_same_photos_every_time(tmp_path: Path):
    for number in range(10):
        (tmp_path / f"{number}.jpg").touch()
    drawn = [list_photos(tmp_path, limit=5, seed=seed) for seed in (0, 0, 1)]
    assert len(drawn[0]) == 5 and drawn[0] == drawn[1] != drawn[2]


def test_no_person_is_on_both_sides_and_a_tenth_are_held_out():
    sources = [f"P{person}/P{person}_{n:04d}.jpg" for person in range(2000) for n in range(3)]
    identities = identify(sources)
    assert len(set(identities)) == 2000
    sides = [split_of(identity, seed=0) for identity in identities]
    assert len(set(zip(identities, sides, strict=True))) == 2000
    assert 0.08 < sides.count("test") / len(sides) < 0.12
    assert sides != [split_of(identity, seed=1) for identity in identities]


def test_identities_come_from_folders_or_names_but_not_from_crowds():
    assert identify(["Ann/x.jpg", "Bo_Li_0001.jpg", "Bo_Li_0002.jpg", "Cy.png"]) == ["Ann", "Bo_Li", "Bo_Li", "Cy"]
    assert identify(["train/happy/1.png", "test/sad/1.png"]) == ["train/happy/1", "test/sad/1"]
    assert identify([f"IMG_{n}.jpg" for n in range(3)]) == ["IMG_0", "IMG_1", "IMG_2"]
    crowd = [f"images/{n}.jpg" for n in range(1001)] + [f"P{n}/a.jpg" for n in range(1200)]
    assert len(set(identify(crowd))) == len(crowd)


def test_published_layouts_give_their_labels_and_splits(tmp_path: Path):
    for place in ("fer/train/happy", "fer/test/neutral", "affect/train_set/images", "affect/train_set/annotations"):
        (tmp_path / place).mkdir(parents=True)
    for name in ("fer/train/happy/1.png", "fer/test/neutral/2.png", "affect/train_set/images/7.jpg"):
        Image.new("L", (48, 48)).save(tmp_path / name)
    np.save(tmp_path / "affect/train_set/annotations/7_exp.npy", np.array("3"))
    fer = list_photos(tmp_path / "fer")
    assert [(photo.label, photo.split) for photo in fer] == [("neutral", "test"), ("happy", "train")]
    assert [photo.label for photo in list_photos(tmp_path / "affect")] == ["surprise"]
    (tmp_path / "affect.csv").write_text("subDirectory_filePath,expression\n689/a.jpg,0\n690/b.jpg,6\n")
    assert read_labels(tmp_path / "affect.csv") == {"689/a.jpg": "neutral", "690/b.jpg": "anger"}
