"""Claims about the datasets of Table 1: what trains, what validates, what is held out."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rbvae.errors import DatasetError
from rbvae.faces.mesh import face_mesh
from rbvae.faces.texture import canonical_frame
from training.benchmark import main
from training.data.prepared_faces import NUMBERS, POINTS, TEXTS, PreparedFaces
from training.engine.cli import run_command
from training.table1 import code_task, prepared_task
from training.table1.code_task import load_face_codes
from training.table1.datasets import load_task
from training.table1.prepared_task import LEAST, Sides, sides_of, task_of
from training.table1.task import CLASSES

LABELS = ["neutral", "happiness", "anger"]


def labelled(count: int, people: int) -> tuple[list[str], list[str]]:
    """Labels that take turns and people with several photos each."""
    rng = np.random.default_rng(0)
    return [LABELS[row % 3] for row in range(count)], [f"person {n}" for n in rng.integers(people, size=count)]


def rows_of(sides) -> list[set[int]]:
    return [set(part.tolist()) for part in (sides.train, sides.validation, sides.references, sides.held_out)]


@pytest.mark.parametrize("dataset", ["fer", "lfw"])
def test_no_face_has_two_parts(dataset):
    labels, people = labelled(600, 200)
    parts = rows_of(sides_of(dataset, Path("faces"), labels, people, 400))
    assert all(parts) and sum(len(part) for part in parts) == len(set().union(*parts))


def test_fers_published_side_is_held_out_and_of_lfw_whole_people_are():
    labels, people = labelled(600, 200)
    fer = sides_of("fer", Path("faces"), labels, people, 400)
    assert fer.held_out.min() >= 400 > max(fer.train.max(), fer.references.max())
    lfw = sides_of("lfw", Path("faces"), labels, people, 400)
    trained = np.concatenate([lfw.train, lfw.validation, lfw.references])
    assert not {people[row] for row in trained} & {people[row] for row in lfw.held_out}


def test_rare_classes_train_and_are_not_scored():
    labels, people = labelled(600, 200)
    labels[5:LEAST] = ["fear"] * (LEAST - 5)
    labels = ["Happy" if label == "happiness" else label for label in labels]
    sides = sides_of("lfw", Path("faces"), labels, people, 600)
    rare = {row for row, label in enumerate(labels) if label == "fear"}
    assert set(sides.missing) == {"fear", "disgust", "sadness", "surprise"}
    assert rare & set(sides.train.tolist()) and not rare & set(sides.labelled().tolist())
    assert not rare & set(sides.held_out.tolist()) and not rare & set(sides.validation.tolist())
    assert np.bincount(sides.classes[sides.held_out]).tolist()[CLASSES.index("happiness")] >= LEAST


def test_faces_without_labels_are_refused():
    with pytest.raises(DatasetError, match="0 neutral faces"):
        sides_of("lfw", Path("faces"), [""] * 50, ["a"] * 50, 50)


def test_a_task_gives_each_part_its_own_observations():
    labels, people = labelled(600, 200)
    sides = sides_of("fer", Path("faces"), labels, people, 400)
    task = task_of("fer", torch.arange(600.0)[:, None], sides, ())
    assert task.references[:, 0].tolist() == sides.references.tolist()
    assert task.held_out.images[:, 0].tolist() == sides.held_out.tolist() and task.classes
    assert (task.labelled.targets >= 0).all() and len(task.labelled.targets) == len(task.unlabelled)


def test_no_digit_is_trained_on_and_validated_with(digits_root):
    task = load_task("digits", digits_root, 32)
    assert len(task.unlabelled) + len(task.validation.images) == 300 and len(task.validation.targets) == 60
    assert len(task.held_out.images) == 200 and np.array_equal(task.labelled.images, task.unlabelled)
    widths = [task.validation.targets[:30, -1], task.validation.targets[30:, -1]]  # both styles of 30 digits
    assert not np.array_equal(*widths)


def faces(count: int) -> PreparedFaces:
    """Random faces: noise for texture, the mean shape with noise for landmarks."""
    rng, frame = np.random.default_rng(0), canonical_frame(32)
    labels, people = labelled(count, count)
    points = np.zeros((count, POINTS, 3), np.float32)
    points[:, : len(face_mesh().mean)] = 100 + 50 * face_mesh().mean
    columns = {name: rng.normal(size=count).astype(np.float32) for name in NUMBERS}
    columns |= {name: [None] * count for name in TEXTS} | {"label": labels, "identity": people}
    return PreparedFaces(
        size=32,
        textures=rng.integers(0, 256, (count, len(frame.flat), 3)).astype(np.uint8),
        visible_bits=np.full((count, -(-len(frame.flat) // 8)), 255, np.uint8),
        points=points + rng.normal(size=points.shape).astype(np.float32),
        blendshapes=np.zeros((count, 52), np.float32),
        **columns,
    )


@pytest.fixture
def found(monkeypatch) -> dict[str, PreparedFaces]:
    """The two sides of what stands in for a prepared folder, whose codes have 16 numbers."""
    sides = {"train": faces(300), "test": faces(90)}
    monkeypatch.setattr(code_task, "load_prepared", lambda folder, split: sides[split])
    monkeypatch.setattr(code_task, "PreparedFolder", lambda folder: SimpleNamespace(summary={"faces": 9, "skipped": 1}))
    monkeypatch.setattr(code_task, "COMPONENTS", dict.fromkeys(code_task.COMPONENTS, 4))
    return sides


def test_the_basis_and_the_closed_form_see_the_training_side_alone(found):
    task = load_face_codes("fer-codes", Path("faces"))
    changed = 255 - found["test"].textures
    found["test"] = dataclasses.replace(found["test"], textures=changed)
    other = load_face_codes("fer-codes", Path("faces"))
    assert task.codes.statistics.references.sum() == len(task.references)
    assert task.unlabelled.shape[1] == 16 and "9 of 10 photos" in task.notes[0]
    for name, value in task.codes.basis.state_dict().items():
        torch.testing.assert_close(other.codes.basis.state_dict()[name], value)
    torch.testing.assert_close(other.codes.statistics.codes, task.codes.statistics.codes)
    assert not torch.equal(other.held_out.images, task.held_out.images)


def test_a_table_is_made_on_codes(found, tmp_path):
    sizes = {"image_size": 32, "texels": 309, **dict.fromkeys(code_task.COMPONENTS, 4), "dim_z": 4, "dim_e": 3}
    sizes["hidden"] = 8
    options = ["--dataset", "fer-codes", "--data", tmp_path, "--out", tmp_path / "out", "--seeds", 1, "--steps", 4]
    options += ["--methods", "vae,mmcvae,srb", "--check-every", 2, "--longer", "--device", "cpu", "--set=batch=8"]
    options += [f"--set=model.{name}={size}" for name, size in sizes.items()]
    assert run_command(main, [str(option) for option in options]) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    for name in ("vae", "mmcvae", "srb"):
        row = results["methods"][name]
        assert 0 <= row["average"][0] <= 1 and row["longer"]["steps"] == 3 * row["steps"][0] == 12
    assert "told" not in results["controls"] and {"start", "supervised"} <= set(results["controls"])


def test_aligned_crops_are_shrunk_to_the_networks_size(prepared_faces, monkeypatch):
    def fifths(dataset, folder, labels, people, in_train):
        assert len(labels) == len(people) == 30 and "neutral" in labels
        return Sides(*np.arange(24).reshape(4, 6), classes=np.zeros(30, int), missing={})

    monkeypatch.setattr(prepared_task, "sides_of", fifths)
    task = load_task("lfw", prepared_faces, 16)
    assert task.references.shape == task.held_out.images.shape == (6, 3, 16, 16)
    assert task.notes == ("a face was found and aligned in 30 of 31 photos",)
