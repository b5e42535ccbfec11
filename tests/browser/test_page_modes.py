"""The three modes: expressions, fine-tuning, and the expression of another photo."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from app.page.workbench import editing_data
from app.server.edit_record import EditRecord

EXAMPLES = Path(__file__).resolve().parents[2] / "app" / "examples"


def grey(url, size=(360, 360)):
    """The pixels of a data: URL, in grey levels [H, W]."""
    with Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1]))) as picture:
        return np.asarray(picture.convert("L").resize(size), float)


def test_tiles_are_different_real_edits_of_this_photo(opened):
    names = ["As is", "Neutral", "Slight smile", "Big smile", "Surprised", "Brows up", "Mouth open", "Serious"]
    for name in names:
        opened.sees(opened.tile(name).locator("img"))
    assert len({opened.tile(name).locator("img").get_attribute("src") for name in names}) == len(names)


def test_a_tile_is_absolute_and_has_an_amount(opened):
    opened.mode("Fine-tune")
    opened.slider("Smile").fill("60")
    opened.mode("Expressions")
    opened.tile("Surprised").click()
    opened.settled()
    assert opened.asked_last("draw")["edit"] == {"tile": "surprised"}
    opened.slider("Amount").fill("50")
    opened.settled()
    assert opened.asked_last("draw")["edit"] == {"tile": "surprised", "amount": 0.5}


def test_surprise_me_is_random_but_can_be_had_again(opened):
    opened.drawn(opened.tile("Surprise me").click)
    edit = opened.asked_last("draw")["edit"]
    picture = opened.patch.get_attribute("src")
    assert set(edit) == {"seed"}
    opened.drawn(opened.tile("Surprise me").click)
    assert opened.asked_last("draw")["edit"] != edit
    opened.drawn(lambda: opened.press("Undo"))
    assert opened.patch.get_attribute("src") == picture


def test_sliders_have_their_zero_in_the_middle_and_plain_names(opened):
    opened.mode("Fine-tune")
    for name in ("Smile", "Mouth", "Brows", "Frown", "Eyelids", "Look sideways", "Turn", "Nod", "Tilt"):
        slider = opened.slider(name)
        assert (slider.get_attribute("min"), slider.get_attribute("max"), slider.input_value()) == ("-100", "100", "0")
    opened.slider("Look sideways").fill("50")
    opened.slider("Turn").fill("-50")
    opened.settled()
    assert opened.asked_last("draw")["edit"]["gesture"] == {"gaze right": 0.5, "turn right": -6}
    opened.slider("Turn").dblclick()
    opened.settled()
    assert opened.asked_last("draw")["edit"]["gesture"] == {"gaze right": 0.5}


def test_where_the_server_draws_it_draws_small_while_a_slider_moves_and_large_at_the_end(visit, astronaut):
    opened = visit(before=lambda page: page.route("**/page/js/live-*.js", lambda route: route.abort()))
    opened.opens(astronaut)
    opened.settled()
    opened.mode("Fine-tune")
    start = len(opened.asked)
    opened.slider("Smile").evaluate(
        """async (range) => {
          for (let value = 5; value <= 60; value += 5) {
            range.value = value;
            range.dispatchEvent(new Event("input", { bubbles: true }));
            await new Promise((next) => setTimeout(next, 40));
          }
          range.dispatchEvent(new Event("change", { bubbles: true }));
        }"""
    )
    opened.settled()
    sides = [one.post_data_json["side"] for one in opened.asked[start:] if one.url.endswith("/draw")]
    assert sides[0] <= 360 and (sides[-1] == 0 or sides[-1] > 360) and len(sides) <= 13
    assert opened.asked_last("draw")["edit"]["named"]["smile"] >= 0.6


def test_the_arrow_keys_are_one_step_of_undo(opened):
    opened.mode("Fine-tune")
    opened.slider("Smile").focus()
    for _ in range(12):
        opened.page.keyboard.press("ArrowRight")
    expect(opened.slider("Smile")).to_have_value("12")
    opened.press("Undo")
    expect(opened.slider("Smile")).to_have_value("0")
    opened.press("Redo")
    expect(opened.slider("Smile")).to_have_value("12")
    opened.page.keyboard.press("Control+z")
    expect(opened.slider("Smile")).to_have_value("0")


@pytest.mark.parametrize("mode", ["Expressions", "Fine-tune", "From a photo"])
def test_undo_redo_reset_and_neutral_are_in_every_mode(opened, mode):
    opened.mode(mode)
    opened.press("Neutral")
    opened.settled()
    assert opened.asked_last("draw")["edit"] == {"tile": "neutral"}
    opened.press("Reset")
    expect(opened.patch).to_have_count(0)
    opened.drawn(lambda: opened.press("Undo"))
    expect(opened.patch).to_have_count(1)
    opened.press("Redo")
    expect(opened.patch).to_have_count(0)


def test_another_photos_expression_is_taken_with_an_amount_and_for_parts(opened, several):
    opened.mode("From a photo")
    opened.upload(several, name="donor")
    chosen = opened.room.locator(".donors [aria-pressed=true]")
    expect(chosen).to_have_count(1)
    opened.settled()
    edit = opened.asked_last("draw")["edit"]
    assert len(edit["e"]) == 4 and edit["donor"]  # its teeth, too
    opened.press("Eyes and brows")
    opened.slider("Amount").fill("75")
    opened.settled()
    told = opened.asked_last("draw")["edit"]
    assert told == {**edit, "amount": 0.75, "parts": ["eyes", "brows"]}


def test_parts_limit_what_is_taken_but_no_slider(opened):
    opened.mode("From a photo")
    opened.drawn(opened.room.get_by_role("button", name="Smile 1").click)
    opened.drawn(lambda: opened.press("Mouth"))
    mouth = grey(opened.patch.get_attribute("src"))
    opened.mode("Fine-tune")
    opened.drawn(lambda: opened.slider("Brows").fill("100"))
    changed = np.abs(grey(opened.patch.get_attribute("src")) - mouth)
    assert opened.asked_last("draw")["edit"]["parts"] == ["mouth"]
    upper = changed[: len(changed) // 3]
    assert (upper > 8).mean() > 0.002  # brows move, although only the mouth is taken from the other photo


def test_an_examples_teeth_are_in_nobody_elses_mouth(opened):
    opened.mode("From a photo")
    opened.drawn(opened.room.get_by_role("button", name="Smile 1").click)
    assert "donor" not in opened.asked_last("draw")["edit"]


def test_a_reference_without_a_face_is_refused_in_words(opened, wall):
    opened.mode("From a photo")
    opened.upload(wall, name="donor")
    expect(opened.notice).to_contain_text("No face was found in wall.png. Use a photo from the front.")


def test_their_own_teeth_come_from_a_second_photo(opened, astronaut):
    opened.mode("From a photo")
    opened.room.get_by_text("Their own teeth").click()
    opened.upload(astronaut, name="teeth")
    expect(opened.room.get_by_role("button", name="Leave them out")).to_be_visible()
    opened.mode("Expressions")
    opened.drawn(opened.tile("Mouth open").click)
    assert opened.asked_last("draw")["edit"]["teeth"]


def test_a_photo_with_a_closed_mouth_lends_no_teeth(opened):
    opened.mode("From a photo")
    opened.room.get_by_text("Their own teeth").click()
    opened.upload(EXAMPLES / "person-1.jpg", name="teeth")
    expect(opened.notice).to_contain_text("No teeth can be taken from this photo")
    expect(opened.room.get_by_role("button", name="Leave them out")).to_be_hidden()


def test_a_reference_chosen_for_one_photo_is_not_chosen_for_the_next(visit, astronaut, several):
    visitor = visit()
    visitor.mode("From a photo")
    visitor.drawn(visitor.room.get_by_role("button", name="Smile 1").click)
    visitor.upload(astronaut)
    visitor.answer("Open without saving")
    expect(visitor.room.locator(".donors [aria-pressed=true]")).to_have_count(0)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"amount": 0.5},
        {"amount": 1.5},
        {"gesture": {"close eyes": 1.0}},
        {"gesture": {"close eyes": -0.9}},
        {"parts": ["mouth"]},
        {"parts": ["eyes"]},
    ],  # fmt: skip
)
def test_the_browser_opens_surprised_eyes_as_wide_as_the_server(browser, editors, given):
    source = (Path(__file__).resolve().parents[2] / "app" / "js" / "record.js").read_text(encoding="utf-8")
    page = browser.new_page()
    page.add_script_tag(content=source + "; Object.assign(window, { latent, blank });", type="module")
    page.wait_for_function("'latent' in window")
    setup = {**editing_data(editors.faces), "directions": []}
    script = "([setup, given]) => latent({ e: [0], neutral: [0] }, { ...blank(), tile: 'surprised', ...given }, setup)"
    drawn = page.evaluate(script, [setup, given])["gesture"]
    page.close()
    record = EditRecord.of(editors.faces, {"tile": "surprised", **given})
    assert drawn.get("close eyes", 0) == pytest.approx(record.whole_gesture(editors.faces).close_eyes)
