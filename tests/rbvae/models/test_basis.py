import copy

import numpy as np
import pytest
import torch

from rbvae import DatasetError
from rbvae.config import BasisSize
from rbvae.faces.mesh import face_mesh, mirrored
from rbvae.faces.texture import canonical_frame
from rbvae.models.basis import Basis, fill_from_mirror, quantised
from training.data.fit_basis import AlignedFaces, code_of, fit_basis

SIDE = 32
FRAME = canonical_frame(SIDE)
SIZE = BasisSize(len(FRAME.left), texture_even=5, texture_odd=3, shape_even=4, shape_odd=2)


@pytest.fixture(scope="module")
def faces() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Textures of three smooth patterns and their mirror images, all visible, and shapes of two movements."""
    rng = np.random.default_rng(0)
    x, y = (FRAME.values(grid[..., None])[:, 0] for grid in np.meshgrid(*[np.linspace(-1, 1, SIDE)] * 2))
    patterns = np.stack([np.cos(3 * x), x * y, np.sin(4 * y)])
    textures = 120 + np.einsum("nk,kp->np", rng.normal(size=(80, 3)) * 20, patterns)[..., None] * [1.0, 0.8, 0.6]
    moves = np.stack([mirrored_move(rng, 1), mirrored_move(rng, -1)])
    shapes = face_mesh().mean + np.einsum("nk,kpd->npd", rng.normal(size=(80, 2)), moves)
    textures = textures.clip(0, 255).round().astype(np.uint8)
    return textures, np.ones(textures.shape[:2], bool), shapes.astype(np.float32)


def mirrored_move(rng: np.random.Generator, sign: int) -> np.ndarray:
    """A movement of the points that is the same (1) in the mirror, or its negative (-1)."""
    mesh = face_mesh()
    move = rng.normal(size=mesh.mean.shape) * 0.01
    flipped = move[mesh.mirror] * [-1, 1, 1]
    return (move + sign * flipped) / 2


@pytest.fixture(scope="module")
def fitted(faces) -> tuple[Basis, torch.Tensor]:
    return fit_basis(AlignedFaces(*faces, SIDE), SIZE)


def test_a_code_gives_back_texture_and_shape(faces, fitted):
    basis, codes = fitted
    textures, _, shapes = faces
    drawn = FRAME.joined(basis.texture(codes).numpy())
    assert np.abs(drawn - textures).mean() < 1.0  # eight bits, of textures and of components
    np.testing.assert_allclose(basis.shape(codes).numpy(), shapes, atol=5e-4)


def test_coefficients_have_a_mean_square_of_one(fitted):
    _, codes = fitted
    used = codes.square().mean(dim=0)
    assert used[used > 0.5] == pytest.approx(torch.ones(int((used > 0.5).sum())), abs=1e-3)


def test_the_code_of_a_mirror_image_differs_in_sign_alone(faces, fitted):
    basis, codes = fitted
    textures, visible, shapes = faces
    flipped = mirrored(shapes, face_mesh().mirror).astype(np.float32)
    of_mirror = code_of(basis, AlignedFaces(textures[:, FRAME.mirror], visible, flipped, SIDE))
    real = basis.std > 0.05 * torch.cat(
        [part.max().expand(len(part)) for part in basis.std.split([SIZE.texture, SIZE.shape])]
    )
    torch.testing.assert_close(of_mirror[:, real], (codes * basis.mirror_signs)[:, real], atol=0.02, rtol=0)


def test_what_is_hidden_is_filled_from_the_rest(faces, fitted):
    basis, codes = fitted
    textures, visible, shapes = faces
    hidden = visible.copy()
    hidden[:, : hidden.shape[1] // 6] = False  # the forehead, on both sides
    dirty = np.where(hidden[..., None], textures, 0).astype(np.uint8)
    found = code_of(basis, AlignedFaces(dirty, hidden, shapes, SIDE))
    error = (FRAME.joined(basis.texture(found).numpy()) - textures)[:, ~hidden[0]]
    without = (FRAME.joined(basis.texture_mean.numpy()[None].repeat(2, 0)) - textures)[:, ~hidden[0]]
    assert np.abs(error).mean() < 0.35 * np.abs(without).mean()


def test_a_texel_hidden_on_one_side_takes_its_mirror_image():
    texture = torch.tensor([[[[10.0]], [[20.0]]], [[[10.0]], [[20.0]]]])  # [2, 2, 1, 1]
    visible = torch.tensor([[[True], [False]], [[False], [False]]])
    filled = fill_from_mirror(texture, visible, torch.tensor([[5.0]]))
    assert filled.flatten().tolist() == [10.0, 10.0, 5.0, 5.0]


def test_eight_bits_keep_a_component_within_half_a_step():
    components = torch.randn(3, 7, 3, generator=torch.Generator().manual_seed(0))
    packed, step = quantised(components)
    assert packed.dtype == torch.int8
    assert ((packed * step[:, None, None] - components).abs() <= step[:, None, None] * 0.5001).all()


def test_halves_and_joined_are_inverse():
    values = np.random.default_rng(0).normal(size=(2, len(FRAME.flat), 3))
    np.testing.assert_array_equal(FRAME.joined(FRAME.halves(values)), values)


def test_copies_of_a_model_share_its_basis(fitted):
    basis, _ = fitted
    assert copy.deepcopy(torch.nn.ModuleDict({"basis": basis}))["basis"] is basis


def test_too_few_faces_are_refused_with_the_number(faces):
    textures, visible, shapes = faces
    with pytest.raises(DatasetError, match="4 faces cannot give 5 components"):
        fit_basis(AlignedFaces(textures[:4], visible[:4], shapes[:4], SIDE), SIZE)
