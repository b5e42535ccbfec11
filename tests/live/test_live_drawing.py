"""The browser draws what the library draws."""

from __future__ import annotations

import numpy as np
import pytest

from rbvae.faces.mesh import INNER_LIPS, LIDS, POINTS
from rbvae.faces.openings import Opening
from tests.glasses import with_glasses
from tests.live.comparing import ALIKE, EXAMPLES, SEEN, SEEN_NEAR, SEEN_SMALL, library, psnr

EDITS = {
    "smile": {"smile": 1.5},
    "serious": {"smile": -1.5},
    "mouth open": {"mouth open": 2.0},
    "lips pressed": {"mouth open": -3.0},
    "brows up": {"brows up": 2.0},
    "eyes closed": {"close eyes": 1.0},
    "eyes almost closed": {"close eyes": 0.7},
    "wink": {"wink left": 1.0},
    "squint": {"squint": 2.0},
    "blink": {"blink": 2.5},
    "gaze": {"gaze right": 0.7, "gaze up": 0.4},
    "turn": {"turn right": 8.0},
    "turn and smile": {"turn up": -6.0, "tilt right": 4.0, "smile": 1.0},
}


@pytest.fixture(scope="module")
def stage(live, synthetic):
    live.open(synthetic)
    return live


@pytest.mark.parametrize("named", EDITS.values(), ids=EDITS)
def test_edits_look_as_the_library_draws_them(editor, stage, synthetic, named):
    assert psnr(stage.draw({"named": named}), library(editor, synthetic, named), synthetic) >= SEEN


def test_the_neutral_face_looks_the_same(editor, stage, synthetic):
    assert psnr(stage.draw({"neutral": 1}), library(editor, synthetic, neutral=True), synthetic) >= SEEN


def test_an_edit_of_one_part_looks_the_same(editor, stage, synthetic):
    named = {"smile": 1.5, "brows up": 2.0}
    wanted = library(editor, synthetic, named, parts=["mouth"])
    assert psnr(stage.draw({"named": named, "parts": ["mouth"]}), wanted, synthetic) >= SEEN
    assert psnr(stage.draw({"named": named}), wanted, synthetic) < SEEN  # the brows, too


def test_no_change_is_the_photo(stage, synthetic):
    stage.draw({"named": {"smile": 2}})
    assert np.array_equal(stage.draw({}), synthetic.source)
    assert np.array_equal(stage.draw(), synthetic.source)


