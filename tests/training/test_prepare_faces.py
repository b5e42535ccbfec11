"""Claims about training/prepare_faces.py, on copies of a real face (skimage's astronaut)."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from rbvae.faces.alignment import align, crop
from rbvae.faces.landmarks import FaceLandmarker, expression_energy
from rbvae.faces.texture import canonical_frame
from training.data.photo_faces import detect_faces
from training.data.photo_folders import list_photos
from training.data.shards import SCHEMA
from training.engine.cli import run_command
from training.prepare_faces import Settings, main, prepare_faces

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "training" / "prepare_faces.py"
PEOPLE = ("Ann", "Bo", "Cy", "Di")


def make_photos(folder: Path) -> Path:
    """Four people, twice each, mirrored and brightened, with junk beside them."""
    picture = Image.fromarray(data.astronaut()[:300, 80:380])
    for number, name in enumerate(PEOPLE):
        (folder / name).mkdir(parents=True)
        picture.point(lambda value, lift=8 * number: value + lift).save(folder / name / f"{name}_0001.jpg", quality=95)
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / name / f"{name}_0002.PNG")
    (folder / "Ann" / "broken.jpg").write_bytes((folder / "Ann" / "Ann_0001.jpg").read_bytes()[:4000])
    (folder / "Bo" / "letter.jpg").write_text("not a picture")
    (folder / "Bo" / "notes.txt").write_text("not looked at")
    Image.new("RGB", (300, 300), "teal").save(folder / "wall.png")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def prepared(photos: Path, tmp_path_factory) -> Path:
    labels = tmp_path_factory.mktemp("labels") / "labels.csv"
    labels.write_text("image,expression\nAnn_0001.jpg,happiness\nBo/Bo_0002.PNG,neutral\nNobody_0001.jpg,anger\n")
    target = tmp_path_factory.mktemp("prepared") / "faces"
    prepare_faces(Settings((photos,), target, labels=labels, size=64, workers=1, reference="labels"))
    return target


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    rows = [row for shard in sorted(folder.glob("*.parquet")) for row in pq.read_table(shard).to_pylist()]
    return {row["source"]: row for row in rows}


def image_of(row: dict[str, Any], column: str = "image") -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(row[column]["bytes"])))


def test_every_face_is_packed_and_everything_else_is_listed_with_its_reason(prepared: Path):
    rows = rows_of(prepared)
    assert set(rows) == {f"{name}/{name}_{ending}" for name in PEOPLE for ending in ("0001.jpg", "0002.PNG")}
    with (prepared / "skipped.csv").open(newline="") as lines:
        skipped = {row["path"]: row["reason"] for row in csv.DictReader(lines)}
    assert set(skipped) == {"Ann/broken.jpg", "Bo/letter.jpg", "wall.png"}
    assert "damaged" in skipped["Ann/broken.jpg"]
    assert "not a picture" in skipped["Bo/letter.jpg"]
    assert skipped["wall.png"] == "no face found"


def test_a_row_says_what_a_fresh_look_at_its_photo_says(prepared: Path, photos: Path):
    row = rows_of(prepared)["Cy/Cy_0002.PNG"]
    pixels = np.array(Image.open(photos / "Cy" / "Cy_0002.PNG"))
    with FaceLandmarker() as landmarker:
        (face,) = detect_faces(pixels, landmarker)
    np.testing.assert_allclose(row["blendshapes"], face.blendshapes)
    assert row["energy"] == pytest.approx(float(expression_energy(face.blendshapes)), rel=1e-5)
    assert (row["yaw"], row["pitch"], row["roll"]) == pytest.approx((face.yaw, face.pitch, face.roll), rel=1e-5)
    assert row["face_size"] == pytest.approx(face.size, rel=1e-5)
    assert (row["faces"], row["identity"]) == (1, "Cy")
    np.testing.assert_array_equal(np.reshape(row["points"], (478, 3)), face.points)
    assert (row["width"], row["height"], row["outside"]) == (300, 300, 0.0)
    assert (row["age"], row["sex"], row["ethnicity"]) == (None, None, None)
    assert image_of(row).shape == image_of(row, "texture").shape == (64, 64, 3)
    frame = canonical_frame(64)
    texture = frame.sample(pixels, face.points)
    np.testing.assert_allclose(frame.values(image_of(row, "texture")), texture.values, atol=0.51)
    assert peak_signal_noise_ratio(crop(pixels, align(face.points, 64)), image_of(row)) > 35


def test_labels_are_found_by_name_and_by_path_and_make_the_reference_set(prepared: Path):
    rows = rows_of(prepared)
    assert Counter(row["label"] for row in rows.values()) == {"": 6, "happiness": 1, "neutral": 1}
    assert rows["Ann/Ann_0001.jpg"]["label"] == "happiness"
    assert [source for source, row in rows.items() if row["reference"]] == ["Bo/Bo_0002.PNG"]


def test_the_description_counts_what_the_shards_hold(prepared: Path):
    description = json.loads((prepared / "dataset.json").read_text())
    rows = rows_of(prepared).values()
    assert (description["faces"], description["skipped"], description["references"]) == (8, 3, 1)
    assert description["splits"] == Counter(row["split"] for row in rows)
    assert description["mean_energy"] == pytest.approx(np.mean([row["energy"] for row in rows]), abs=1e-3)
    assert description["settings"]["size"] == 64 and description["versions"]["mediapipe"]


def test_the_shards_follow_the_hub_s_image_convention(prepared: Path):
    shards = sorted(prepared.glob("*.parquet"))
    assert shards[-1].name == "train-00000-of-00001.parquet"
    schema = pq.read_schema(shards[-1])
    assert schema.names == SCHEMA.names
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == schema.names
    assert features["image"] == {"_type": "Image"}
    assert rows_of(prepared)["Di/Di_0001.jpg"]["image"]["path"] == "Di/Di_0001.webp"


def test_two_processes_write_what_one_writes(photos: Path, prepared: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("training.prepare_faces.CHUNK", 4)
    description = prepare_faces(Settings((photos,), tmp_path / "two", size=64, workers=2))
    assert description["settings"]["workers"] == 2
    one, two = rows_of(prepared), rows_of(tmp_path / "two")
    assert list(one) == list(two)
    for source, row in one.items():
        assert all(row[name] == two[source][name] for name in ("image", "texture", "blendshapes", "points"))


def test_mined_references_are_the_given_share_of_faces_with_the_lowest_energy(photos: Path, tmp_path: Path):
    settings = Settings((photos,), tmp_path / "mined", size=32, workers=1, reference_share=0.4)
    description = prepare_faces(settings)
    mined = sorted(rows_of(tmp_path / "mined").values(), key=lambda row: row["energy"])
    assert [row["reference"] for row in mined] == [True] * 3 + [False] * 5
    assert description["references"] == 3
    assert description["references_by_group"] == {"unknown": {"faces": 8, "share": 0.375}}


def utkface_like(folder: Path) -> Path:
    """The astronaut as UTKFace crops its people, 200 px from forehead to chin, and one whose chin is cut off."""
    folder.mkdir()
    photo = Image.fromarray(data.astronaut())
    for name, box in {
        "35_1_0_20170109142408075.jpg": (165, 62, 283, 180),
        "36_1_20170109142408076.jpg": (165, 70, 283, 188),
        "37_1_0_20170109142408077.jpg": (170, 40, 275, 175),  # the chin's lowest tenth lies outside
        "38_1_0_20170109142408078.jpg": (170, 20, 275, 155),  # and here nearly a third
    }.items():
        photo.crop(box).resize((200, 200 * (box[3] - box[1]) // (box[2] - box[0]))).save(folder / name, quality=95)
    return folder


def test_tight_crops_are_found_and_described_beside_another_folder_s_photos(photos: Path, tmp_path: Path):
    crops = utkface_like(tmp_path / "utkface")
    settings = Settings((photos, crops), tmp_path / "both", size=64, workers=1)
    description = prepare_faces(settings)
    rows = rows_of(tmp_path / "both")
    assert len(rows) == 11 and description["skipped_by_reason"]["too far outside the frame"] == 1
    assert (
        {source.split("/")[0] for source in rows}
        == {photos.name, "utkface"}
        == {r["identity"].split("/")[0] for r in rows.values()}
    )
    whole, unnamed = rows["utkface/35_1_0_20170109142408075.jpg"], rows["utkface/36_1_20170109142408076.jpg"]
    assert [whole[name] for name in ("age", "sex", "ethnicity", "outside")] == [35, "female", "white", 0.0]
    assert [unnamed[name] for name in ("age", "sex", "ethnicity")] == [36, "female", None]
    assert whole["face_size"] > 0.8 * 200
    assert description["settings"]["photos"] == [str(photos), str(crops)]


def test_a_face_a_little_outside_the_frame_is_kept_and_masked_there_and_one_further_out_is_skipped(tmp_path: Path):
    prepare_faces(Settings((utkface_like(tmp_path / "crops"),), tmp_path / "made", size=64, workers=1))
    row = rows_of(tmp_path / "made")["37_1_0_20170109142408077.jpg"]
    points = np.reshape(row["points"], (478, 3)).astype(np.float32)
    assert 0.01 < row["outside"] < 0.1
    assert row["outside"] == pytest.approx((points[:, 1].max() - row["height"]) / row["face_size"], abs=1e-4)
    frame = canonical_frame(64)
    below = frame.positions(points[:, :2])[:, 1] > row["height"]
    seen = frame.visible(points, row["width"], row["height"])
    assert below.any() and not seen[below].any() and seen[~below].mean() > 0.85
    with (tmp_path / "made" / "skipped.csv").open(newline="") as lines:
        (skipped,) = csv.DictReader(lines)
    assert skipped["path"] == "38_1_0_20170109142408078.jpg"
    assert re.fullmatch(r"[1-4]\d% of the face lies outside the frame", skipped["reason"])


def test_an_odd_file_name_does_not_lose_the_rest(photos: Path, tmp_path: Path):
    folder = tmp_path / "odd"
    folder.mkdir()
    content = (photos / "Ann" / "Ann_0001.jpg").read_bytes()
    for name in (b"caf\xe9.jpg", b"new\nline.jpg", b"x..jpg", '\u540d\u524d, "q".jpg'.encode(), b"-- --.jpg"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(content)
    Path(os.fsdecode(os.fsencode(folder) + b"/bad\xe9.jpg")).write_text("no picture")
    description = prepare_faces(Settings((folder,), tmp_path / "made", size=32, workers=2))
    assert (description["faces"], description["skipped"]) == (5, 1)
    assert "caf\\xe9.jpg" in rows_of(tmp_path / "made")
    with (tmp_path / "made" / "skipped.csv").open(newline="", encoding="utf-8") as lines:
        assert [row["path"] for row in csv.DictReader(lines)] == ["bad\\xe9.jpg"]


def test_a_folder_can_be_the_reference_set(photos: Path, tmp_path: Path):
    for reference, name in ((str(photos / "Bo"), "Bo"), ("Cy", "Cy")):
        settings = Settings((photos,), tmp_path / "x", reference=reference)
        settings.validate()
        listed = list_photos(photos, reference=settings.reference_folder())
        assert {photo.identity for photo in listed if photo.listed_reference} == {name}


def test_an_earlier_dataset_is_replaced_and_anything_else_is_left_alone(photos: Path, tmp_path: Path, capsys):
    command = ["--photos", str(photos / "Ann"), "--size", "32", "--workers", "1", "--out"]
    assert run_command(main, [*command, str(tmp_path / "made")]) == 0
    assert "2 faces, 1 skipped (1 damaged" in capsys.readouterr().out
    (tmp_path / "made" / "mark").touch()
    assert run_command(main, [*command, str(tmp_path / "made")]) == 0
    assert not (tmp_path / "made" / "mark").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    assert run_command(main, [*command, str(tmp_path / "mine")]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "mine"]
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--photos {tmp}/nowhere", "nowhere"),
        ("--photos {tmp}/empty", "no pictures"),
        ("--photos {tmp}/walls", "no face found"),
        ("--photos {photos} --labels {tmp}/nowhere.csv", "nowhere.csv"),
        ("--photos {photos} --labels {tmp}/other.csv", "image,expression"),
        ("--photos {photos} --labels {photos}/wall.png", "image,expression"),
        ("--photos {photos} --size 24", "24"),
        ("--photos {photos} --size 100", "100"),
        ("--photos {photos} --size 264", "264"),
        ("--photos {photos} --workers 0", "--workers"),
        ("--photos {photos} --limit 0", "--limit"),
        ("--photos {photos} {tmp}/nowhere", "nowhere"),
        ("--photos {photos} {tmp}/empty", "no pictures"),
        ("--photos {photos} {photos}", "twice"),
        ("--photos {photos} --reference-share 1.5", "--reference-share"),
        ("--photos {photos} --reference {tmp}/walls", "not inside"),
        ("--photos {photos} --reference nobody", "nobody"),
        ("--photos {photos} --reference labels", "neutral"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(photos: Path, tmp_path: Path, capsys, options: str, said: str):
    for name in ("empty", "walls"):
        (tmp_path / name).mkdir()
    (tmp_path / "other.csv").write_text("file,mood\na.jpg,happy\n")
    Image.new("RGB", (200, 200), "teal").save(tmp_path / "walls" / "wall.png")
    before = sorted(tmp_path.rglob("*"))
    command = options.format(tmp=tmp_path, photos=photos).split()
    assert run_command(main, [*command, "--out", str(tmp_path / "made")]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("faces ")]
    assert len(errors) == 1 and errors[0].startswith("error: ") and said in errors[0]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to a child")
def test_ctrl_c_leaves_nothing_half_written(tmp_path: Path):
    picture = Image.fromarray(data.astronaut())
    (tmp_path / "photos").mkdir()
    for number in range(400):
        (tmp_path / "photos" / f"{number}.jpg").symlink_to(tmp_path / "one.jpg")
    picture.save(tmp_path / "one.jpg")
    command = [sys.executable, str(SCRIPT), "--photos", str(tmp_path / "photos"), "--out", str(tmp_path / "made")]
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs are started deaf to it
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "80"}, preexec_fn=heard
    )
    deadline = time.monotonic() + 60
    while not any(tmp_path.glob(".made*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors and "interrupted" in errors
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.jpg", "photos"]


def test_help_has_an_example_to_copy():
    done = subprocess.run([sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "example: python training/prepare_faces.py --photos" in " ".join(done.stdout.split())
