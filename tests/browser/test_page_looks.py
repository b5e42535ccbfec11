"""The page as a whole: the other tabs, names for everything, a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect


def test_a_digit_is_picked_drawn_and_styled(visit, tmp_path):
    visitor = visit(bench="digits")
    original = visitor.bench.locator(".original img")
    visitor.changes(original, lambda: visitor.bench.locator(".digits button").nth(1).click())
    visitor.changes(visitor.edit, lambda: visitor.press("Plain"))
    pad = visitor.bench.locator(".pad")
    pad.hover(position={"x": 120, "y": 40})
    visitor.page.mouse.down()
    pad.hover(position={"x": 120, "y": 200})
    visitor.changes(original, visitor.page.mouse.up)
    visitor.changes(visitor.edit, visitor.slide)
    visitor.tool("Copy a style")
    visitor.changes(visitor.edit, lambda: visitor.bench.locator(".donors button").first.click())
    visitor.tool("Grid")
    visitor.press("Make the grid")
    expect(visitor.bench.locator(".gridded td img")).to_have_count(30)
    assert visitor.errors == []


def test_programs_find_their_snippets(opened):
    opened.page.get_by_role("tab", name="For programs").click()
    for name, words in (("Python", "gradio_client"), ("curl", "gradio_api"), ("MCP", "mcpServers")):
        opened.sees(opened.page.get_by_role("heading", name=name, exact=True))
        opened.sees(opened.page.locator(".code").get_by_text(words).first)
    opened.page.get_by_role("tab", name="Faces").click()


def test_about_explains_with_a_picture(opened):
    opened.page.get_by_role("tab", name="About").click()
    expect(opened.page.locator(".z-and-e img")).to_have_count(20)
    expect(opened.page.locator(".z-and-e img").first).to_have_attribute("alt", "Person 1, expression 1")
    opened.page.get_by_role("tab", name="Faces").click()


def test_every_picture_has_a_text_and_every_control_a_name(opened):
    unnamed = opened.page.evaluate(
        """() => [...document.querySelectorAll('.rb img:not([alt]), .rb button, .rb input')].filter((node) =>
             node.tagName === 'IMG' || !(node.textContent.trim() || node.getAttribute('aria-label') ||
             node.querySelector('img[alt]:not([alt=""])') || node.labels?.length)).map((node) => node.outerHTML)"""
    )
    assert unnamed == []


def test_nothing_is_fetched_from_elsewhere_and_nothing_goes_wrong(visit, astronaut):
    visitor = visit()
    visitor.opens(astronaut)
    visitor.changes(visitor.edit, visitor.slide)
    assert visitor.hosts <= {"127.0.0.1", None, ""}  # data: and blob: have no host
    assert visitor.errors == []


def test_a_phone_needs_no_sideways_scrolling(visit, astronaut):
    visitor = visit(width=390, height=844)
    visitor.opens(astronaut)
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
    visitor.tool("Grid")
    visitor.press("Make the grid")
    visitor.sees(visitor.bench.locator(".gridded td img").first)
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_digits_are_picked_by_arrow_keys(visit):
    visitor = visit(bench="digits")
    digits, original = visitor.bench.locator(".digits button"), visitor.bench.locator(".original img")
    digits.first.focus()
    for key, at in (("ArrowRight", 1), ("ArrowDown", 7), ("ArrowLeft", 6), ("ArrowUp", 0)):  # six to a row
        visitor.changes(original, lambda key=key: visitor.page.keyboard.press(key))
        expect(digits.nth(at)).to_be_focused()


LUMINANCE = """(node) => {
  const colour = getComputedStyle(node).PROPERTY;
  const [r, g, b] = colour.match(/[\\d.]+/g).map(Number);
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / (colour.startsWith("rgb") ? 255 : 1);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_as_light_or_dark_as_its_visitor_likes(visit, scheme):
    visitor = visit(color_scheme=scheme)
    ground = visitor.page.locator("body").evaluate(LUMINANCE.replace("PROPERTY", "backgroundColor"))
    assert ground < 0.2 if scheme == "dark" else ground > 0.8
    for part in (".rb.faces .head", ".rb.faces .names button", ".rb.faces figcaption", ".rb.faces .hint", "#intro p"):
        ink = visitor.page.locator(part).first.evaluate(LUMINANCE.replace("PROPERTY", "color"))
        assert abs(ink - ground) > 0.4, part


def test_the_first_slider_is_on_a_phones_first_screen(visit):
    visitor = visit(width=390, height=844)
    visitor.sees(visitor.patch)
    visitor.page.wait_for_timeout(500)
    expect(visitor.slider).to_be_in_viewport(ratio=1)
    for later in (".download", ".erase"):
        assert visitor.bench.locator(later).bounding_box()["y"] > visitor.slider.bounding_box()["y"]


def test_a_phone_keeps_the_photo_in_sight_while_sliders_are_moved(visit):
    visitor = visit(width=390, height=844)
    visitor.sees(visitor.patch)
    visitor.bench.get_by_text("More sliders").or_(
        visitor.bench.get_by_text("Save or share")
    ).first.scroll_into_view_if_needed()
    visitor.page.mouse.wheel(0, 300)
    visitor.page.wait_for_timeout(300)
    expect(visitor.bench.locator(".stage")).to_be_in_viewport(ratio=1)


def test_every_tab_is_in_sight_on_a_phone(visit):
    visitor = visit(width=390, height=844)
    for name in ("Faces", "Digits", "For programs", "About"):
        expect(visitor.page.get_by_role("tab", name=name, exact=True)).to_be_in_viewport()
