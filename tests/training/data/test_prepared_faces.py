"""Claims about training/data/prepared_faces.py: what comes back of a prepared dataset, in arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from skimage import data

from rbvae.errors import DatasetError
from rbvae.faces.landmarks import FaceLandmarker
from rbvae.faces.texture import canonical_frame
from training.data.photo_faces import detect_faces
from training.data.prepared_faces import PreparedFaces, load_prepared
from training.prepare_faces import Settings, prepare_faces

SIZE = 64


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Seven photos of one face, differently framed, the first with its chin cut off; none in the test split."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(7):
        picture = Image.fromarray(data.astronaut()[: 170 + 30 * number, 90 + 5 * number : 360])
        (folder / "train").mkdir(exist_ok=True)
        picture.save(folder / "train" / f"{20 + number}_1_{number % 5}_2017010914240807{number}.png")
    return folder


@pytest.fixture(scope="module")
def folder(photos: Path, tmp_path_factory) -> Path:
    """The photos, prepared, in row groups of three."""
    target = tmp_path_factory.mktemp("prepared") / "faces"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.data.shards.ROWS", 3)
        patch.setattr("training.data.splits.TEST_SHARE", 0.0)
        patch.setattr("training.data.photo_folders.lone_side", lambda *_: {})
        patch.setattr("training.prepare_faces.required_moves", lambda *_: {})
        prepare_faces(Settings((photos,), target, size=SIZE, workers=1))
    return target


@pytest.fixture(scope="module")
def faces(folder: Path) -> PreparedFaces:
    return load_prepared(folder, "train")


def test_textures_and_visible_texels_are_those_of_the_photos(faces: PreparedFaces, photos: Path):
    frame = canonical_frame(SIZE)
    assert faces.size == SIZE and faces.textures.shape == (7, len(frame.flat), 3)
    with FaceLandmarker() as landmarker:
        for row, source in enumerate(faces.source):
            pixels = np.array(Image.open(photos / source))
            face = detect_faces(pixels, landmarker)[0]
            texture = frame.sample(pixels, face.points)
            np.testing.assert_array_equal(faces.points[row], face.points)
            np.testing.assert_allclose(faces.textures[row].astype(float), texture.values, atol=0.51)
            np.testing.assert_array_equal(faces.visible(row), texture.visible)
            np.testing.assert_array_equal(faces.blendshapes[row], face.blendshapes)
            assert (faces.width[row], faces.height[row]) == (pixels.shape[1], pixels.shape[0])
    np.testing.assert_array_equal(faces.visible()[2:5], faces.visible(slice(2, 5)))


def test_columns_keep_their_kinds_and_their_order_across_row_groups(faces: PreparedFaces, folder: Path):
    (shard,) = folder.glob("*.parquet")
    rows = pq.read_table(shard, columns=["source", "age", "yaw", "reference"]).to_pylist()
    assert faces.source == [row["source"] for row in rows] and len(faces) == 7
    assert faces.age == [row["age"] for row in rows] == list(range(20, 27))
    assert faces.sex == ["female"] * 7 and faces.ethnicity[:3] == ["white", "black", "asian"]
    np.testing.assert_allclose(faces.yaw, [row["yaw"] for row in rows])
    np.testing.assert_array_equal(faces.reference, [row["reference"] for row in rows])
    assert (faces.textures.dtype, faces.points.dtype, faces.width.dtype, faces.reference.dtype) == (
        *(np.uint8, np.float32, np.int32, np.bool_),
    )


@pytest.mark.parametrize("limit", [1, 3, 4])
def test_a_limit_gives_the_first_faces(faces: PreparedFaces, folder: Path, limit: int):
    some = load_prepared(folder, "train", limit)
    assert len(some) == len(some.source) == len(some.points) == limit
    np.testing.assert_array_equal(some.textures, faces.textures[:limit])
    np.testing.assert_array_equal(some.visible(), faces.visible()[:limit])


def test_a_split_without_faces_and_a_folder_that_is_no_dataset_are_refused(folder: Path, tmp_path: Path):
    with pytest.raises(DatasetError, match="no test faces; prepare more"):
        load_prepared(folder, "test")
    with pytest.raises(DatasetError, match="make it with training/prepare_faces.py"):
        load_prepared(tmp_path, "train")


def test_a_dataset_of_an_older_version_is_to_be_prepared_again(folder: Path, tmp_path: Path):
    (tmp_path / "dataset.json").write_text((folder / "dataset.json").read_text())
    (shard,) = folder.glob("*.parquet")
    old = pq.read_table(shard).drop_columns(["texture", "points"])
    pq.write_table(old, tmp_path / shard.name)
    with pytest.raises(DatasetError, match="was prepared by an older version; prepare it again"):
        load_prepared(tmp_path, "train")


def test_a_damaged_texture_is_named(folder: Path, tmp_path: Path):
    (tmp_path / "dataset.json").write_text((folder / "dataset.json").read_text())
    (shard,) = folder.glob("*.parquet")
    table = pq.read_table(shard)
    place = table.schema.get_field_index("texture")
    torn = pa.array([{"bytes": b"torn", "path": ""}] * len(table), table.schema.field("texture").type)
    pq.write_table(table.set_column(place, table.schema.field("texture"), torn), tmp_path / shard.name)
    with pytest.raises(DatasetError, match="damaged.*prepare it again"):
        load_prepared(tmp_path, "train")
