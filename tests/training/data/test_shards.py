"""Claims about training/data/shards.py: what the packed dataset looks like on disk, and that it appears whole."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from rbvae.errors import DatasetError
from rbvae.faces.alignment import align, crop
from rbvae.faces.landmarks import FaceLandmarker
from training.data.folders import PreparedFolder, RowGroup, _described
from training.data.shards import (
    FORMAT,
    SCHEMA,
    Shards,
    encode,
    encode_texture,
    in_one_piece,
    mark_references,
    may_replace,
)


def row(number: int, split: str) -> dict[str, Any]:
    image = {"bytes": bytes(100), "path": f"{number}.webp"}
    measured = {"energy": 0.5, "yaw": 1.0, "pitch": 2.0, "roll": 3.0, "face_size": 90.0}
    said = {"source": f"{number}.jpg", "label": "", "identity": str(number), "split": split, "reference": False}
    place = {"points": [1.5] * 1434, "width": 250, "height": 200, "outside": 0.0625}
    person = {"age": None, "sex": None, "ethnicity": "asian"}
    return {"image": image, "texture": image, "blendshapes": [0.25] * 52, "faces": 1} | measured | said | place | person


def write_dataset(target: Path) -> None:
    with in_one_piece(target) as folder:
        (folder / "dataset.json").write_text(json.dumps({"format": FORMAT}))


def test_a_packed_crop_is_close_to_the_crop_in_an_eighth_of_its_bytes():
    pixels = np.ascontiguousarray(data.astronaut()[:300, 80:380][:, ::-1])
    with FaceLandmarker() as landmarker:
        face = landmarker.detect(pixels)[0]
    packed = crop(pixels, align(face.points, 96))
    assert len(encode(packed)) < packed.nbytes / 8
    assert peak_signal_noise_ratio(packed, np.asarray(Image.open(io.BytesIO(encode(packed))))) > 36


def test_rows_come_back_as_they_went_in_however_many_shards_they_fill(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("training.data.shards.ROWS", 4)
    monkeypatch.setattr("training.data.shards.SHARD_BYTES", 1400)  # two row groups of four faces with two pictures
    rows = [row(number, "test" if number % 5 == 0 else "train") for number in range(25)]
    with Shards(tmp_path) as shards:
        for each in rows:
            shards.add(each)
    names = ["test-00000-of-00001", *(f"train-{number:05d}-of-00003" for number in range(3))]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}.parquet" for name in names]
    for split in ("train", "test"):
        read = [each for path in sorted(tmp_path.glob(f"{split}-*")) for each in pq.read_table(path).to_pylist()]
        assert read == [each for each in rows if each["split"] == split]


def test_every_column_is_a_feature_the_hub_knows(tmp_path: Path):
    with Shards(tmp_path) as shards:
        shards.add(row(0, "train"))
    (shard,) = tmp_path.iterdir()
    schema = pq.read_schema(shard)
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert schema.names == SCHEMA.names == list(features)
    assert features["energy"] == {"dtype": "float32", "_type": "Value"}
    assert features["texture"] == {"_type": "Image"}
    assert (features["points"]["length"], features["points"]["feature"]["dtype"]) == (1434, "float32")
    assert (features["age"]["dtype"], features["ethnicity"]["dtype"]) == ("int32", "string")


def test_a_texture_comes_back_exactly_in_fewer_bytes():
    pixels = data.astronaut()[60:188, 150:278]
    packed = encode_texture(pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(packed))), pixels)
    assert len(packed) < 0.6 * pixels.nbytes


def test_references_are_marked_in_shards_that_stand_and_nothing_else_changes(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("training.data.shards.ROWS", 3)
    with Shards(tmp_path) as shards:
        for number in range(8):
            shards.add(row(number, "train"))
    (shard,) = tmp_path.iterdir()
    before = pq.ParquetFile(shard)
    table, groups, metadata = before.read().to_pylist(), before.num_row_groups, before.schema_arrow.metadata
    mark_references(tmp_path, {"1.jpg", "7.jpg", "elsewhere.jpg"})
    assert list(tmp_path.iterdir()) == [shard]
    after = pq.ParquetFile(shard)
    assert after.read().to_pylist() == [each | {"reference": each["source"] in ("1.jpg", "7.jpg")} for each in table]
    assert (after.num_row_groups, after.schema_arrow.metadata) == (groups, metadata)
    marked = [group.references for group in footers(after)]
    assert marked == [True, False, True]


def footers(shard: pq.ParquetFile) -> list[RowGroup]:
    return [_described("", shard.metadata, index) for index in range(shard.num_row_groups)]


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path):
    target = tmp_path / "deep" / "faces"
    with pytest.raises(KeyboardInterrupt), in_one_piece(target) as folder:
        (folder / "half").touch()
        raise KeyboardInterrupt
    assert not any(target.parent.iterdir())
    write_dataset(target)
    assert [path.name for path in target.parent.iterdir()] == ["faces"]


def test_an_earlier_folder_stays_until_the_new_one_stands(tmp_path: Path):
    target = tmp_path / "faces"
    write_dataset(target)
    with pytest.raises(OSError), in_one_piece(target):
        raise OSError("no space left on device")
    assert [path.name for path in target.iterdir()] == ["dataset.json"]
    with in_one_piece(target) as folder:
        (folder / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]


def test_only_a_dataset_or_an_empty_folder_may_be_replaced(tmp_path: Path):
    write_dataset(tmp_path / "made")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for name, content in (("thesis", "{}"), ("list", "[]"), ("torn", '{"format'), ("other", '{"format": "else"}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "dataset.json").write_text(content)
    assert sorted(path.name for path in tmp_path.iterdir() if may_replace(path)) == ["empty", "made"]


def test_damage_that_still_decodes_is_found(tmp_path: Path):
    with Shards(tmp_path) as shards:
        for number in range(4):
            shards.add(row(number, "train") | {"energy": 0.1 * number})
    (tmp_path / "dataset.json").write_text(json.dumps({"format": FORMAT, "settings": {"size": 96}}))
    (shard,) = tmp_path.glob("*.parquet")
    column = pq.ParquetFile(shard).metadata.row_group(0).column(SCHEMA.names.index("energy") + 1)  # after image's two
    assert column.path_in_schema == "energy"
    content = bytearray(shard.read_bytes())
    content[column.data_page_offset + column.total_compressed_size - 2] ^= 1
    shard.write_bytes(content)
    prepared = PreparedFolder(tmp_path)
    with pytest.raises(DatasetError, match=f"damaged.*{shard.name}, row group 0.*prepare it again"):
        prepared.read(prepared.groups("train")[0], ["energy"])
