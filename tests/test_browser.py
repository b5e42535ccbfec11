"""Claims about the app as a visitor meets it: in headless Chromium, through Playwright."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from app.app import build, launch
from app.editors import Editors
from rbvae import PortraitEditor, StyleEditor
from rbvae.marking import AI_NOTE

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]
WAIT = 30_000  # ms, on a busy machine

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome installed")


class CountingEditor(PortraitEditor):
    """Counts how often a photo is inferred."""

    inferred = 0

    def infer(self, *args, **kwargs):
        self.inferred += 1
        return super().infer(*args, **kwargs)


@pytest.fixture(scope="module")
def editors(tiny_faces, tiny_digits):
    return Editors(CountingEditor.from_pretrained(tiny_faces), StyleEditor.from_pretrained(tiny_digits))


@pytest.fixture(scope="module")
def demo(editors):
    return build(editors)


@pytest.fixture(scope="module")
def url(demo):
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

    def __init__(self, browser, url, width=1280, height=900, bench="faces"):
        self.context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT)
        self.hosts, self.errors, self.asked = set(), [], []
        self.page.on("request", self._note)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda line: line.type == "error" and self.errors.append(line.text))
        self.page.goto(url)
        self.bench = self.page.locator(f".rb.{bench}")
        self.edit = self.bench.locator(".edit img")
        self.patch = self.bench.locator(".patch")
        self.notice = self.bench.locator(".notice")
        self.slider = self.bench.locator(".sliders input[type=range]").first
        self.value = self.bench.locator(".sliders output").first
        if bench == "digits":
            self.page.get_by_role("tab", name="Digits").click()
        self.sees(self.edit)

    def _note(self, request):
        self.hosts.add(urlsplit(request.url).hostname)
        if "/page/" in request.url and request.method == "POST":
            self.asked.append(request)

    def sees(self, locator):
        expect(locator).to_be_visible(timeout=WAIT)

    def upload(self, *paths, name="photo"):
        self.bench.locator(f"input[name={name}]").set_input_files([str(path) for path in paths])

    def opens(self, path):
        """Uploads a photo and waits until it is edited in place of the last one."""
        original = self.bench.locator(".original img")
        self.changes(original, lambda: self.upload(path))
        self.sees(self.patch)

    def changes(self, locator, action, attribute="src"):
        """Does `action` and waits until the locator's attribute is another; gives the new one."""
        before = locator.get_attribute(attribute)
        action()
        expect(locator).not_to_have_attribute(attribute, before or "", timeout=WAIT)
        return locator.get_attribute(attribute)

    def slide(self, presses=4):
        self.slider.focus()
        for _ in range(presses):
            self.page.keyboard.press("ArrowRight")

    def press(self, name):
        self.bench.get_by_role("button", name=name, exact=True).click()

    def tool(self, name):
        self.bench.get_by_role("tab", name=name).click()

    def downloads(self, name):
        with self.page.expect_download() as download:
            self.press(name)
        return download.value.path().read_bytes()


@pytest.fixture(scope="module")
def visit(browser, url):
    visitors = []

    def arrive(path="", **options):
        visitors.append(Visitor(browser, url + path, **options))
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        visitor.context.close()


@pytest.fixture(scope="module")
def regular(visit, astronaut):
    """A visitor who stays for several tests, with a photo of their own."""
    visitor = visit()
    visitor.opens(astronaut)
    return visitor


@pytest.fixture
def opened(regular):
    """The same, back at the photo as inferred."""
    regular.tool("Sliders")
    regular.press("Reset")
    copy = regular.bench.locator(".copy img").get_attribute("src")
    expect(regular.edit).to_have_attribute("src", copy)
    return regular


@pytest.fixture(scope="module")
def several(astronaut, tmp_path_factory):
    """A photo of two faces, the one on the right larger."""
    path = tmp_path_factory.mktemp("photos") / "two.jpg"
    with Image.open(astronaut) as one:
        both = Image.new("RGB", (900, 512), "gray")
        both.paste(one.resize((380, 380)), (0, 100))
        both.paste(one, (388, 0))
        both.save(path, quality=92)
    return path


@pytest.fixture(scope="module")
def wall(tmp_path_factory):
    """A photo of nobody."""
    path = tmp_path_factory.mktemp("photos") / "wall.png"
    Image.new("RGB", (300, 200), "gray").save(path)
    return path


def test_a_first_visitor_sees_an_example_that_can_be_edited(visit, editors):
    before = editors.faces.inferred
    visitor = visit()
    visitor.sees(visitor.patch)
    visitor.changes(visitor.edit, visitor.slide)
    assert editors.faces.inferred == before


