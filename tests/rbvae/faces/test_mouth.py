"""The inside of a mouth: its own where it is open in the photo, a filling's where an edit opens it, none once shut."""

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from skimage import data

from rbvae import PortraitEditor
from rbvae.faces.lips import changed
from rbvae.faces.mesh import INNER_LIPS, LIP_ROWS, OUTER_LIPS, POINTS
from rbvae.faces.mouth import draw_mouth
from rbvae.faces.openings import Opening
from rbvae.faces.own_mouth import MOST_STRETCHED, OwnMouth
from rbvae.faces.view import LEAST_BLUR, SOFTER, FaceView
from tests.mouths import (
    DARK,
    GREEN,
    LIP,
    TOOTH,
    WHOLE,
    at_rest,
    between,
    edited,
    opened,
    opened_mouth,
    painted,
    plain,
    sharp,
    smiling,
)

FACES = "checkpoints/faces"


@dataclass(frozen=True)
class Plain:
    """A filling of one colour."""

    colour: tuple[int, int, int] = GREEN
    replaces: bool = True
    behind: bool = False

    def fill(self, target: Opening, nose: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
        return np.full((box[3] - box[1], box[2] - box[0], 3), self.colour, np.float32)


def wider_open(points: np.ndarray, by: float) -> np.ndarray:
    """Landmarks [468, 3] with the lower lip lowered by `by` widths of the mouth in its middle."""
    after, width = points[:POINTS].copy(), Opening.of(points, INNER_LIPS).width
    for lines in (INNER_LIPS, OUTER_LIPS):
        after[lines[1], 1] += by * width * np.sqrt(1 - np.linspace(-1, 1, len(lines[1])) ** 2)
    return after


def greenness(pixels: np.ndarray) -> float:
    """The largest excess of green over red, in grey levels."""
    return float((pixels[..., 1].astype(int) - pixels[..., 0]).max())


def test_a_filling_is_drawn_within_the_lips_alone():
    out, inside = opened_mouth(0.2, filling=Plain())
    assert (inside == GREEN).all(axis=1).mean() > 0.6
    near = cv2.dilate(between(opened(0.2)).astype(np.uint8), np.ones((13, 13)))
    assert (out[near == 0] == LIP).all()


def test_lips_that_open_by_degrees_show_their_filling_by_degrees():
    gaps = np.linspace(0, 0.1, 41)
    green = np.array([max(0.0, greenness(opened_mouth(gap, filling=Plain())[0])) for gap in gaps])
    assert green[0] == 0 and green[-1] == GREEN[1] - GREEN[0]
    assert np.diff(green).min() >= 0 and np.diff(green).max() < 0.3 * green[-1]  # no jump


def test_a_mouth_that_does_not_open_or_close_is_not_drawn():
    out, _ = opened_mouth(0.0, filling=Plain())
    np.testing.assert_array_equal(out, plain())
    same = painted(plain(), at_rest(), TOOTH)
    aside = at_rest() + [5, 3, 0]
    kept = same.copy()
    draw_mouth(kept, WHOLE, sharp(same, at_rest()), aside, Plain())
    np.testing.assert_array_equal(kept, same)


def test_how_much_is_drawn_grows_with_the_change_of_the_gap_either_way():
    shares = [changed(Opening.of(opened(0.2), INNER_LIPS), Opening.of(opened(gap), INNER_LIPS)) for gap in (0.2, 0.21)]
    back = changed(Opening.of(opened(0.21), INNER_LIPS), Opening.of(opened(0.2), INNER_LIPS))
    far = changed(Opening.of(opened(0.2), INNER_LIPS), Opening.of(opened(0.1), INNER_LIPS))
    assert shares[0] == 0 < shares[1] < 1 and back == shares[1] and far == 1


def test_the_inside_is_drawn_anew_where_an_open_mouth_becomes_narrower_and_not_where_lips_are_closed():
    open_mouth, narrower = (Opening.of(opened(0.2, wider), INNER_LIPS) for wider in (1.0, 0.85))
    assert abs(open_mouth.gap - narrower.gap) < 0.01 and changed(open_mouth, narrower) == 1
    closed, wide = (Opening.of(opened(0.0, wider), INNER_LIPS) for wider in (1.0, 1.2))
    assert changed(closed, wide) < 0.1


def test_below_the_inside_of_the_photo_is_the_cavity_where_the_lips_move_down_in_front_of_the_skull():
    """The mouth does not open further: below its teeth, the last row of their pixels is not repeated."""
    points, photo = 3 * smiling(), cv2.resize(data.astronaut(), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    view, lips = FaceView(painted(photo, points, TOOTH), points), Opening.of(points, INNER_LIPS)
    after = points[:POINTS].copy()
    every = np.unique([*INNER_LIPS, *OUTER_LIPS, *LIP_ROWS[0], *LIP_ROWS[1]])
    middle = after[every, 0].mean()
    after[every, 0] = middle + 0.8 * (after[every, 0] - middle)
    after[every, 1] += 0.6 * lips.gap * lips.width
    new = Opening.of(after, INNER_LIPS)
    (x, top), (_, bottom) = (line[len(line) // 2] for line in (new.upper, new.lower))
    column = edited(view, after)[int(top) : int(bottom), int(x) - 3 : int(x) + 4].mean(axis=(1, 2))
    above, below = np.array_split(column, 2)
    assert above[3:-3].max() > 0.75 * np.mean(TOOTH) and np.median(below) < 0.65 * np.mean(TOOTH)


def test_a_mouth_that_is_open_in_the_photo_keeps_its_own_teeth():
    photo = data.astronaut()
    after = wider_open(smiling(), 0.12)
    out = edited(FaceView(photo, smiling()), after, Plain())
    inside = out[between(after, side=512)]
    own = photo[between(smiling(), side=512)]
    assert greenness(inside) <= greenness(own) + 5
    brightest = [np.percentile(pixels.astype(float), 95, axis=0) for pixels in (inside, own)]
    assert np.abs(brightest[0] - brightest[1]).max() < 15
    assert (out != photo).any()


def heights(pixels: np.ndarray, points: np.ndarray) -> tuple[int, int]:
    """How many pixels of the mouth's middle column are as bright as TOOTH, and how many much darker, in [H, W, 3]."""
    lips = Opening.of(points, INNER_LIPS)
    (x, top), (_, bottom) = (line[len(line) // 2] for line in (lips.upper, lips.lower))
    column = pixels[int(top) : int(bottom) + 1, int(x) - 3 : int(x) + 4].mean(axis=(1, 2))
    return int((column > 0.75 * np.mean(TOOTH)).sum()), int((column < 0.65 * np.mean(TOOTH)).sum())


def test_teeth_of_the_photo_keep_their_size_when_the_jaw_drops_and_grow_with_the_width():
    points, photo = 3 * smiling(), cv2.resize(data.astronaut(), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    view, width = FaceView(painted(photo, points, TOOTH), points), Opening.of(points, INNER_LIPS).width
    own, _ = heights(view.photo, points)
    for by in (0.15, 0.3):
        after = wider_open(points, by)
        teeth, dark = heights(edited(view, after), after)
        assert 0.75 * own < teeth < 1.15 * own and dark > 0.03 * width
    mouth = OwnMouth(sharp(painted(plain(), opened(0.2), TOOTH), opened(0.2)))
    narrow, broad, broadest = (mouth.most_stretched(Opening.of(opened(0.5, by), INNER_LIPS)) for by in (0.8, 1.2, 3))
    assert narrow == 1 < broad < broadest == MOST_STRETCHED


def test_a_smile_bares_more_of_the_teeth_it_shows_and_takes_others_only_if_they_do_not_fill_it():
    before = opened(0.11)
    view = sharp(painted(plain(), before, TOOTH), before)
    mouth = OwnMouth(view)
    assert mouth.keeps_teeth == (False, False, True)
    filled, taller = (Opening.of(opened(gap, 1.12), INNER_LIPS) for gap in (0.15, 0.26))
    assert mouth.fills(filled) == 1 and mouth.fills(taller) == 0
    assert mouth.most_stretched(filled) > 1.25 * mouth.most_stretched(taller)
    smiling = edited(view, opened(0.15, 1.12), Plain())
    assert greenness(smiling) < 0 and heights(smiling, opened(0.15, 1.12))[0] > 0.88 * filled.gap * filled.width
    assert greenness(edited(view, opened(0.26, 1.12), Plain())) > 50


def test_the_jaw_drops_in_a_round_mouth_unless_it_has_in_the_photo():
    def opens(gap: float, after: float, wider: float) -> float:
        mouth = OwnMouth(sharp(painted(plain(), opened(gap), TOOTH), opened(gap)))
        return mouth.opens(Opening.of(opened(after, wider), INNER_LIPS))

    assert opens(0.2, 0.3, 1.0) == 1 == opens(0.2, 0.28, 0.7) > opens(0.2, 0.21, 0.7) > 0
    assert opens(0.2, 0.15, 1.2) == 0 == opens(0.4, 0.5, 0.75)


def test_an_upper_lip_that_comes_down_covers_the_teeth_of_a_mouth_that_opens():
    """A laugh that becomes an "oh": teeth stay where the skull has them."""
    before, width = opened(0.2), Opening.of(opened(0.2), INNER_LIPS).width
    photo, lip, shown = painted(plain(), before, TOOTH), [*INNER_LIPS[0][1:-1], *OUTER_LIPS[0][1:-1]], []
    for down in (0.0, 0.08):
        after = wider_open(before, 0.25)
        after[lip, 1] += down * width
        out = photo.copy()
        draw_mouth(out, WHOLE, sharp(photo, before), after, None)
        shown.append(heights(out, after)[0])
    assert shown[0] - 1.4 * 0.08 * width < shown[1] < shown[0] - 0.7 * 0.08 * width


def test_teeth_are_in_shadow_at_the_corners_of_a_narrower_mouth_and_below_a_lip_that_comes_down():
    """The photo shows what is there in full light, as the corners were further apart and the lip higher."""
    mouth = OwnMouth(sharp(painted(plain(), opened(0.3), TOOTH), opened(0.3)))
    s, below = np.array([0.02, 0.1, 0.5, 0.9, 0.98]), np.full(5, 0.5 * mouth.opening.width)
    for gap, wider in ((0.3, 1.0), (0.3, 1.2), (0.5, 1.0)):
        light = mouth.light(Opening.of(opened(gap, wider), INNER_LIPS), s, below, np.zeros(5))
        np.testing.assert_allclose(light, 1, atol=0.01)
    narrower, lower = (Opening.of(opened(gap, wider), INNER_LIPS) for gap, wider in ((0.4, 0.75), (0.15, 1.0)))
    light = mouth.light(narrower, s, below, np.zeros(5))
    assert light[0] < 0.65 < 0.7 < light[1] < 0.95 and light[2] == pytest.approx(1)
    assert light[4] == pytest.approx(light[0])
    middle, down = np.full(5, 0.5), np.linspace(0, 0.15, 5) * lower.width
    falling = mouth.light(lower, middle, down, np.zeros(5))
    assert falling[0] < 0.85 < 0.98 < falling[-1] and (np.diff(falling) > 0).all()
    open_wider = Opening.of(opened(0.5), INNER_LIPS)
    covering = [mouth.light(open_wider, middle, down, np.full(5, covered)) for covered in (0.1, 0.3)]
    assert covering[1][0] < 0.7 < covering[0][0] < 0.9 and (np.diff(covering) > 0).all() and covering[1][-1] > 0.98


def test_an_open_mouth_without_visible_teeth_takes_the_filling_by_degrees():
    photo = painted(data.astronaut(), smiling(), DARK)
    view, greens = FaceView(photo, smiling()), []
    for by in (0.02, 0.05, 0.15):
        after = wider_open(smiling(), by)
        greens.append(float(np.median(edited(view, after, Plain())[between(after, side=512)][:, 1])))
    assert DARK[1] < greens[0] < greens[1] < greens[2] and greens[2] > 0.8 * GREEN[1]


def test_a_smile_fills_a_mouth_that_is_open_without_visible_teeth_and_keeps_one_that_shows_them():
    """It widens the mouth, and hardly opens it further."""
    points = smiling()
    lips, across = Opening.of(points, INNER_LIPS), np.array([1, 0])
    every = sorted({point for line in (*INNER_LIPS, *OUTER_LIPS) for point in line})
    after = points[:POINTS].copy()
    after[every, :2] += 0.3 * (after[every, :2] - (lips.upper[0] + lips.upper[-1]) / 2) * across
    photo = data.astronaut()
    for inside, filled in ((DARK, True), (TOOTH, False)):
        for behind in (False, True):
            out = edited(FaceView(painted(photo, points, inside), points), after, Plain(behind=behind))
            middle = np.median(out[between(after, side=512)], axis=0)
            assert (np.abs(middle - GREEN).max() < 40) == filled


def test_teeth_behind_the_lip_of_an_open_mouth_stay_there_when_the_jaw_drops():
    """The photo's own inside is stretched, without the cavity below it."""
    photo = painted(data.astronaut(), smiling(), DARK)
    after = wider_open(smiling(), 0.15)
    inside = edited(FaceView(photo, smiling()), after, Plain(behind=True))[between(after, side=512)]
    assert np.abs(np.median(inside, axis=0) - DARK).max() < 3 and greenness(inside) < 20


STRIPS = {
    "a sliver": (0.08, 1.0, 0.0, True),
    "a strip, the jaw drops": (0.135, 1.0, 0.0, False),
    "a strip that smiles": (0.135, 1.2, 0.0, True),
    "more than a strip": (0.2, 1.2, 0.0, False),
    "a speaking mouth that smiles broadly": (0.2, 1.3, 0.0, True),
    "blurred": (0.2, 1.0, 6.0, True),
}


@pytest.mark.parametrize(("gap", "wider", "blur", "filled"), STRIPS.values(), ids=STRIPS)
def test_a_strip_of_teeth_and_blurred_ones_take_the_filling_and_more_of_them_stay(gap, wider, blur, filled):
    photo, after = painted(plain(), opened(gap), TOOTH), opened(gap + 0.15, wider)
    view = sharp(photo, opened(gap))
    vars(view)["blur"] = blur
    assert view.has_teeth
    out = photo.copy()
    draw_mouth(out, WHOLE, view, after, Plain())
    middle = np.median(out[between(after)], axis=0)
    assert (np.abs(middle - GREEN).max() < 40) == filled


@pytest.mark.parametrize(("gap", "inside", "behind"), [(0.3, DARK, True), (0.15, DARK, False), (0.3, TOOTH, False)])
def test_teeth_are_behind_the_lip_where_a_mouth_is_open_without_showing_them(gap, inside, behind):
    editor = PortraitEditor.from_pretrained(FACES)
    assert editor.faces is not None
    points = wider_open(smiling(), gap - Opening.of(smiling(), INNER_LIPS).gap)
    points = np.concatenate([points, smiling()[POINTS:]])
    face = editor.faces.observe(painted(data.astronaut(), points, inside), points)
    assert abs(Opening.of(points, INNER_LIPS).gap - gap) < 0.02
    assert editor.faces.teeth(face, np.zeros((POINTS, 3), np.float32)).behind == behind


def test_a_photos_own_mouth_drawn_where_it_was_is_the_photo():
    photo = painted(plain(), opened(0.3), TOOTH)
    photo[::7] = DARK  # something to see
    own = OwnMouth(FaceView(photo, opened(0.3)))
    opening, nose = own.opening, own.nose
    box = opening.box(0, *WHOLE[2:])
    middle = np.s_[12:-8, 30:-30]
    again, there = own.fill(opening, nose, box), photo[box[1] : box[3], box[0] : box[2]]
    inside = (opening.mask(box, 0) > 0.99)[middle]
    close = np.abs(again[middle] - there[middle]).max(axis=2)[inside] < 2
    assert close.mean() > 0.8
    lips_moved = Opening(opening.upper, opening.lower - [0, 6])
    hidden = own.fill(lips_moved, nose, box)
    out_of_shadow = Opening(opening.upper + [0, 12], lips_moved.lower)
    same = (out_of_shadow.mask(box, 0) > 0.99)[middle]
    assert (np.abs(hidden[middle] - again[middle]).max(axis=2)[same] < 2).mean() > 0.9  # lips move over it


def test_the_edge_of_a_drawn_mouth_is_softer_in_blurred_photos_than_their_blur():
    """The blur of a photo is found at its sharpest edges, and lips are not among them."""
    view = sharp(plain(), at_rest())
    eye = view.sharpness * LEAST_BLUR  # its width, in pixels
    for sharpness, softer in ((60, 1.0), (30, 1.0), (15, 1 + SOFTER), (10, 1 + SOFTER)):
        vars(view)["blur"] = eye / sharpness
        assert view.softness == pytest.approx(softer * eye / sharpness)
