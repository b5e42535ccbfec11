"""The digits room: draw or pick, take another's style, save; and the rooms beside it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect


@pytest.fixture
def digits(visit):
    return visit(room="digits")


def strokes(visitor, count=1):
    pad = visitor.room.locator(".pad")
    for number in range(count):
        pad.hover(position={"x": 60 + 20 * number, "y": 30})
        visitor.page.mouse.down()
        pad.hover(position={"x": 60 + 20 * number, "y": 130})
        visitor.page.mouse.up()


def test_a_digit_is_picked_drawn_and_styled(digits):
    before = digits.room.get_by_alt_text("The digit", exact=True)
    digits.changes(before, digits.room.locator(".digits button").nth(1).click)
    digits.changes(digits.result, lambda: digits.press("Plain"))
    digits.changes(before, lambda: strokes(digits))
    digits.changes(digits.result, lambda: digits.slider("Size").fill("60"))
    digits.changes(digits.result, digits.room.locator(".donors button").first.click)
    digits.changes(digits.result, digits.room.get_by_role("button", name="Surprise me").click)
    assert digits.errors == []


def test_a_stroke_does_not_reset_the_style(digits):
    digits.changes(digits.result, lambda: digits.slider("Size").fill("60"))
    digits.changes(digits.result, lambda: strokes(digits))
    expect(digits.slider("Size")).to_have_value("60")
    assert digits.asked_last("digits/draw")["edit"]["named"]["size"] > 1
    digits.press("Clear")
    digits.changes(digits.result, lambda: strokes(digits))
    expect(digits.slider("Size")).to_have_value("60")


def test_clear_empties_the_result_too(digits):
    strokes(digits)
    digits.settled()
    digits.press("Clear")
    expect(digits.result).to_be_hidden()
    expect(digits.room.locator(".saving .save")).to_be_disabled()


def test_a_digit_is_saved_and_marked(digits):
    name, content = digits.saves()
    assert name == "digit-edited.png" and content.startswith(b"\x89PNG") and b"compositeWithTrained" in content


def test_digits_are_picked_by_arrow_keys(digits):
    buttons, before = digits.room.locator(".digits button"), digits.room.get_by_alt_text("The digit", exact=True)
    buttons.first.focus()
    digits.settled()
    for key, at in (("ArrowRight", 1), ("ArrowDown", 7), ("ArrowLeft", 6), ("ArrowUp", 0)):  # six to a row
        digits.changes(before, lambda key=key: digits.page.keyboard.press(key))
        expect(buttons.nth(at)).to_be_focused()


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
    expect(visitor.page.locator(".z-and-e img")).to_have_count(20)
    expect(visitor.page.locator(".z-and-e img").first).to_have_attribute("alt", "Person 1, expression 1")
    assert "Face Research Lab London Set" in visitor.page.locator("#about").inner_text()