def test_a_photo_is_inferred_once_and_every_edit_decodes(visit, editors, astronaut):
    visitor = visit()
    before = editors.faces.inferred
    visitor.opens(astronaut)
    sliding = visitor.changes(visitor.edit, visitor.slide)
    neutral = visitor.changes(visitor.edit, lambda: visitor.press("Neutral"))
    visitor.tool("Random")
    picked = visitor.changes(visitor.edit, lambda: visitor.bench.locator(".random button").nth(2).click())
    assert len({sliding, picked, neutral}) == 3
    assert editors.faces.inferred == before + 1


def test_the_newest_value_of_a_drag_is_drawn_and_the_last_is_never_lost(opened):
    asked = len(opened.asked)
    opened.page.evaluate(
        """(range) => { for (let i = 1; i <= 60; i++) { range.value = i / 40; range.dispatchEvent(new Event('input')); }
           range.dispatchEvent(new Event('change')); }""",
        opened.slider.element_handle(),
    )
    expect(opened.value).to_have_text("+1.50")
    opened.page.wait_for_timeout(500)
    draws = [request.post_data_json for request in opened.asked[asked:] if request.url.endswith("/draw")]
    assert 1 <= len(draws) <= 10 and draws[-1]["change"]["values"][0] == 1.5
    shown = opened.edit.get_attribute("src")
    opened.press("Reset")
    expect(opened.edit).not_to_have_attribute("src", shown)
    opened.press("Undo")
    expect(opened.edit).to_have_attribute("src", shown)


def test_a_slider_goes_by_keys_and_takes_the_photo_along(opened):
    opened.changes(opened.patch, lambda: opened.slide(3))
    expect(opened.value).to_have_text("+0.15")


def test_a_double_click_resets_one_slider(opened):
    second = opened.bench.locator(".sliders input[type=range]").nth(1)
    second.focus()
    opened.page.keyboard.press("ArrowRight")
    opened.slide(2)
    opened.slider.dblclick(position={"x": 4, "y": 4})
    expect(opened.value).to_have_text("0.00")
    expect(opened.bench.locator(".sliders output").nth(1)).to_have_text("+0.05")


def test_every_slider_has_a_strip_of_this_face_and_a_click_goes_there(opened):
    strip = opened.bench.locator(".strip").first
    expect(strip.locator("img")).to_have_count(5)
    assert len({image.get_attribute("src") for image in strip.locator("img").all()}) == 5
    opened.changes(opened.edit, lambda: strip.locator("button").last.click())
    expect(opened.value).to_have_text("+2.00")


def test_undo_and_redo_walk_the_edits(opened):
    start = opened.edit.get_attribute("src")
    far = opened.changes(opened.edit, lambda: opened.bench.locator(".strip button").first.click())
    assert opened.changes(opened.edit, lambda: opened.page.keyboard.press("Control+z")) == start
    assert opened.changes(opened.edit, lambda: opened.press("Redo")) == far


def test_settings_travel_as_json_and_wrong_ones_are_refused_in_words(opened):
    opened.bench.get_by_text("Save or share these settings").click()
    text = opened.bench.get_by_label("Slider values as JSON")
    text.fill('{"smile": 1.25, "frown": -0.5}')
    opened.press("Apply")
    expect(opened.value).to_have_text("+1.25")
    assert json.loads(text.input_value()) == {"smile": 1.25, "frown": -0.5}
    text.fill('{"grin": 1}')
    opened.press("Apply")
    expect(opened.notice).to_contain_text('There is no slider "grin"')
    text.fill("smile!")
    opened.press("Apply")
    expect(opened.notice).to_contain_text("This is not JSON")
    opened.bench.get_by_text("Save or share these settings").click()


def test_a_link_carries_the_edit_and_no_photo(visit, astronaut):
    visitor = visit("#faces?smile=1.5&frown=-1")
    expect(visitor.value).to_have_text("+1.50")
    visitor.opens(astronaut)
    expect(visitor.value).to_have_text("+1.50")
    visitor.bench.get_by_text("Save or share these settings").click()
    visitor.press("Copy a link")
    link = visitor.bench.get_by_label("Slider values as JSON").input_value()
    assert urlsplit(link).fragment == "faces?smile=1.5&frown=-1" and not urlsplit(link).query


