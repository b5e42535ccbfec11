"""Every row in its turn, the same ones again after a stop, and little in memory."""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hub import LocalHub
from hub_process import HubProcess

from rbvae.errors import ConfigError, DatasetError
from rbvae.images.arrays import to_uint8
from training.data.batches import Batches, Sampling
from training.data.datasets import load_faces, load_images
from training.data.shards import FORMAT, Shards, encode
from training.data.streaming import StreamedBatches, fits, resident_bytes

CPU = torch.device("cpu")
ROWS, SIZE = 40, 32  # a row group here
HASH = """
import hashlib, torch
from training.data.batches import Sampling
from training.data.streaming import StreamedBatches
with StreamedBatches(folder, Sampling(32, 0, True), torch.device("cpu"), pool_groups=2) as batches:
    result = [hashlib.sha256(x.numpy().tobytes()).hexdigest() for step in steps for x in batches.at(step)]
"""
COUNT = """
from training.data.datasets import load_images
result = list(load_images(folder, "faces", 32, 0).unlabelled.shape)
"""
FAILURE = """
import time
from training.data.datasets import load_images
started = time.monotonic()
try: load_images(folder, "faces", 32, 0)
except Exception as error: result = [f"{type(error).__name__}: {error}", time.monotonic() - started]
"""


def write(folder: Path, rows: int, reference=lambda row: row % 3 == 0, picture=None, shard_bytes=150_000) -> Path:
    """A prepared dataset of noise with `rows` training and 8 test faces, in row groups of ROWS and several shards."""
    rng, folder = np.random.default_rng(0), folder / "faces"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch, Shards(folder) as shards:
        patch.setattr("training.data.shards.ROWS", ROWS)
        patch.setattr("training.data.shards.SHARD_BYTES", shard_bytes)
        for row in range(rows + 8):
            content = picture or encode(rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8))
            numbers = dict.fromkeys(("energy", "yaw", "pitch", "roll", "face_size"), 0.5)
            known = {"split": "train" if row < rows else "test", "reference": reference(row), "identity": str(row)}
            image = {"bytes": content, "path": f"{row}.webp"}
            shards.add({"image": image, "source": "", "label": "", "faces": 1, "blendshapes": [row / 9] * 52}
                       | numbers | known)  # fmt: skip
    counts = {"train": sum(map(reference, range(rows)))}
    summary = {"format": FORMAT, "settings": {"size": SIZE}, "references_by_split": counts}
    (folder / "dataset.json").write_text(json.dumps(summary))
    return folder


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """260 training faces in seven row groups, the last of 20, in three shards."""
    folder = write(tmp_path_factory.mktemp("made"), 260)
    assert len(list(folder.glob("train-*"))) == 3
    return folder


@pytest.fixture(scope="module")
def numbers(faces):
    """Pixels of every training face -> its row."""
    images = load_faces(faces, SIZE).unlabelled
    return {image.numpy().tobytes(): row for row, image in enumerate(images)}


def stream(folder, batch=32, flip=False, seed=0, rank=0, world=1, pool_groups=2, **more) -> StreamedBatches:
    return StreamedBatches(folder, Sampling(batch, seed, flip, rank, world), CPU, pool_groups, **more)


def seen(batches, steps, numbers) -> tuple[list[int], list[int]]:
    """The rows that `steps` steps show, unlabelled and reference."""
    pairs = [batches.at(step) for step in range(steps)]
    return tuple([numbers[i.numpy().tobytes()] for x in xs for i in to_uint8(x)] for xs in zip(*pairs, strict=True))


@pytest.mark.parametrize("pool_groups", [1, 2, 9])
def test_every_row_is_seen_once_an_epoch(faces, numbers, pool_groups):
    with stream(faces, pool_groups=pool_groups) as batches:
        rows, references = seen(batches, 65, numbers)  # 65 batches of 32 are 8 epochs of 260
    epochs = [rows[first : first + 260] for first in range(0, len(rows), 260)]
    assert len(epochs) == 8 and all(sorted(epoch) == list(range(260)) for epoch in epochs)
    assert epochs[0] != epochs[1] and epochs[0] != sorted(epochs[0])
    assert set(references) == set(range(0, 260, 3))


