"""The page's model and the portraits' files: small, and exact enough for what the library draws."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
import torch

from rbvae import PortraitEditor
from rbvae.editing.page_model import SHAPE_STEP, TEXTURE_STEP, jacobian
from rbvae.editing.portrait_file import PortraitFiles
from rbvae.errors import ConfigError
from rbvae.faces.shading import LUMA

AMOUNTS = (-1.0, 1.0, 2.0)  # sigmas


@pytest.fixture(scope="module")
def edited(editor, synthetic):
    """A portrait's e after edits along every direction, its neutral e, and samples: [N, D_e]."""
    along = [synthetic.e + amount * one.sigma * one.vector for one in editor.directions for amount in AMOUNTS]
    others = [editor.neutral_e(synthetic), *editor.sample_e(6, 1, synthetic)]
    return np.stack(along + others).astype(np.float32)


@pytest.fixture(scope="module")
def codes(editor, synthetic, edited):
    """The changes of the code that the generator predicts for them, [N, K]."""
    rows = torch.from_numpy(np.concatenate([synthetic.e[None], edited]))
    with torch.inference_mode():
        decoded = editor.model.decode(torch.from_numpy(synthetic.z).expand(len(rows), -1), rows)
    return (decoded[1:] - decoded[:1]).numpy()


def unpacked(content):
    """Header and the bytes after it of a packed file."""
    plain = gzip.decompress(content)
    length = int(np.frombuffer(plain[4:8], np.uint32)[0])
    return plain[:4], json.loads(plain[8 : 8 + length]), plain[8 + length :]


def test_the_pages_model_has_at_most_300_kilobytes(files):
    assert len(files.packed_model) <= 300_000


def test_equal_models_give_equal_files(editor, files):
    assert PortraitFiles(editor).packed_model == files.packed_model


def test_the_drawn_change_of_colours_is_exact_to_half_a_grey_level(editor, files, synthetic, edited, codes):
    faces, model, own = editor.faces, files.model, synthetic.observed.texture
    by_texture, _ = model.coefficients(jacobian(faces, synthetic.z, synthetic.e))
    stored = (edited - synthetic.e) @ by_texture.T @ (TEXTURE_STEP * model.images)
    full = faces.frame.joined(faces.basis.texture_change(torch.from_numpy(codes)).numpy())
    errors = np.abs(
        [drawn(faces, model, row, own) - faces.shading.apply(one, own) for row, one in zip(stored, full, strict=True)]
    )
    assert errors.mean() <= 0.5 and errors.max() <= 3.0


def drawn(faces, model, row, own):
    """What the page adds for a row of stored changes: lightness everywhere, and colours on lips and mouth."""
    luma, (red, blue) = row[: len(own)], row[len(own) :].reshape(2, -1)
    change = np.repeat(luma[:, None], 3, axis=1)
    green = -(LUMA[0] * red + LUMA[2] * blue) / LUMA[1]
    change[model.coloured] += np.stack([red, green, blue], axis=1)
    return faces.shading.apply(change.astype(np.float32), own)


def test_landmarks_are_exact_to_a_twentieth_of_a_pixel_on_average(editor, files, synthetic, edited, codes):
    _, by_shape = files.model.coefficients(jacobian(editor.faces, synthetic.z, synthetic.e))
    stored = (edited - synthetic.e) @ by_shape.T @ (SHAPE_STEP * files.model.shapes)
    wanted = editor.faces.basis.shape_change(torch.from_numpy(codes)).flatten(1).numpy()
    errors = np.abs(stored - wanted) / synthetic.observed.pose.scale
    assert errors.mean() < 0.05 and errors.max() < 1.0


def test_a_portraits_file_has_no_photo(files, synthetic):
    magic, header, content = unpacked(files.of(synthetic))
    sizes = {name: place["shape"] for name, place in header["arrays"].items()}
    assert magic == b"RBV1" and len(content) < synthetic.source.nbytes * 4
    assert not any(shape[:2] == list(synthetic.source.shape[:2]) for shape in sizes.values())
    assert header["about"]["size"] == list(synthetic.source.shape[1::-1])


def test_large_faces_come_reduced(editor, files, synthetic):
    source = np.repeat(np.repeat(synthetic.source, 6, axis=0), 6, axis=1)
    _, header, _ = unpacked(files.of(editor.infer(source)))
    assert 1.2 < header["about"]["scale"] < 1.5


def test_models_of_images_have_no_files(tiny_faces):
    with pytest.raises(ConfigError, match="observes images"):
        PortraitFiles(PortraitEditor.from_pretrained(tiny_faces))