def test_the_face_is_chosen_by_its_number(visit, several):
    visitor = visit()
    visitor.opens(several)
    boxes = visitor.bench.locator(".box")
    expect(boxes).to_have_count(2)
    expect(visitor.notice).to_contain_text("2 faces were found")
    expect(boxes.first).to_have_attribute("aria-pressed", "true")
    visitor.changes(visitor.bench.locator(".original img"), lambda: boxes.nth(1).click())
    expect(boxes.nth(1)).to_have_attribute("aria-pressed", "true")
    left = [box.bounding_box()["x"] for box in boxes.all()]
    assert left[0] > left[1]  # the larger one, on the right, is number 1


def test_without_a_face_the_eyes_are_clicked(visit, wall):
    visitor = visit()
    visitor.upload(wall)
    expect(visitor.notice).to_contain_text("click the two eyes")
    photo = visitor.bench.locator(".before")
    frame = photo.bounding_box()
    photo.click(position={"x": 0.4 * frame["width"], "y": 0.4 * frame["height"]})
    expect(visitor.bench.locator(".eye")).to_have_count(1)
    photo.click(position={"x": 0.6 * frame["width"], "y": 0.4 * frame["height"]})
    expect(visitor.notice).to_contain_text("follows the two eyes you clicked")
    visitor.sees(visitor.patch)
    visitor.changes(visitor.edit, visitor.slide)


def test_a_file_that_is_no_picture_is_refused_in_words_and_the_last_photo_stays(opened, tmp_path):
    path = tmp_path / "notes.jpg"
    path.write_text("not a picture")
    shown = opened.edit.get_attribute("src")
    opened.upload(path)
    expect(opened.notice).to_contain_text("is not a picture")
    assert opened.edit.get_attribute("src") == shown


def test_every_edit_says_how_much_likeness_it_keeps(opened):
    meter = opened.bench.locator("meter")
    expect(opened.bench.locator(".drift output")).to_have_text("same person")
    before = meter.evaluate("(meter) => meter.value")
    opened.bench.locator(".strip button").last.click()
    opened.page.wait_for_function("([m, v]) => m.value < v", arg=[meter.element_handle(), before])


def test_random_expressions_follow_the_seed(opened):
    opened.tool("Random")
    first = opened.bench.locator(".random img").first
    expect(opened.bench.locator(".random img")).to_have_count(8)
    start = first.get_attribute("src")
    opened.changes(first, lambda: opened.press("Another eight"))
    seed = opened.bench.get_by_label("Seed")
    seed.fill("0")
    seed.press("Enter")
    expect(first).to_have_attribute("src", start)


def test_another_faces_expression_is_copied_at_a_strength(opened, several):
    opened.tool("Copy a face")
    start = opened.edit.get_attribute("src")
    full = opened.changes(opened.edit, lambda: opened.bench.locator(".donors button").first.click())
    strength = opened.bench.get_by_label("Strength")
    assert opened.changes(opened.edit, lambda: strength.fill("0.5")) != full
    opened.changes(opened.edit, lambda: strength.fill("0"))
    expect(opened.edit).to_have_attribute("src", start)
    before = opened.bench.locator(".donors img").count()
    opened.upload(several, name="donor")
    expect(opened.bench.locator(".donors img")).to_have_count(before + 1)
    expect(opened.bench.locator(".donors button").first).to_have_attribute("aria-pressed", "true")


def test_a_grid_shows_every_face_with_every_expression(opened):
    opened.tool("Grid")
    chosen = opened.bench.locator(".choices [aria-pressed=true]").count()
    opened.press("Make the grid")
    cells = opened.bench.locator(".gridded td img")
    expect(cells).to_have_count((chosen + 1) * (chosen + 2))
    assert cells.nth(2).get_attribute("alt").endswith(opened.bench.locator(".choices img").first.get_attribute("alt"))
    opened.changes(opened.edit, lambda: cells.first.click())
    with Image.open(io.BytesIO(opened.downloads("Download the grid"))) as grid:
        assert grid.size == (64 * (chosen + 3), 64 * (chosen + 2))


