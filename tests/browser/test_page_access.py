"""Access: sizes of targets, contrast, names, keys, small screens, dark mode, and reduced motion."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

SMALL = """() => [...document.querySelectorAll('.rb.faces :is(button, select, summary, label.button, label.dropper)')]
  .concat([...document.querySelectorAll('.rb.faces input[type=range]')])
  .filter((node) => node.checkVisibility({ visibilityProperty: true }) && !node.closest('[hidden]'))
  .map((node) => [node.outerHTML.slice(0, 80), node.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.height < 43.5 || box.width < 43.5))
  .map(([html, box]) => [html, box.width, box.height])"""

PALE = """() => {
  const parse = (colour) => {
    const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] > 180) return colour;
    }
    return [255, 255, 255, 255];
  };
  const pale = [];
  for (const node of document.querySelectorAll(".rb.faces *")) {
    const own = [...node.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim());
    const seen = node.checkVisibility({ visibilityProperty: true });
    if (!own || !seen || node.closest("[aria-hidden=true], :disabled")) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) pale.push([node.outerHTML.slice(0, 90), (a + 0.05) / (b + 0.05)]);
  }
  return pale;
}"""


def modes(visitor):
    for name in ("Expressions", "Fine-tune", "From a photo"):
        visitor.mode(name)
        visitor.settled()
        yield name


@pytest.mark.parametrize("size", [(1280, 800), (390, 844), (844, 390)])
def test_targets_are_44_pixels(visit, size):
    visitor = visit(width=size[0], height=size[1])
    for name in modes(visitor):
        assert visitor.page.evaluate(SMALL) == [], name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_a_contrast_of_4_5(visit, scheme, astronaut):
    visitor = visit(color_scheme=scheme)
    visitor.opens(astronaut)
    visitor.drawn(visitor.tile("Surprised").click)
    ground = visitor.page.locator("body").evaluate("(node) => getComputedStyle(node).backgroundColor")
    assert (ground == "rgb(23, 22, 20)") == (scheme == "dark")
    visitor.room.get_by_text("Advanced", exact=True).click()
    for name in modes(visitor):
        assert visitor.page.evaluate(PALE) == [], name


def test_every_picture_has_a_text_and_every_control_a_name(visit):
    visitor = visit()
    for _ in modes(visitor):
        unnamed = visitor.page.evaluate(
            """() => [...document.querySelectorAll('.rb :is(img:not([alt]), button, input, select)')].filter((node) =>
                 node.tagName === 'IMG' || !(node.textContent.trim() || node.getAttribute('aria-label') ||
                 node.querySelector('img[alt]:not([alt=""])') || node.labels?.length)).map((node) => node.outerHTML)"""
        )
        assert unnamed == []


@pytest.mark.parametrize("width", [390, 320])
def test_a_phone_needs_no_sideways_scrolling(visit, several, width):
    visitor = visit(width=width, height=640)
    visitor.opens(several)
    for name in modes(visitor):
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width, name


def test_on_a_phone_the_photo_stays_in_the_top_half_above_one_slider_at_a_time(visit):
    visitor = visit(width=390, height=844)
    visitor.mode("Fine-tune")
    sliders = visitor.room.locator(".tune .slider")
    assert sum(slider.is_visible() for slider in sliders.all()) == 1
    visitor.room.locator(".names").get_by_role("button", name="Turn").click()
    expect(visitor.slider("Turn")).to_be_in_viewport(ratio=1)
    visitor.room.locator(".panels").evaluate("(node) => node.scrollTo(0, 500)")
    stage = visitor.stage.bounding_box()
    assert stage["y"] < 60 and stage["height"] > 0.33 * 844 and stage["y"] + stage["height"] < 0.55 * 844


def test_on_its_side_a_phone_has_the_photo_left_and_the_sheet_right(visit):
    visitor = visit(width=844, height=390)
    stage, panels = visitor.stage.bounding_box(), visitor.room.locator(".panels").bounding_box()
    assert stage["x"] + stage["width"] <= panels["x"] + 1 and stage["height"] > 0.5 * 390


def test_focus_is_never_under_a_bar(visit):
    visitor = visit(width=390, height=844)
    visitor.mode("From a photo")
    visitor.room.get_by_text("Advanced", exact=True).click()
    for _ in range(30):
        visitor.page.keyboard.press("Tab")
        visitor.page.wait_for_function(  # the page scrolls to it in one of the next frames
            """() => {
              const node = document.activeElement;
              if (!node.closest(".panels") || node.matches("input[type=file], [tabindex='-1']")) return true;
              const box = node.getBoundingClientRect();
              const top = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height, 44) / 2);
              return node.contains(top) || top?.contains(node) || top?.closest("label")?.contains(node);
            }""",
            timeout=5000,
        )


def test_motion_is_reduced_for_those_who_ask(visit):
    visitor = visit(reduced_motion="reduce")
    moving = visitor.page.evaluate(
        """() => [...document.querySelectorAll(".rb *")].filter((node) => {
             const { animationName, transitionDuration } = getComputedStyle(node);
             return animationName !== "none" || parseFloat(transitionDuration) > 0.01; }).length"""
    )
    assert moving == 0


def test_the_menu_works_by_keys(visit):
    visitor = visit()
    visitor.room.get_by_role("button", name="rbvae").focus()
    visitor.page.keyboard.press("Enter")
    visitor.page.keyboard.press("ArrowDown")
    expect(visitor.room.get_by_role("menuitem", name="Digits")).to_be_focused()
    visitor.page.keyboard.press("Escape")
    expect(visitor.room.get_by_role("button", name="rbvae")).to_be_focused()


CUT = """() => [...document.querySelectorAll(".rb.faces :is(.top, .modes, .saving) button")].filter((button) => {
  const { left, right, width } = button.getBoundingClientRect();
  return width && (left < 0 || right > innerWidth + 0.5 || button.scrollWidth > button.clientWidth + 1);
}).map((button) => button.textContent.trim() || button.title)"""


def test_no_button_of_the_bars_is_cut_off_at_any_width(visit):
    visitor = visit(width=320, height=700)
    for width, height in ((320, 700), (390, 844), (800, 1100), (844, 390), (1024, 700), (1120, 700), (1440, 900)):
        visitor.page.set_viewport_size({"width": width, "height": height})
        assert visitor.page.evaluate(CUT) == [], width
