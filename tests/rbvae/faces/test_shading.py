"""Predicted changes of texture become folds: narrow, warm, and in proportion to the skin's lightness."""

import numpy as np
import pytest

from rbvae.faces.lighting import light_textures
from rbvae.faces.mesh import face_mesh
from rbvae.faces.shading import BROAD, FAINT, FLAT, LUMA, RATIOS, Shading, regions
from rbvae.faces.texture import canonical_frame

FRAME = canonical_frame(96)
SKIN = np.tile(np.float32([190, 150, 130]), (len(FRAME.flat), 1))
CHEEKS = (205, 425)  # points with skin all round them


@pytest.fixture(scope="module")
def shading() -> Shading:
    return Shading(FRAME, SKIN)


def spot(width: float, depth: float) -> np.ndarray:
    """A relative change of skin [P]: darker by `depth` on the cheeks, over `width` of the frame's side."""
    places = FRAME.positions(face_mesh().canonical[:, :2])
    centres = face_mesh().canonical[list(CHEEKS), :2]
    distances = np.linalg.norm(places[:, None] - centres, axis=2)
    return -depth * np.exp(-((distances.min(axis=1) / width) ** 2))


def deepest(added: np.ndarray) -> int:
    return int(np.argmin(added @ LUMA))


def test_no_change_adds_nothing(shading):
    assert not shading.apply(np.zeros_like(SKIN), SKIN).any()


def test_broad_light_is_left_out(shading):
    lit = light_textures(FRAME, SKIN, BROAD).reshape(3 * BROAD, *SKIN.shape)
    for change in lit:
        assert np.abs(shading.apply((change / np.abs(change).max() * 30).astype(np.float32), SKIN)).max() < 0.1


def test_a_fold_stays_and_a_broad_shadow_of_the_same_depth_is_half_as_deep(shading):
    fold, shadow = (shading.apply(spot(width, 0.1)[:, None] * SKIN, SKIN) @ LUMA for width in (0.015, 0.12))
    assert fold.min() < -8  # grey levels, of 16 predicted
    assert -0.65 * abs(fold.min()) < shadow.min()


def test_faint_changes_are_left_out_and_others_begin_from_zero(shading):
    skin = regions(96).skin > 0.99
    faint = shading.apply(spot(0.02, 0.9 * FAINT)[:, None] * SKIN, SKIN)
    assert np.abs(faint[skin]).max() < 0.05
    depths = [-float((shading.apply(spot(0.02, d)[:, None] * SKIN, SKIN) @ LUMA).min()) for d in (0.02, 0.04, 0.08)]
    assert depths[0] < depths[1] / 2 < depths[2] / 4


def test_shadows_on_skin_are_warm(shading):
    added = shading.apply(spot(0.02, 0.1)[:, None] * SKIN, SKIN)
    red, green, blue = added[deepest(added)] / SKIN[0]
    assert blue < green < red < 0


def test_dark_skin_changes_in_proportion(shading):
    change = spot(0.02, 0.1)[:, None] * SKIN
    light, dark = (float((shading.apply(change, own) @ LUMA).min()) for own in (SKIN, SKIN / 2))
    assert dark == pytest.approx(light / 2, rel=0.02)


def test_skin_never_changes_by_more_than_a_fifth_of_its_lightness(shading):
    added = shading.apply(spot(0.03, 0.9)[:, None] * SKIN, SKIN)
    ratio = (added @ LUMA) / (SKIN @ LUMA)
    assert ratio.min() == pytest.approx(RATIOS[0] - 1, abs=0.01)


def test_folds_of_an_infant_are_half_as_deep(shading):
    change = spot(0.02, 0.1)[:, None] * SKIN
    deep, flat = (float((shading.apply(change, SKIN, youth) @ LUMA).min()) for youth in (0.0, 1.0))
    assert flat == pytest.approx(deep / 2, rel=0.05)
    lighter = [shading.apply(-change, SKIN, youth) for youth in (0.0, 1.0)]
    assert np.array_equal(lighter[0] > 0.1, lighter[1] > 0.1)


def test_folds_of_cheeks_disappear_with_the_smile_in_the_colour_of_the_skin_around(shading):
    fold = SKIN * np.float32(1 + spot(0.015, 1.0)[:, None] * [0.1, 0.15, 0.2])  # darker, and redder
    inside = spot(0.015, 1.0) < -0.7
    left = [np.abs(fold + shading.apply(smile(by) * SKIN, fold) - SKIN)[inside].mean() for by in (0, -0.05, -0.1)]
    assert inside.sum() > 5 and left[2] < 0.4 * left[0] and left[2] < left[1] - 3 < left[0] - 6
    assert not shading.apply(smile(0.1) * SKIN, fold)[inside].any()


def smile(depth: float) -> np.ndarray:
    """A relative change [P, 1]: the folds from nose to mouth become darker by `depth`."""
    folds = regions(96).folds
    return np.float32(-depth * folds / folds.max())[:, None]


def test_folds_elsewhere_stay(shading):
    places = FRAME.positions(face_mesh().canonical[:, :2])
    forehead = np.exp(-((np.linalg.norm(places - face_mesh().canonical[151, :2], axis=1) / 0.015) ** 2))
    own = SKIN * np.float32(1 - 0.2 * forehead)[:, None]
    assert np.abs(shading.apply(smile(-0.1) * SKIN, own)[forehead > 0.5]).max() < 0.5


def test_skin_without_a_fold_hardly_becomes_lighter(shading):
    skin = regions(96).skin > 0.99
    added = shading.apply(-spot(0.02, 0.3)[:, None] * SKIN, SKIN)
    assert ((added @ LUMA) / (SKIN @ LUMA))[skin].max() == pytest.approx(FLAT, abs=0.01)


def test_a_fold_of_the_photo_deepens_less_than_a_new_one_appears(shading):
    fold = SKIN * np.float32(1 + spot(0.015, 0.3)[:, None])
    change = spot(0.015, 0.1)[:, None] * SKIN
    ratios = [(shading.apply(change, own) @ LUMA) / (own @ LUMA) for own in (fold, SKIN)]
    assert ratios[0].min() > 0.7 * ratios[1].min()


def test_brows_keep_their_colour(shading):
    brows = regions(96).brows > 0.99
    change = np.where(brows[:, None], np.float32([-40, -40, -40]), 0)
    assert brows.sum() > 20 and np.abs(shading.apply(change, SKIN)[brows]).max() < 1


def test_the_regions_share_every_texel():
    region = regions(96)
    parts = (region.skin, region.lips, region.mouth, region.eyes, region.brows)
    np.testing.assert_allclose(sum(parts), 1, atol=1e-5)
    assert all(part.min() >= -1e-6 and part.max() > 0.9 for part in (*parts, region.cheeks))
    assert region.folds.sum() == pytest.approx(1)


def test_cheeks_and_folds_leave_out_nose_and_middle_of_the_lips():
    region = regions(96)
    places = FRAME.positions(face_mesh().canonical[:, :2])
    points = face_mesh().canonical[[206, 426, 4, 0, 151], :2]  # two in folds, nose, upper lip, forehead
    near = np.linalg.norm(places - points[:, None], axis=2).argmin(axis=1)
    np.testing.assert_allclose(region.cheeks[near], [1, 1, 0, 0, 0], atol=0.05)
    np.testing.assert_allclose(region.folds[near] / region.folds.max(), [1, 1, 0, 0, 0], atol=0.05)
