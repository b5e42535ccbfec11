"""A photo on the page: opened in every way, its face chosen, shown before and after; and nothing lost on the way."""

from __future__ import annotations

import base64
import re

import pytest
from PIL import Image
from playwright.sync_api import expect


def test_a_first_visitor_sees_an_example_with_an_obvious_edit_and_nothing_is_inferred(visit, editors):
    before = editors.faces.inferred
    visitor = visit()
    expect(visitor.tile("Big smile")).to_have_attribute("aria-pressed", "true")
    expect(visitor.room.locator(".examples button")).to_have_count(5)
    expect(visitor.tile("Neutral").locator("img")).to_be_visible()
    assert editors.faces.inferred == before


def test_a_photo_of_ones_own_is_opened_as_it_is_and_inferred_once(visit, editors, astronaut):
    visitor = visit()
    before = editors.faces.inferred
    visitor.opens(astronaut)
    expect(visitor.patch).to_have_count(0)
    expect(visitor.tile("As is")).to_have_attribute("aria-pressed", "true")
    expect(visitor.room.locator(".examples")).to_be_hidden()
    first = visitor.drawn(visitor.tile("Surprised").click)
    assert visitor.drawn(visitor.tile("Big smile").click) != first
    assert editors.faces.inferred == before + 1


def test_faces_of_a_group_are_chips_from_left_to_right_that_keep_their_edits(visit, several):
    visitor = visit()
    visitor.opens(several)
    chips = visitor.room.locator(".chips button")
    expect(chips).to_have_count(2)
    expect(chips.nth(1)).to_have_attribute("aria-pressed", "true")  # the larger one is on the right
    stage = visitor.stage.bounding_box()
    assert all(chip.bounding_box()["y"] > stage["y"] + stage["height"] for chip in chips.all())  # they cover no face
    visitor.drawn(visitor.tile("Big smile").click)
    chips.first.click()
    expect(visitor.tile("As is")).to_have_attribute("aria-pressed", "true")
    visitor.drawn(visitor.tile("Surprised").click)
    expect(visitor.patch).to_have_count(2)
    chips.nth(1).click()
    expect(visitor.tile("Big smile")).to_have_attribute("aria-pressed", "true")
    expect(visitor.room.locator(".chips .edited")).to_have_count(2)
    _, content = visitor.saves()
    tiles = [one["edit"]["tile"] for one in visitor.asked_last("save")["edits"]]
    assert tiles == ["surprised", "big smile"]
    assert content[:2] == b"\xff\xd8"


def test_a_click_on_a_face_in_the_photo_chooses_it(visit, several):
    visitor = visit()
    visitor.opens(several)
    visitor.press("Whole photo")
    frame = visitor.photo.bounding_box()
    visitor.page.mouse.click(frame["x"] + 0.2 * frame["width"], frame["y"] + 0.4 * frame["height"])
    expect(visitor.room.locator(".chips button").first).to_have_attribute("aria-pressed", "true")


def test_without_a_face_the_eyes_are_clicked(visit, wall, astronaut):
    visitor = visit()
    visitor.opens(wall)
    expect(visitor.notice).to_contain_text("Click the two eyes")
    expect(visitor.room.locator(".saving .save")).to_be_disabled()
    frame = visitor.photo.bounding_box()
    for share in (0.4, 0.6):
        visitor.page.mouse.click(frame["x"] + share * frame["width"], frame["y"] + 0.4 * frame["height"])
    expect(visitor.notice).to_contain_text("No face was found around the two eyes")


def test_a_file_that_is_no_picture_is_refused_in_words_and_the_last_photo_stays(opened, tmp_path):
    path = tmp_path / "notes.jpg"
    path.write_text("not a picture")
    shown = opened.photo.get_attribute("src")
    opened.upload(path)
    expect(opened.notice).to_contain_text("is not a picture")
    assert opened.photo.get_attribute("src") == shown
    opened.press("Close this message")