def test_batches_look_like_those_of_a_resident_dataset(faces):
    sets = load_faces(faces, SIZE)
    for batches in (Batches(sets.unlabelled, sets.references, Sampling(32, 0, True)), stream(faces, flip=True)):
        for x in batches.at(0):
            assert x.shape == (32, 3, SIZE, SIZE) and x.dtype == torch.float32
            assert x.is_contiguous(memory_format=torch.channels_last)
            assert -1 <= x.min() < -0.9 and 0.9 < x.max() <= 1
        batches.close()


def test_half_of_the_pictures_are_mirrored(faces):
    with stream(faces, flip=True) as flipped, stream(faces) as straight:
        pairs = [(a, b) for step in range(8) for x, y in zip(flipped.at(step), straight.at(step), strict=True)
                 for a, b in zip(x, y, strict=True)]  # fmt: skip
    assert all(torch.equal(a, b) or torch.equal(a, b.flip(2)) for a, b in pairs)
    assert 0.4 < sum(torch.equal(a, b) for a, b in pairs) / len(pairs) < 0.6


def test_a_resumed_run_gets_what_it_would_have_got(faces):
    with stream(faces, flip=True, threads=2) as whole:
        expected = [whole.at(step) for step in range(40)]
    for start in (1, 17, 39):
        with stream(faces, flip=True) as resumed:
            for step in range(start, min(start + 3, 40)):
                assert all(torch.equal(a, b) for a, b in zip(resumed.at(step), expected[step], strict=True))
    with stream(faces, flip=True, seed=1) as other:
        assert not torch.equal(other.at(0)[0], expected[0][0])


