"""The digits room: draw, pick or open a digit, give it another style, save; and the rooms beside it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect

PICTURE = "(pad) => pad.toDataURL()"


@pytest.fixture(scope="module")
def resident(visit):
    """A visitor who stays for several tests."""
    return visit(room="digits")


@pytest.fixture
def digits(resident):
    """The same, with the second of the digits, in its own style."""
    resident.room.locator(".digits button").nth(1).click()
    resident.press("Reset")
    resident.settled()
    return resident


def stroke(visitor, number=0):
    """Draws a stroke on the pad; gives what was on the pad before and what is on it now."""
    before = on_pad(visitor)
    frame = visitor.room.locator(".pad").bounding_box()
    x, y, side = frame["x"], frame["y"], frame["width"]
    visitor.page.mouse.move(x + (0.3 + 0.15 * number) * side, y + 0.25 * side)
    visitor.page.mouse.down()
    visitor.page.mouse.move(x + (0.4 + 0.15 * number) * side, y + 0.75 * side, steps=4)
    visitor.page.mouse.up()
    visitor.settled()
    return before, on_pad(visitor)


def on_pad(visitor):
    return visitor.room.locator(".pad").evaluate(PICTURE)


def seven(colour="white", ground="black", size=(96, 96), at=(0, 0), width=7):
    """A drawing of a 7 of 96 pixels, somewhere in a picture."""
    picture = Image.new("RGB" if ground else "RGBA", size, ground or (0, 0, 0, 0))
    path = [(at[0] + x, at[1] + y) for x, y in ((28, 24), (66, 24), (44, 76))]
    ImageDraw.Draw(picture).line(path, fill=colour, width=width, joint="curve")
    return picture


def shadowed():
    """A photograph of ink on paper, half of it in shadow."""
    pixels = np.asarray(seven("#222233", "#e8e4d8", (200, 160), (30, 20)), np.float32)
    light = 1 - 0.45 / (1 + np.exp(0.3 * (90 - np.arange(200))))
    grain = np.random.default_rng(0).normal(0, 3, pixels.shape)
    return Image.fromarray((pixels * light[None, :, None] + grain).clip(0, 255).astype(np.uint8))


def framed():
    picture = seven("black", "white", (130, 130), (17, 17))
    ImageDraw.Draw(picture).rectangle((5, 5, 124, 124), outline="black", width=3)
    return picture


def test_a_digit_is_picked_drawn_and_styled(digits):
    blank = on_pad(digits)
    digits.changes(digits.result, digits.room.locator(".digits button").nth(2).click)
    assert on_pad(digits) != blank  # the pad shows the digit
    digits.changes(digits.result, lambda: digits.press("Plain"))
    before, after = stroke(digits)
    assert before != after
    digits.changes(digits.result, lambda: digits.slider("Stroke").fill("60"))
    digits.changes(digits.result, digits.room.locator(".donors button").first.click)
    digits.changes(digits.result, digits.room.get_by_role("button", name="Surprise me").click)
    assert digits.errors == []


def test_a_stroke_does_not_reset_the_style(digits):
    digits.slider("Stroke").fill("60")
    stroke(digits)
    expect(digits.slider("Stroke")).to_have_value("60")
    assert digits.asked_last("digits/draw")["edit"]["named"]["width"] > 1
    digits.press("Clear")
    expect(digits.slider("Stroke")).to_have_value("60")
    stroke(digits)
    expect(digits.slider("Stroke")).to_have_value("60")
    assert digits.asked_last("digits/draw")["edit"]["named"]["width"] > 1


def test_clear_empties_the_result_too(digits):
    digits.press("Clear")
    expect(digits.result).to_be_hidden()
    expect(digits.room.locator(".saving .save")).to_be_disabled()
    expect(digits.room.get_by_text("Draw a digit here")).to_be_visible()
    digits.press("Undo")
    digits.sees(digits.result)
    expect(digits.room.locator(".saving .save")).to_be_enabled()


def test_undo_and_redo_keep_strokes_and_style_alike(digits):
    picked = on_pad(digits)
    _, first = stroke(digits)
    digits.slider("Stroke").fill("40")
    _, second = stroke(digits, 1)
    digits.press("Reset")
    assert on_pad(digits) == second  # of the style alone
    for picture, size in ((second, "40"), (first, "40"), (first, "0"), (picked, "0")):
        digits.press("Undo")
        digits.settled()
        assert on_pad(digits) == picture
        expect(digits.slider("Stroke")).to_have_value(size)
    for _ in range(3):
        digits.press("Redo")
    digits.settled()
    assert on_pad(digits) == second
    expect(digits.slider("Stroke")).to_have_value("40")


def test_a_reload_keeps_the_digit_and_its_style(visit):
    visitor = visit(room="digits")
    _, drawn = stroke(visitor)
    visitor.slider("Stroke").fill("40")
    visitor.settled()
    visitor.page.reload()
    visitor.sees(visitor.result)
    visitor.settled()
    assert on_pad(visitor) == drawn
    expect(visitor.slider("Stroke")).to_have_value("40")


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (seven("black", "white"), "dark on light paper"),
        (framed(), "The frame around the digit was left out"),
        (shadowed(), "light and shadow were left out"),
        (seven("white", None), ""),
        (seven("black", None), "dark on light paper"),
    ],
    ids=["inverted", "framed", "shadowed", "white on nothing", "black on nothing"],
)
def test_a_picture_of_a_digit_is_repaired_and_says_so(digits, tmp_path, picture, words):
    picture.save(tmp_path / "seven.png")
    digits.changes(digits.result, lambda: digits.upload(tmp_path / "seven.png", name="digit"))
    digits.settled()
    if words:
        expect(digits.notice).to_contain_text(words)
    corner, middle = digits.room.locator(".pad").evaluate(
        """(pad) => {
          const read = (x, y, side) => pad.getContext("2d").getImageData(x, y, side, side).data;
          const lightest = (...at) => Math.max(...read(...at).filter((_, i) => i % 4 < 3));
          return [lightest(0, 0, 12), lightest(64, 40, 128)]; }"""
    )
    assert corner < 60 and middle > 200  # light strokes in the middle of black


def test_what_is_no_digit_is_refused_in_a_sentence_and_the_last_digit_stays(digits, astronaut, wall):
    before = on_pad(digits)
    for path in (wall, astronaut):
        digits.upload(path, name="digit")
        expect(digits.notice).to_contain_text("No digit can be seen in this picture. Draw one, or use")
        assert on_pad(digits) == before
        digits.press("Close this message")


def test_a_copy_that_does_not_look_like_the_digit_says_so(digits):
    stroke(digits)  # the random model of these tests copies nothing well
    expect(digits.room.locator(".doubts")).to_contain_text("The result may not look like your digit. Draw it larger")


def test_a_digit_is_saved_and_marked(digits):
    name, content = digits.saves()
    assert name == "digit-edited.png" and content.startswith(b"\x89PNG") and b"compositeWithTrained" in content


def test_digits_are_picked_by_arrow_keys(digits):
    buttons = digits.room.locator(".digits button")
    buttons.nth(1).focus()
    for key, at in (("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2)):
        digits.changes(digits.result, lambda key=key: digits.page.keyboard.press(key))
        expect(buttons.nth(at)).to_be_focused()


def test_a_finger_draws_on_a_phone_and_all_is_in_reach(visit):
    visitor = visit(width=390, height=844, room="digits", has_touch=True, is_mobile=True)
    before, frame = on_pad(visitor), visitor.room.locator(".pad").bounding_box()
    assert frame["width"] > 150
    touch = visitor.context.new_cdp_session(visitor.page)
    for kind, share in (("touchStart", 0.2), ("touchMove", 0.5), ("touchMove", 0.8), ("touchEnd", None)):
        points = [] if share is None else [{"x": frame["x"] + 100, "y": frame["y"] + share * frame["height"]}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    visitor.settled()
    assert on_pad(visitor) != before and visitor.asked_last("digits/draw")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(visitor.room.locator(".saving .save")).to_be_in_viewport(ratio=1)


def test_a_link_leads_to_the_digits_and_their_style(visit):
    visitor = visit("#digits?size=2", room="digits")
    visitor.settled()
    assert visitor.asked_last("digits/draw")["edit"] == {"named": {"size": 2}}


def test_programs_find_their_snippets(visit):
    visitor = visit("#programs", room="programs")
    for name, words in (("Python", "gradio_client"), ("curl", "gradio_api"), ("MCP", "mcpServers")):
        visitor.sees(visitor.page.get_by_role("heading", name=name, exact=True))
        visitor.sees(visitor.page.locator(".code").get_by_text(words).first)


def test_about_explains_with_a_picture(visit):
    visitor = visit("#about", room="about")
    expect(visitor.page.locator(".z-and-e img")).to_have_count(20, timeout=30_000)
    expect(visitor.page.locator(".z-and-e img").first).to_have_attribute("alt", "Person 1, expression 1")
    assert "Face Research Lab London Set" in visitor.page.locator("#about").inner_text()