def test_the_photo_opens_zoomed_to_the_face_and_can_be_seen_whole(opened):
    opened.press("Face")
    near, stage = opened.photo.bounding_box(), opened.stage.bounding_box()
    assert near["height"] > 1.3 * stage["height"]
    opened.press("Whole photo")
    whole = opened.photo.bounding_box()
    assert whole["height"] == pytest.approx(stage["height"], abs=2)
    opened.stage.hover(position={"x": 200, "y": 200})
    opened.page.mouse.wheel(0, -400)
    expect(opened.room.get_by_role("button", name="Whole photo")).to_have_attribute("aria-pressed", "false")
    assert opened.photo.bounding_box()["height"] > 1.2 * whole["height"]
    opened.press("Face")


def test_a_handle_on_the_picture_divides_before_from_after_and_starts_at_after(visit, astronaut, several):
    visitor = visit()
    visitor.opens(astronaut)
    visitor.drawn(visitor.tile("Surprised").click)
    after, handle = visitor.room.locator(".after"), visitor.slider("Before and after")
    assert after.evaluate("(node) => node.style.clipPath") == ""
    handle.focus()
    for _ in range(5):
        visitor.page.keyboard.press("ArrowRight")
    expect(handle).to_have_attribute("aria-valuenow", "25")
    assert "inset" in after.evaluate("(node) => node.style.clipPath")
    expect(visitor.room.get_by_text("Before", exact=True)).to_be_visible()
    visitor.upload(several)
    visitor.answer("Open without saving")
    expect(visitor.room.locator(".chips button")).to_have_count(2)
    expect(handle).to_be_hidden()  # nothing to compare yet
    visitor.drawn(visitor.tile("Surprised").click)
    expect(handle).to_have_attribute("aria-valuenow", "0")


def test_holding_compare_shows_the_photo_as_it_was(opened):
    opened.drawn(opened.tile("Surprised").click)
    button = opened.room.get_by_role("button", name="Hold to compare")
    button.hover()
    opened.page.mouse.down()
    expect(opened.room.locator(".stage.holding")).to_have_count(1)
    before, after = (opened.room.locator(".tags span").nth(place) for place in (0, 1))
    expect(before).to_be_visible()
    expect(after).to_be_hidden()  # there is no room for it
    opened.page.mouse.up()
    expect(opened.room.locator(".stage.holding")).to_have_count(0)


def test_a_new_photo_asks_before_work_is_lost(visit, astronaut, several):
    visitor = visit()
    visitor.opens(astronaut)
    visitor.drawn(visitor.tile("Surprised").click)
    visitor.upload(several)
    visitor.answer("Cancel")
    expect(visitor.tile("Surprised")).to_have_attribute("aria-pressed", "true")
    visitor.upload(several)
    name, _ = visitor.downloads(lambda: visitor.answer("Save it first"))
    assert name == "astronaut-edited.jpg"
    expect(visitor.room.locator(".chips button")).to_have_count(2)


def test_of_two_photos_chosen_quickly_the_second_is_shown(visit, astronaut, several):
    def slow(page):
        page.route(re.compile("/faces/open$"), lambda route: hold(page, route))

    held = []

    def hold(page, route):
        held.append(route)
        if len(held) > 1:
            route.continue_()

    visitor = visit(before=slow)
    visitor.upload(astronaut)
    visitor.page.wait_for_timeout(300)
    visitor.upload(several)
    expect(visitor.room.locator(".chips button")).to_have_count(2)
    held[0].continue_()
    visitor.settled()
    expect(visitor.room.locator(".chips button")).to_have_count(2)


@pytest.mark.parametrize("degrees", [90, 270])
def test_a_photo_that_lies_on_its_side_is_found(visit, astronaut, tmp_path, degrees):
    path = tmp_path / "turned.jpg"
    with Image.open(astronaut) as photo:
        photo.resize((400, 512)).rotate(degrees, expand=True).save(path, quality=92)
    visitor = visit()
    visitor.opens(path)
    visitor.drawn(visitor.tile("Surprised").click)


def test_a_photo_that_its_camera_says_is_turned_is_shown_as_it_was_taken(visit, astronaut, tmp_path):
    path, exif = tmp_path / "camera.jpg", Image.Exif()
    exif[0x0112] = 6  # the right way up after a quarter turn clockwise
    with Image.open(astronaut) as photo:
        photo.resize((400, 512)).rotate(90, expand=True).save(path, exif=exif, quality=92)
    visitor = visit()
    visitor.opens(path)
    frame = visitor.photo.bounding_box()
    assert frame["height"] / frame["width"] == pytest.approx(512 / 400, abs=0.02)