def test_processes_share_nothing_and_see_everything_together(faces, numbers):
    shares = []
    for rank in range(3):
        with stream(faces, batch=60, rank=rank, world=3) as batches:
            own = sum(pool.rows for pool in batches._plan.pools(0))
            assert batches.at(0)[0].shape[0] == 20
            shares.append(seen(batches, -(-own // 20), numbers)[0][:own])
    assert sorted(row for share in shares for row in share) == list(range(260))


def test_a_batch_may_be_larger_than_a_pool(faces, numbers):
    with stream(faces, batch=130, pool_groups=1) as batches:
        assert sorted(seen(batches, 2, numbers)[0]) == list(range(260))


def test_memory_holds_two_pools(tmp_path):
    folder = write(tmp_path, 50 * ROWS, picture=encode(np.zeros((SIZE, SIZE, 3), dtype=np.uint8)))
    pool = 5 * ROWS * SIZE * SIZE * 3
    with stream(folder, batch=100, pool_groups=5) as batches:
        batches.at(0)
        tracemalloc.start()
        for step in range(1, 40):
            batches.at(step)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(batches._loads) == 2
    assert peak < 2.3 * pool  # of the ten that there are; numpy tells tracemalloc what it holds


def test_what_the_device_would_hold_is_known_from_the_footers(faces):
    sets = load_faces(faces, SIZE)
    assert resident_bytes(faces) == sets.unlabelled.nbytes + sets.references.nbytes
    assert fits(faces, 2 * resident_bytes(faces)) and not fits(faces, 2 * resident_bytes(faces) - 2)


def test_a_streamed_run_loads_what_it_is_measured_on(faces, monkeypatch):
    monkeypatch.setattr("training.data.datasets.LABELLED_LIMIT", 50)
    monkeypatch.setattr("training.data.datasets.TEST_LIMIT", 5)
    whole, part = load_faces(faces, SIZE), load_faces(faces, SIZE, stream=True)
    assert part.unlabelled.shape == part.references.shape == (0, 3, SIZE, SIZE)
    for name, count in (("probe_train", 50), ("probe_test", 5)):
        given, expected = getattr(part, name), getattr(whole, name)[:count]
        assert torch.equal(given.images, expected.images) and torch.equal(given.factors, expected.factors)
        assert given.shows == expected.shows and len(given.shows) == count


@pytest.mark.parametrize(
    ("reference", "world", "message"),
    [(lambda row: row < 160, 1, "3 of 7 row groups hold no reference.*shuffle the photos and prepare them again"),
     (lambda row: row % 3 == 0, 8, "7 row groups cannot be shared by 8 processes; use fewer")],
)  # fmt: skip
def test_a_dataset_that_cannot_be_shared_is_refused_at_once(tmp_path, reference, world, message):
    folder = write(tmp_path, 260, reference, picture=encode(np.zeros((SIZE, SIZE, 3), dtype=np.uint8)))
    with pytest.raises(DatasetError, match=message):
        stream(folder, world=world)


def test_settings_that_leave_a_process_without_rows_are_named(faces):
    with pytest.raises(ConfigError, match="batch=2"):
        stream(faces, batch=2, world=3)


def damage_pages(folder):
    path = sorted(folder.glob("train-*"))[1]
    content = bytearray(path.read_bytes())
    content[3000:20000] = bytes(17000)
    path.write_bytes(content)


def remove_shard(folder):
    sorted(folder.glob("train-*"))[1].unlink()


@pytest.mark.parametrize("harm", [damage_pages, remove_shard])
def test_shards_that_break_end_the_run_with_their_name(tmp_path, harm):
    folder = write(tmp_path, 260)
    with stream(folder, pool_groups=1) as batches:
        harm(folder)
        started = time.monotonic()
        with pytest.raises(DatasetError, match=r"faces is damaged \(train-00001-of-00003.parquet, row group"):
            for step in range(20):
                batches.at(step)
        with pytest.raises(DatasetError):
            batches.at(step)
        assert time.monotonic() - started < 5


def test_a_picture_that_is_none_is_named(tmp_path):
    with (
        stream(write(tmp_path, 80, picture=b"a thousand words")) as batches,
        pytest.raises(DatasetError, match="no pict"),
    ):
        batches.at(0)


@pytest.fixture(scope="module")
def hub(faces):
    """A server with the dataset, whole and in a folder of a private repository, and a process that uses it."""
    files = {path.name: path.read_bytes() for path in faces.iterdir()}
    with LocalHub() as server:
        server.add("datasets", "alice/faces", {f"small/{name}": content for name, content in files.items()}, True)
        server.add("datasets", "bob/faces", files)
        yield server


def test_a_dataset_on_the_hub_gives_the_same_batches(hub, faces, tmp_path):
    commit = hub.repos["datasets", "alice/faces"].branches["main"]
    with HubProcess(hub.env(tmp_path, "hf_alice")) as process:
        local = process.run(HASH, folder=str(faces), steps=[0, 1, 9])
        for folder in ("hf://datasets/bob/faces", f"hf://datasets/alice/faces/small@{commit}"):
            assert process.run(HASH, folder=folder, steps=[0, 1, 9]) == local
        address = "hf://datasets/alice/faces@main/small"
        process.run("left = StreamedBatches(address, Sampling(7, 0, True, 6, 7), torch.device('cpu'))", address=address)
        before, group = len(hub.seen), sum(path.stat().st_size for path in faces.glob("train-*")) / 6.5
        process.run("left.at(0)")  # reads one row group, and another ahead
        sent = sum(one.sent for one in hub.seen[before:] if one.path.endswith(".parquet"))
        assert group / 2 < sent < 2.2 * group
        assert process.run(COUNT, folder="hf://datasets/bob/faces") == [260, 3, SIZE, SIZE]
        for folder, message in (
            ("hf://datasets/bob/nothing", "it does not exist or is private"),
            ("hf://datasets/bob/faces@v7", "no such revision"),
            ("hf://datasets/bob/faces/small", "holds no dataset.json; push it"),
            ("hf://bob/faces", "write hf://datasets/USER/NAME"),
        ):
            said, seconds = process.run(FAILURE, folder=folder)
            assert said.startswith("DatasetError") and message in said and seconds < 5, said
    # the process ends here, with batches that nobody closed


def test_a_folder_that_is_none_says_how_to_make_one(tmp_path):
    with pytest.raises(DatasetError, match="no dataset.json; make it with training/prepare_faces.py"):
        load_images(tmp_path / "nowhere", "faces", SIZE, 0)