def test_many_photos_are_edited_with_progress_into_a_zip(opened, astronaut, several, wall):
    opened.slide()
    opened.tool("Many photos")
    opened.upload(astronaut, wall, several, name="many")
    expect(opened.bench.locator(".progress output")).to_have_text("3 of 3")
    expect(opened.bench.locator(".batch .notice")).to_have_text("wall.png: no face was found")
    with zipfile.ZipFile(io.BytesIO(opened.downloads("Download all (ZIP)"))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["001-astronaut.jpg", "003-two.jpg"]
        with Image.open(io.BytesIO(archive.read("003-two.jpg"))) as photo:
            assert photo.size == (900, 512) and photo.info["comment"].decode() == AI_NOTE


def test_many_photos_can_be_cancelled(opened, astronaut):
    opened.tool("Many photos")
    opened.bench.get_by_label("This very expression").check()
    opened.upload(*[astronaut] * 40, name="many")
    expect(opened.bench.locator(".batch img").first).to_be_visible()
    opened.press("Cancel")
    expect(opened.bench.locator(".progress output")).to_contain_text("then cancelled")
    assert opened.bench.locator(".batch img").count() < 40


def test_a_film_of_the_change_is_played_and_downloaded(opened):
    opened.bench.locator(".strip button").last.click()
    opened.tool("Film")
    opened.press("Start from what is shown now")
    opened.page.wait_for_timeout(200)
    opened.bench.get_by_label("From").select_option("neutral")
    opened.bench.locator(".format").select_option("webp")
    opened.press("Make the film")
    film = opened.bench.locator(".film img")
    opened.sees(film)
    opened.page.wait_for_function("(film) => film.naturalWidth == 384", arg=film.element_handle())
    with Image.open(io.BytesIO(opened.downloads("Download the film"))) as film:
        assert film.n_frames > 20 and b"Edited by AI" in film.info["xmp"]


def test_the_whole_photo_compares_blends_and_downloads(opened):
    opened.bench.locator(".strip button").last.click()
    opened.page.wait_for_timeout(300)
    opened.changes(opened.patch, lambda: opened.bench.get_by_label("Use the model's face").check())
    opened.bench.get_by_label("Before and after").fill("100")
    assert opened.patch.evaluate("(p) => p.style.clipPath") == "inset(0px 0px 0px 100%)"
    opened.bench.get_by_label("Before and after").fill("0")
    opened.changes(opened.patch, lambda: opened.bench.get_by_label("Keep the photo's detail").check())
    with opened.page.expect_download() as download:
        opened.bench.locator(".download").click()
    with Image.open(download.value.path()) as photo:
        assert photo.size == (512, 512) and not photo.getexif()
        assert photo.info["comment"].decode() == AI_NOTE


def test_the_camera_takes_a_photo(visit):
    visitor = visit()
    visitor.press("Camera")
    visitor.sees(visitor.bench.locator("video"))
    visitor.page.wait_for_function("document.querySelector('.rb video').videoWidth > 0")
    visitor.press("Take the photo")
    expect(visitor.notice).to_contain_text("No face was found")  # in the pattern of Chromium's own camera
    expect(visitor.bench.locator("video")).to_have_count(0)


def test_a_photo_that_was_put_away_is_opened_again(visit, demo, astronaut):
    visitor = visit()
    visitor.opens(astronaut)
    demo.visits.clear()
    visitor.changes(visitor.edit, visitor.slide)
    assert visitor.bench.locator(".notice.error").count() == 0


def test_delete_my_photos_clears_the_server_and_the_page(visit, demo, astronaut):
    visitor = visit()
    demo.visits.clear()
    visitor.opens(astronaut)
    others = demo.visits.keep(next(iter(demo.visits._published.values())), "s" * 16)
    visitor.press("Delete my photos now")
    expect(visitor.bench).to_contain_text("1 picture was deleted from the server")
    assert visitor.bench.locator("img").count() == 0 and list(demo.visits._kept) == [others]
    visitor.press("Start again")
    visitor.sees(visitor.bench.locator(".patch"))


def test_a_busy_server_is_asked_again(visit, astronaut):
    visitor = visit()
    busy = {"status": 503, "headers": {"Retry-After": "0"}, "json": {"error": "busy: 64 are waiting before you"}}
    visitor.page.route("**/page/faces/open", lambda route: route.fulfill(**busy), times=1)
    visitor.opens(astronaut)
    assert visitor.bench.locator(".notice.error").count() == 0


def test_a_photo_is_put_away_when_the_page_is_left(visit, demo, astronaut):
    visitor = visit()
    visitor.opens(astronaut)
    visitor.slide()
    visitor.page.wait_for_timeout(300)
    key = visitor.asked[-1].post_data_json["key"]
    assert key in demo.visits._kept
    visitor.page.goto("about:blank")
    visitor.page.wait_for_timeout(300)
    assert key not in demo.visits._kept


def test_visitors_have_keys_of_their_own(opened, visit, astronaut):
    other = visit()
    other.opens(astronaut)
    other.slide()
    opened.changes(opened.edit, opened.slide)
    keys = [
        {request.post_data_json["key"] for request in who.asked if "/draw" in request.url} for who in (opened, other)
    ]
    assert keys[0] and keys[1] and not keys[0] & keys[1]


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
        opened.page.get_by_role("tab", name=name, exact=True).click()
        expect(opened.page.get_by_text(words).locator("visible=true").first).to_be_visible()
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