GIVEN = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], "given.jpg", { type: "image/jpeg" }));
  const options = { bubbles: true, cancelable: true };
  const made = (name) => name === "paste" ? new ClipboardEvent(name, { clipboardData: data, ...options })
    : new DragEvent(name, { dataTransfer: data, ...options });
  if (name === "drop") document.body.dispatchEvent(made("dragenter"));
  const lit = document.querySelector(".rb.faces").classList.contains("dropping");
  document.body.dispatchEvent(made(name));
  return [lit, document.querySelector(".rb.faces").classList.contains("dropping")];
}"""


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_photo_is_dropped_anywhere_with_a_highlight_or_pasted(visit, astronaut, way):
    visitor = visit()
    given = [way, base64.b64encode(astronaut.read_bytes()).decode()]
    before = visitor.photo.get_attribute("src")
    assert visitor.page.evaluate(GIVEN, given) == [way == "drop", False]
    expect(visitor.photo).not_to_have_attribute("src", before)
    assert visitor.saves()[0] == "given-edited.jpg"


def test_the_camera_takes_a_photo(visit):
    visitor = visit()
    visitor.press("rbvae")
    visitor.room.get_by_role("menuitem", name="Take a photo").click()
    visitor.page.wait_for_function("document.querySelector('.rb video')?.videoWidth > 0")
    visitor.changes(visitor.photo, lambda: visitor.press("Take the photo"))
    expect(visitor.room.locator("video")).to_have_count(0)


FITTING = """async (limits) => {
  const { fitting } = await import("/page/js/shrinking.js");
  const canvas = Object.assign(document.createElement("canvas"), { width: 3000, height: 2000 });
  const file = await new Promise((done) => canvas.toBlob(done, "image/jpeg"));
  const { blob, note } = await fitting(file, { pixels: 1e7, kept: 4e6, bytes: 1e7, ...limits });
  const { width, height } = await createImageBitmap(blob);
  return [width * height, note];
}"""


def test_a_photo_that_is_too_large_is_made_smaller_with_a_sentence(visit):
    page = visit().page
    assert page.evaluate(FITTING, {}) == [6_000_000, ""]
    pixels, note = page.evaluate(FITTING, {"pixels": 5_000_000})
    assert 3_950_000 < pixels <= 4_000_000
    assert note == "This photo has 6 megapixels. It was made smaller, to 4."


def test_a_photo_that_the_server_makes_smaller_says_so_too(visit, astronaut, tmp_path):
    path = tmp_path / "large.jpg"
    with Image.open(astronaut) as photo:
        photo.resize((7300, 7300)).save(path, quality=60)
    visitor = visit()
    visitor.opens(path)
    expect(visitor.notice).to_contain_text("photo has 53 megapixels and was reduced to 50")


def test_warnings_are_about_the_edit_and_only_when_there_is_one(visit, astronaut):
    visitor = visit()
    visitor.opens(astronaut)
    visitor.settled()
    doubts = visitor.room.locator(".doubts")
    expect(doubts).to_be_empty()
    visitor.drawn(visitor.tile("Surprised").click)
    expect(doubts).to_contain_text("The model copies this photo less well than most.")
    doubts.get_by_role("button", name="Hide this warning").click()
    expect(doubts).not_to_contain_text("The model")
    doubts.get_by_role("button", name="Show the warning").click()
    expect(doubts).to_contain_text("The model copies this photo less well than most.")
    visitor.drawn(visitor.tile("Mouth open").click)
    expect(doubts).not_to_contain_text("The model", timeout=12_000)  # it shrinks after a while
    expect(doubts.get_by_role("button", name="Show the warning")).to_be_visible()


def test_delete_says_exactly_what_it_deleted(visit, astronaut, several):
    visitor = visit()
    visitor.opens(astronaut)
    visitor.opens(several)
    visitor.room.locator(".chips button").first.click()
    visitor.settled()
    visitor.room.locator(".erase").first.click()
    visitor.answer("Delete")
    expect(visitor.page.locator("dialog[open]")).to_contain_text("2 photos and everything made from them were deleted")
