"""What holds for any input, tried on many: alignment and its inverse, pasting back, changes as JSON, configs."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.server.edit_record import EditRecord
from app.server.state import numbers
from rbvae import ConfigError, ModelConfig, StyleEditor
from rbvae.errors import ImageError
from rbvae.faces.alignment import Alignment, fit_similarity, inverted
from rbvae.faces.pasting import face_mask, paste_back, patch
from rbvae.images.decoding import load_photo, shown

always_alike = settings(derandomize=True, deadline=None, database=None, max_examples=60)

similarities = st.builds(
    lambda turn, scale, right, down: np.array(
        [
            [scale * math.cos(turn), -scale * math.sin(turn), right],
            [scale * math.sin(turn), scale * math.cos(turn), down],
        ]
    ),
    st.floats(-math.pi, math.pi),
    st.floats(0.02, 20),
    st.floats(-500, 500),
    st.floats(-500, 500),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=12,
)


@always_alike
@given(similarities, st.integers(0, 2**32 - 1))
def test_alignments_inverse_goes_back_from_anywhere(matrix, seed):
    points = np.random.default_rng(seed).uniform(-1000, 1000, (20, 2))
    there = Alignment(matrix, 96).apply(points)
    back = inverted(matrix)
    np.testing.assert_allclose(there @ back[:, :2].T + back[:, 2], points, atol=1e-6)
    np.testing.assert_allclose(inverted(back), matrix, atol=1e-8)


@always_alike
@given(similarities, st.integers(0, 2**32 - 1))
def test_any_similarity_is_found_again_from_its_points(matrix, seed):
    points = np.random.default_rng(seed).normal(size=(12, 2))
    np.testing.assert_allclose(fit_similarity(points, points @ matrix[:, :2].T + matrix[:, 2]), matrix, atol=1e-6)


@always_alike
@given(
    similarities,
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.sampled_from([16, 32]),
)
def test_pasting_back_leaves_every_pixel_outside_the_mask_as_it_was(matrix, width, height, seed, detail, size):
    rng = np.random.default_rng(seed)
    photo = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    edited, original = rng.integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    assume(size / scale < 400)  # a crop of a face, not of a continent
    alignment, before = Alignment(matrix, size), photo.copy()
    made = paste_back(photo, edited, alignment, original if detail else None)
    assert made.shape == photo.shape and made.dtype == np.uint8 and np.array_equal(photo, before)
    rows, columns = np.mgrid[:height, :width] + 0.5
    inside = alignment.apply(np.stack([columns, rows], axis=-1))
    reach = max(1.0, scale)  # where a crop pixel lies in the photo, to within one pixel of either
    outside = ((inside < -reach) | (inside > size + reach)).any(axis=-1)
    assert np.array_equal(made[outside], photo[outside])
    (left, top, right, bottom), region = patch(photo, edited, alignment, original if detail else None)
    assert np.array_equal(made[top:bottom, left:right], region)


@always_alike
@given(similarities, st.integers(0, 2**32 - 1))
def test_an_edit_that_changes_nothing_changes_nothing(matrix, seed):
    rng = np.random.default_rng(seed)
    assume(0.05 < math.hypot(matrix[0, 0], matrix[1, 0]))
    photo, crop = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8), rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    np.testing.assert_array_equal(paste_back(photo, crop, Alignment(matrix, 32), crop), photo)


@always_alike
@given(st.integers(8, 300))
def test_a_mask_of_any_size_is_a_weight_with_nothing_at_its_border(size):
    mask = face_mask(size)
    assert mask.shape == (size, size) and 0 <= mask.min() and mask.max() <= 1
    assert max(mask[0].max(), mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()) == 0


@pytest.fixture(scope="module")
def opened(tiny_digits):
    editor = StyleEditor.from_pretrained(tiny_digits)
    digit = np.zeros((32, 32, 3), np.uint8)
    digit[8:24, 15:18] = 255
    return editor, editor.infer(digit)


@always_alike
@given(json_values)
def test_any_json_is_an_edit_or_refused(opened, given_edit):
    editor, inference = opened
    for edit in (given_edit, {"named": given_edit}, {"seed": given_edit}, {"amount": given_edit, "seed": 1}):
        try:
            record = EditRecord.of(editor, edit)
        except ConfigError as error:
            assert str(error)
        else:
            assert isinstance(record, EditRecord)


@always_alike
@given(json_values, st.integers(0, 5))
def test_numbers_are_numbers_or_refused(values, count):
    try:
        row = numbers(values, count, "values")
    except ConfigError as error:
        assert "values=" in str(error)
    else:
        assert row.shape == (count,) and row.dtype == np.float32 and np.isfinite(row).all()


@always_alike
@given(st.dictionaries(st.sampled_from([f.name for f in dataclasses.fields(ModelConfig)]), json_values, max_size=7))
def test_any_json_is_a_model_config_that_comes_back_or_refused(fields):
    try:
        config = ModelConfig.from_dict(fields)
    except ConfigError as error:
        assert str(error)
    else:
        assert ModelConfig.from_json(config.to_json()) == config == ModelConfig.from_dict(config.to_dict())


@always_alike
@given(st.sampled_from([16, 32, 48, 64, 96, 128]), st.integers(4, 512), st.integers(1, 4096), st.sampled_from([1, 2]))
def test_a_model_config_comes_back_from_json(size, width, dim, patch_side):
    try:
        config = ModelConfig(image_size=size, width=width, dim_z=dim, patch=patch_side)
    except ConfigError:
        assume(False)
    assert ModelConfig.from_json(config.to_json()) == config


@always_alike
@given(st.text(max_size=400))
def test_any_name_is_shown_on_one_line(name):
    assert shown(name).isprintable() and len(shown(name)) <= 80


@always_alike
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0"])
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_any_bytes_are_a_picture_or_refused_in_one_line(content, head):
    try:
        pixels = load_photo(head + content, max_side=None)
    except ImageError as error:
        assert "\n" not in str(error)
    else:
        assert pixels.dtype == np.uint8 and pixels.shape[2] == 3
