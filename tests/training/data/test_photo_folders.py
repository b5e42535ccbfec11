"""Claims about training/data/photo_folders.py: who a photo shows, its label and its side, read from where it lies."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rbvae.errors import DatasetError
from training.data.photo_folders import (
    Attributes,
    attributes_of,
    identify,
    list_datasets,
    list_photos,
    read_labels,
    split_of,
)


def test_a_limit_draws_the_same_photos_every_time(tmp_path: Path):
    for number in range(10):
        (tmp_path / f"{number}.jpg").touch()
    drawn = [list_datasets([tmp_path], limit=5, seed=seed) for seed in (0, 0, 1)]
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
    assert read_labels(tmp_path / "affect.csv") == [("689/a.jpg", "neutral"), ("690/b.jpg", "anger")]


@pytest.mark.parametrize(
    ("name", "age", "sex", "ethnicity"),
    [
        ("1_0_0_20161219140530307.jpg", 1, "male", "white"),
        ("100_1_2_20170105174847679.jpg", 100, "female", "asian"),
        ("26_1_3_20170104223943130.jpg.chip.jpg", 26, "female", "indian"),
        ("24_0_1_20170116220224657 .jpg", 24, "male", "black"),
        ("55_0_4_20170116232725357jpg.jpg", 55, "male", "other"),
        ("61_1_20170109142408075.jpg", 61, "female", None),
        ("53__0_20170116184028385.jpg", 53, None, "white"),
        ("44_20170116184028385.jpg", 44, None, None),
        ("Ann_0001.jpg", None, None, None),
        ("24_7_9_20170116220224657.jpg", None, None, None),
    ],
)
def test_utkface_s_names_give_age_sex_and_ethnicity_or_what_of_them_is_there(name, age, sex, ethnicity):
    assert attributes_of(name) == Attributes(age, sex, ethnicity)


def test_each_of_utkface_s_photos_shows_somebody_else(tmp_path: Path):
    names = ["25_0_0_20170104223943130.jpg", "25_0_0_20170104223943131.jpg", "Ann_0001.jpg", "Ann_0002.jpg"]
    assert len(set(identify([f"utkface/{name}" for name in names[:2]]))) == 2
    assert len(set(identify(names))) == 3


def test_people_of_two_folders_never_coincide_and_fall_on_the_side_they_fall_on_alone(tmp_path: Path):
    roots = [tmp_path / "one" / "faces", tmp_path / "two" / "faces", tmp_path / "lfw"]
    for root in roots:
        for person in range(40):
            (root / f"P{person}").mkdir(parents=True)
            (root / f"P{person}" / "a.jpg").touch()
    photos = list_datasets(roots)
    assert [photos[0].source, photos[40].source, photos[80].source] == [
        "faces/P0/a.jpg",
        "faces-2/P0/a.jpg",
        "lfw/P0/a.jpg",
    ]
    assert len({photo.source for photo in photos}) == len({photo.identity for photo in photos}) == 120
    alone = [photo.split for photo in list_photos(roots[0])]
    assert [photo.split for photo in photos] == 3 * alone
    assert len(list_datasets(roots, limit=50)) == 50
    assert list_datasets(roots[:1]) == list_photos(roots[0])


def test_a_published_split_of_one_folder_holds_beside_another_folder(tmp_path: Path):
    for place in ("fer/train/happy/1.png", "fer/test/sad/2.png", "own/Ann_0001.jpg"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    photos = {photo.source: photo for photo in list_datasets([tmp_path / "fer", tmp_path / "own"])}
    assert photos["fer/train/happy/1.png"].split == "train" and photos["fer/test/sad/2.png"].split == "test"
    assert photos["fer/test/sad/2.png"].label == "sad" and photos["own/Ann_0001.jpg"].identity == "own/Ann_0001"


def test_a_folder_without_pictures_is_named_even_beside_one_with_some(tmp_path: Path):
    for name in ("full", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "full" / "a.jpg").touch()
    with pytest.raises(DatasetError, match="empty"):
        list_datasets([tmp_path / "full", tmp_path / "empty"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_that_is_no_text_is_listed_like_any_other(tmp_path: Path):
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg"))).touch()
    (tmp_path / "new\nline.jpg").touch()
    photos = list_photos(tmp_path)
    assert [photo.source for photo in photos] == ["caf\\xe9.jpg", "new\nline.jpg"]
    assert all(photo.path.is_file() for photo in photos)
