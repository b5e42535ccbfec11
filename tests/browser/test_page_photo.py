"""A photo on the page: opened, its face chosen, shown before and after, downloaded."""

from __future__ import annotations

import base64
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from app.page.faces_tab import EXAMPLES
from rbvae.images.ai_metadata import AI_NOTE


def test_a_first_visitor_sees_an_example_that_is_edited_and_can_be_neutral_in_a_click(visit, editors):
    before = editors.faces.inferred
    visitor = visit()
    visitor.sees(visitor.patch)
    expect(visitor.value).to_have_text("+1.50")
    copy = visitor.bench.locator(".copy img").get_attribute("src")
    expect(visitor.edit).not_to_have_attribute("src", copy)
    visitor.changes(visitor.edit, lambda: visitor.press("Neutral"))
    visitor.press("Reset")
    expect(visitor.edit).to_have_attribute("src", copy)
    assert editors.faces.inferred == before


def test_a_photo_of_ones_own_is_opened_as_it_is(visit, astronaut):
    visitor = visit()
    visitor.opens(astronaut)
    expect(visitor.value).to_have_text("0.00")
    expect(visitor.edit).to_have_attribute("src", visitor.bench.locator(".copy img").get_attribute("src"))


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


def test_a_line_divides_before_from_after(opened):
    divider, stage = opened.bench.locator(".divider"), opened.bench.locator(".stage")
    expect(divider).to_be_hidden()
    opened.bench.get_by_label("Before and after").fill("40")
    expect(divider).to_be_visible()
    line, frame = divider.bounding_box(), stage.bounding_box()
    assert abs(line["x"] + line["width"] / 2 - frame["x"] - 0.4 * frame["width"]) < 2
    assert line["height"] == frame["height"]
    opened.bench.get_by_label("Before and after").fill("0")
    expect(divider).to_be_hidden()


def test_both_ways_into_the_photo_are_seen_before_one_is_picked(opened):
    detail, model = opened.bench.locator(".preview").all()
    opened.changes(model, lambda: opened.bench.locator(".strip button").last.click())
    opened.sees(detail)
    opened.page.wait_for_function("([a, b]) => a.src != b.src", arg=[detail.element_handle(), model.element_handle()])
    assert max(model.evaluate("(image) => [image.naturalWidth, image.naturalHeight]")) <= 240
    opened.changes(opened.patch, model.click)
    expect(opened.bench.get_by_label("Use the model's face")).to_be_checked()
    opened.changes(opened.patch, detail.click)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_photo_that_lies_on_its_side_is_found_upright(visit, astronaut, tmp_path, degrees):
    path = tmp_path / "turned.jpg"
    with Image.open(astronaut) as photo:
        photo.resize((400, 512)).rotate(degrees, expand=True).save(path, quality=92)
    visitor = visit()
    visitor.opens(path)
    box, frame = visitor.patch.bounding_box(), visitor.bench.locator(".stage").bounding_box()
    middle = (box["x"] + box["width"] / 2 - frame["x"]) / frame["width"]
    low, high = {90: (0.1, 0.4), 180: (0.4, 0.7), 270: (0.6, 0.9)}[degrees]  # the head is near the picture's top
    assert low < middle < high
    visitor.changes(visitor.patch, visitor.slide)


def test_a_photo_that_its_camera_says_is_turned_is_shown_as_it_was_taken(visit, astronaut, tmp_path):
    path, exif = tmp_path / "camera.jpg", Image.Exif()
    exif[0x0112] = 6  # the right way up after a quarter turn clockwise
    with Image.open(astronaut) as photo:
        photo.resize((400, 512)).rotate(90, expand=True).save(path, exif=exif, quality=92)
    visitor = visit()
    visitor.opens(path)
    frame = visitor.bench.locator(".stage").bounding_box()
    assert frame["height"] / frame["width"] == pytest.approx(512 / 400, abs=0.02)
    visitor.changes(visitor.patch, visitor.slide)


GIVEN = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], "given.jpg", { type: "image/jpeg" }));
  const event = name === "drop" ? new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true })
    : new ClipboardEvent(name, { clipboardData: data, bubbles: true, cancelable: true });
  (name === "drop" ? document.querySelector(".rb.faces .stage") : document.body).dispatchEvent(event);
}"""


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_photo_is_dropped_or_pasted(visit, astronaut, way):
    visitor = visit()
    given = [way, base64.b64encode(astronaut.read_bytes()).decode()]
    visitor.changes(visitor.bench.locator(".original img"), lambda: visitor.page.evaluate(GIVEN, given))
    visitor.sees(visitor.patch)
    visitor.changes(visitor.edit, visitor.slide)


def test_a_face_that_the_model_copies_badly_is_said_to_be_so(visit, editors, astronaut):
    visitor = visit()
    visitor.opens(astronaut)
    assert any("does not know a face like this" in said for said in editors.faces.infer(astronaut).warnings)
    expect(visitor.notice).to_contain_text("The model does not know a face like this, so edits will look like somebody")


def test_the_camera_takes_a_photo(visit):
    visitor = visit()
    visitor.press("Camera")
    visitor.sees(visitor.bench.locator("video"))
    visitor.page.wait_for_function("document.querySelector('.rb video').videoWidth > 0")
    visitor.press("Take the photo")
    # Chromium's own camera shows a pattern that moves; in some of its frames a face is found, of which the page warns.
    expect(visitor.notice).to_contain_text(re.compile("No face was found|does not know a face like this"))
    expect(visitor.bench.locator("video")).to_have_count(0)


def test_the_first_example_is_one_that_the_model_knows(visit, editors):
    visitor = visit()
    offered = [image.get_attribute("alt") for image in visitor.bench.locator(".examples img").all()]
    known = {path.stem: editors.faces.infer(path).warnings for path in EXAMPLES.glob("*.jpg")}
    doubtful = [bool(known[name.lower().replace(" ", "-")]) for name in offered]
    assert doubtful == sorted(doubtful) and len(doubtful) == len(known)
    expect(visitor.notice).to_have_count(int(doubtful[0]))
