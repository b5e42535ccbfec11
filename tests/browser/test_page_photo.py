"""A photo on the page: opened, its face chosen, shown before and after, downloaded."""

from __future__ import annotations

from PIL import Image
from playwright.sync_api import expect

from app.faces_tab import EXAMPLES
from rbvae.marking import AI_NOTE


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


def test_the_camera_takes_a_photo(visit):
    visitor = visit()
    visitor.press("Camera")
    visitor.sees(visitor.bench.locator("video"))
    visitor.page.wait_for_function("document.querySelector('.rb video').videoWidth > 0")
    visitor.press("Take the photo")
    expect(visitor.notice).to_contain_text("No face was found")  # in the pattern of Chromium's own camera
    expect(visitor.bench.locator("video")).to_have_count(0)


def test_the_first_example_is_one_that_the_model_knows(visit, editors):
    visitor = visit()
    offered = [image.get_attribute("alt") for image in visitor.bench.locator(".examples img").all()]
    known = {path.stem: editors.faces.infer(path).warnings for path in EXAMPLES.glob("*.jpg")}
    doubtful = [bool(known[name.lower().replace(" ", "-")]) for name in offered]
    assert doubtful == sorted(doubtful) and len(doubtful) == len(known)
    expect(visitor.notice).to_have_count(int(doubtful[0]))
