"""Claims about the app as a visitor meets it: in headless Chromium, through Playwright."""

from __future__ import annotations

import shutil
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from app.app import build, launch
from app.editors import Editors
from rbvae import PortraitEditor, StyleEditor

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT = 30_000  # ms, on a busy machine

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome installed")


class CountingEditor(PortraitEditor):
    """Counts how often a photo is inferred."""

    inferred = 0

    def infer(self, photo, face=0):
        self.inferred += 1
        return super().infer(photo, face)


@pytest.fixture(scope="module")
def editors(tiny_faces, tiny_digits):
    return Editors(CountingEditor.from_pretrained(tiny_faces), StyleEditor.from_pretrained(tiny_digits))


@pytest.fixture(scope="module")
def url(editors):
    demo = build(editors)
    _, address, _ = launch(demo, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    yield address
    demo.close(verbose=False)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


class Visitor:
    """One browser session on the app's page, with what it complained about and where it went."""

    def __init__(self, browser, url, width=1280, height=900):
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.page = self.context.new_page()
        self.hosts, self.errors = set(), []
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda line: line.type == "error" and self.errors.append(line.text))
        self.page.goto(url)
        expect(self.page.get_by_role("tab", name="Faces")).to_be_visible(timeout=WAIT)
        self.edit = self.page.locator("#faces .edit img")
        self.slider = self.page.locator("#faces .sliders input[type=range]").first

    def upload(self, path):
        self.page.set_input_files("#photo input[type=file]", str(path))

    def changes(self, locator, action, attribute="src"):
        """Does `action` and waits until the locator's attribute is another; gives the new one."""
        before = locator.get_attribute(attribute)
        action()
        expect(locator).not_to_have_attribute(attribute, before, timeout=WAIT)
        return locator.get_attribute(attribute)

    def slide(self, presses=4):
        self.slider.focus()
        for _ in range(presses):
            self.page.keyboard.press("ArrowRight")


@pytest.fixture
def visit(browser, url):
    visitors = []

    def arrive(**size):
        visitors.append(Visitor(browser, url, **size))
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        visitor.context.close()


@pytest.fixture
def opened(visit, astronaut):
    visitor = visit()
    visitor.upload(astronaut)
    expect(visitor.edit).to_be_visible(timeout=WAIT)
    return visitor


def test_a_photo_is_inferred_once_and_every_edit_decodes(visit, editors, astronaut):
    before = editors.faces.inferred
    visitor = visit()
    visitor.upload(astronaut)
    expect(visitor.edit).to_be_visible(timeout=WAIT)
    sliding = visitor.changes(visitor.edit, visitor.slide)
    random = visitor.page.locator("#faces-random .gallery-item button, #faces-random button.gallery-item")
    picked = visitor.changes(visitor.edit, lambda: random.nth(2).click())
    neutral = visitor.changes(visitor.edit, visitor.page.get_by_role("button", name="Neutral").click)
    assert len({sliding, picked, neutral}) == 3
    assert editors.faces.inferred == before + 1


def test_reset_shows_the_photo_as_inferred(opened):
    start = opened.edit.get_attribute("src")
    opened.changes(opened.edit, opened.slide)
    assert opened.changes(opened.edit, opened.page.locator("#faces").get_by_role("button", name="Reset").click) == start


def test_the_whole_photo_follows_the_edit(opened):
    after = opened.page.locator("#result img").last
    expect(after).to_be_visible(timeout=WAIT)
    opened.changes(after, lambda: opened.page.get_by_role("button", name="Neutral").click())
    after.scroll_into_view_if_needed()  # it loads lazily
    opened.page.wait_for_function("() => [...document.querySelectorAll('#result img')].at(-1).naturalWidth == 512")
    with opened.page.expect_download() as download:
        opened.page.get_by_role("button", name="Download").click()
    with Image.open(download.value.path()) as image:
        assert image.size == (512, 512)


def test_a_photo_without_a_face_says_so_and_keeps_the_last_one(opened, tmp_path):
    wall = tmp_path / "wall.png"
    Image.new("RGB", (300, 300), "gray").save(wall)
    shown = opened.edit.get_attribute("src")
    opened.page.get_by_role("button", name="Remove Image").first.click()
    opened.upload(wall)
    expect(opened.page.locator("#faces .notice.error")).to_contain_text("No face found", timeout=WAIT)
    assert opened.edit.get_attribute("src") == shown


def test_a_slider_before_any_photo_says_what_to_do(visit):
    visitor = visit()
    visitor.slide(1)
    expect(visitor.page.locator("#faces .notice.error")).to_contain_text("choose a picture first", timeout=WAIT)


def test_visitors_do_not_share_what_they_edit(opened, visit):
    other = visit()
    other.slide(1)
    expect(other.page.locator("#faces .notice.error")).to_contain_text("choose a picture first", timeout=WAIT)
    assert other.edit.count() == 0
    opened.changes(opened.edit, opened.slide)


def test_a_digit_takes_another_style(visit):
    visitor = visit()
    visitor.page.get_by_role("tab", name="Digits").click()
    visitor.page.locator("#digits button.gallery-item, #digits .gallery-item button").nth(1).click()
    edit = visitor.page.locator("#digits-tab .edit img")
    expect(edit).to_be_visible(timeout=WAIT)
    visitor.changes(edit, visitor.page.get_by_role("button", name="Plain").click)


def test_nothing_is_fetched_from_elsewhere_and_nothing_goes_wrong(opened):
    opened.changes(opened.edit, opened.slide)
    assert opened.hosts <= {"127.0.0.1", None, ""}  # data: and blob: have no host
    assert opened.errors == []


def test_a_phone_needs_no_sideways_scrolling(visit, astronaut):
    visitor = visit(width=390, height=844)
    visitor.upload(astronaut)
    expect(visitor.edit).to_be_visible(timeout=WAIT)
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