def test_a_photo_shown_smaller_stays_within_five_grey_levels_of_itself(stage, synthetic):
    height, width = synthetic.source.shape[:2]
    stage.view(zoom=0.5, x=0, y=0, width=width // 2, height=height // 2)
    areas = synthetic.source[: height // 2 * 2, : width // 2 * 2].reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3))
    assert np.abs(stage.draw({}) - areas).max() <= 5
    stage.view(zoom=1, x=0, y=0, width=width, height=height)


def test_each_face_of_a_photo_has_its_own_edit(editor, live, synthetic):
    pair = np.concatenate([synthetic.source, synthetic.source[:, ::-1]], axis=1)
    faces = editor.find(pair)
    left, right = sorted((editor.infer(faces, face=number) for number in (0, 1)), key=lambda face: face.box[0])
    live.open(left)
    live.add("right", right)
    smiling, open_mouth = {"smile": 1.5}, {"mouth open": 2.0}
    drawn = live.draw({"named": smiling}, {"key": "right", "named": open_mouth})
    assert psnr(drawn, library(editor, left, smiling), left) >= SEEN
    assert psnr(drawn, library(editor, right, open_mouth), right) >= SEEN
    assert np.array_equal(live.draw({"named": smiling})[:, 320:], pair[:, 320:])  # the other edit is undone


@pytest.mark.parametrize("tint", [(1.0, 1.0, 1.0), (1.0, 0.9, 0.75)], ids=["black and white", "sepia"])
def test_monochrome_photos_stay_so(editor, live, synthetic, tint):
    photo = np.rint(synthetic.source.mean(axis=2, keepdims=True).astype(np.uint8) * np.array(tint)).astype(np.uint8)
    portrait = editor.infer(photo)
    live.open(portrait)
    for named in ({"smile": 1.5}, {"close eyes": 1.0}):
        drawn = live.draw({"named": named})
        np.testing.assert_allclose(drawn / tint, drawn[..., :1].repeat(3, axis=2), atol=2.5 if min(tint) < 1 else 0)
        assert psnr(drawn, library(editor, portrait, named), portrait) >= SEEN


def test_frames_of_glasses_stay_as_straight(editor, live, closed, monkeypatch):
    named = {"brows up": 2.5, "smile": 1.0}
    portrait = editor.infer(with_glasses(closed.source, closed.observed.view.points))
    live.open(portrait)
    drawn, straight = live.draw({"named": named}), library(editor, portrait, named)
    monkeypatch.setattr("rbvae.editing.face_model.below_glasses", lambda moves, share: moves)
    bent = library(editor, portrait, named)
    assert psnr(drawn, straight, portrait) >= SEEN
    assert psnr(drawn, bent, portrait) < SEEN - 10


def test_pixels_far_from_the_face_stay(live, small):
    live.open(small)
    drawn = live.draw({"named": {"smile": 1.5}})
    assert np.array_equal(drawn[300:], small.source[300:])
    assert not np.array_equal(drawn[:300], small.source[:300])


@pytest.mark.parametrize("named", EDITS.values(), ids=EDITS)
def test_small_faces_look_the_same(editor, live, small, named):
    live.open(small)
    assert psnr(live.draw({"named": named}), library(editor, small, named), small) >= SEEN_SMALL


LARGER = {
    "lips part": {"smile": 1.5},
    "teeth from corner to corner": {"smile": 2.5},
    "lips stay closed": {"squint": 2.0},
    "eyes closed": {"close eyes": 1.0},
    "eyes almost closed": {"close eyes": 0.7},
    "wink": {"wink right": 1.0},
}


@pytest.mark.parametrize("named", LARGER.values(), ids=LARGER)
def test_closed_mouths_and_larger_eyes_look_the_same(editor, live, closed, named):
    live.open(closed)
    drawn, wanted = live.draw({"named": named}), library(editor, closed, named)
    assert psnr(drawn, wanted, closed) >= SEEN
    for box in boxes(closed):
        assert psnr(drawn, wanted, closed, box) >= SEEN_NEAR


def test_a_squint_that_is_transferred_looks_the_same(editor, live, synthetic, closed):
    squinting = editor.moved(synthetic.e, {"squint": 2.5, "smile": 1.0})
    e = editor.transferred_e(closed, squinting)
    wanted = np.asarray(editor.edit(closed, e).photo).astype(np.float32)
    live.open(closed)
    assert psnr(live.draw({"e": e.tolist()}), wanted, closed) >= SEEN


def test_narrow_eyes_that_open_look_the_same(editor, live, synthetic):
    narrow = editor.infer(editor.edit(synthetic, {"squint": 2.0}).photo)
    e = editor.moved(narrow.e, {"squint": -6.0})
    live.open(narrow)
    assert psnr(live.draw({"e": e.tolist()}), np.asarray(editor.edit(narrow, e).photo, np.float32), narrow) >= SEEN


def boxes(portrait):
    """Boxes around the mouth and both eyes, as wide as those are long, in pixels of the photo."""
    points = portrait.observed.view.points[:POINTS]
    for lines in (INNER_LIPS, *LIDS):
        opening = Opening.of(points, lines)
        x, y = opening.outline.mean(axis=0)
        yield x - 0.6 * opening.width, y - 0.4 * opening.width, x + 0.6 * opening.width, y + 0.4 * opening.width


@pytest.mark.parametrize("named", EDITS.values(), ids=EDITS)
def test_javascript_draws_the_same_as_webgl(live, small, named):
    live.open(small)
    by_gl = live.draw({"named": named})
    live.open(small, raster="cpu")
    assert psnr(live.draw({"named": named}), by_gl, small) >= ALIKE


def test_thumbnails_are_edits(editor, live, small):
    live.open(small)
    script = "(edit) => Array.from(live.thumbnail('face', edit, 96).getContext('2d').getImageData(0, 0, 96, 96).data)"
    plain, smiling = (
        np.reshape(live.page.evaluate(script, {"named": named}), (96, 96, 4))[..., :3] for named in ({}, {"smile": 2})
    )
    assert np.abs(plain - smiling)[60:].mean() > 1
    assert np.abs(plain - smiling)[:5].max() <= 4
    assert plain.min(axis=(1, 2)).max() > 0  # no black rows


def test_thumbnails_show_the_crop_of_the_library(live, synthetic):
    """The face fills its photo: the crop stays within it."""
    live.open(synthetic)
    side = min(synthetic.crop.size)
    script = f"live.thumbnail('face', {{}}, {side}).getContext('2d').getImageData(0, 0, {side}, {side}).data"
    thumbnail = np.reshape(live.page.evaluate(f"Array.from({script})"), (side, side, 4))[..., :3]
    assert side == min(synthetic.source.shape[:2])
    assert np.abs(thumbnail.astype(int) - np.asarray(synthetic.crop)).mean() < 1


def test_a_lost_context_comes_back_by_itself(editor, live, small):
    live.open(small)
    before = live.draw({"named": {"smile": 1.5}})
    live.page.evaluate("window.loss = live.raster.gl.getExtension('WEBGL_lose_context'), loss.loseContext()")
    live.page.wait_for_function("live.lost")
    assert np.array_equal(live.draw({"named": {"smile": 1.5}}), small.source)
    live.page.evaluate("loss.restoreContext()")
    live.page.wait_for_function("!live.lost")
    assert live.page.evaluate("live.raster.constructor.name") == "GlRaster"
    assert np.array_equal(live.draw({"named": {"smile": 1.5}}), before)


def test_javascript_draws_if_a_context_stays_lost(live, small):
    live.open(small)
    before = live.draw({"named": {"smile": 1.5}})
    live.page.evaluate("live.raster.gl.getExtension('WEBGL_lose_context').loseContext()")
    live.page.wait_for_function("live.raster.constructor.name === 'CpuRaster'")
    assert psnr(live.draw({"named": {"smile": 1.5}}), before, small) >= ALIKE
    live.errors.clear()


def test_of_several_moves_in_a_frame_the_last_is_drawn(live, small):
    live.open(small)
    count = """async () => {
      let drawn = 0;
      const { draw } = live.loop;
      live.loop.draw = (edits) => (drawn += 1, draw(edits));
      const moves = [0.5, 1, 1.5].map((smile) => live.draw([{ key: "face", named: { smile } }]));
      await Promise.all(moves);
      return [drawn, live.edits[0].named.smile];
    }"""
    assert live.page.evaluate(count) == [1, 1.5]


MOVES = """async (time) => {
  const { note } = live.pace;
  live.pace.note = (share) => note.call(live.pace, share, time); // as if frames with all pixels took that long
  live.pace.times = [time, time];
  const widths = [];
  for (const smile of [1, 1.2, 1.4]) {
    await live.draw([{ key: "face", named: { smile } }]);
    widths.push(live.front.width);
  }
  const { width } = live.front.style;
  for (let i = 0; i < 100 && live.front.width !== widths[0]; i++) await new Promise((resume) => setTimeout(resume, 20));
  return [...widths, live.front.width, parseFloat(width), parseFloat(live.front.style.width)];
}"""


def test_moves_have_fewer_pixels_where_frames_are_slow_and_all_at_rest(live, small):
    live.open(small)
    live.page.wait_for_timeout(200)
    first, second, third, rest, shown, shown_at_rest = live.page.evaluate(MOVES, 50)
    assert first == rest == shown_at_rest
    assert second == third == (first + 1) // 2
    assert shown == 2 * second  # the photo's pixels stay where they are


def test_moves_have_all_pixels_where_frames_are_fast(live, small):
    live.open(small)
    assert len(set(live.page.evaluate(MOVES, 8))) == 1


def test_nothing_goes_wrong_unseen(live):
    assert live.errors == []


def test_a_cheek_that_covers_its_outline_looks_the_same(editor, live, monkeypatch):
    """Without it, a strip of the cheek shows beside the face."""
    face = editor.infer(EXAMPLES / "smile-2.jpg")
    (left, _), (_, top), (_, bottom) = face.observed.view.points[[234, 132, 150], :2]
    box, named = (left - 10, top, left + 60, bottom), {"smile": -2.0, "pucker": 1.5}
    live.open(face)
    drawn, wanted = live.draw({"named": named}), library(editor, face, named)
    monkeypatch.setattr("rbvae.faces.deforming.together", lambda before, moves: moves)
    assert psnr(drawn, wanted, face, box) >= SEEN_NEAR > psnr(drawn, library(editor, face, named), face, box)
