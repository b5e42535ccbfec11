"""Saving: one file, named after the photo and of its kind; sharing on phones; films, and many photos."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from PIL import Image
from playwright.sync_api import expect

from rbvae.images.ai_metadata import AI_NOTE


def in_menu(visitor, name):
    visitor.press("Save as…")
    visitor.room.locator(".saving").get_by_role("menuitem", name=name).click()


@pytest.mark.parametrize(("kind", "suffix"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")])
def test_a_photo_is_saved_as_its_kind_and_named_after_it(visit, astronaut, tmp_path, kind, suffix):
    path = tmp_path / f"My holiday.{suffix}"
    with Image.open(astronaut) as photo:
        photo.save(path, kind)
    visitor = visit()
    visitor.opens(path)
    visitor.drawn(visitor.tile("Big smile").click)
    name, content = visitor.saves()
    assert name == f"My holiday-edited.{suffix}"
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size) == (kind, (512, 512)) and not image.getexif()
    assert AI_NOTE.encode() in content
    expect(visitor.room.locator(".saving .done")).to_have_text("Saved")


def test_save_as_offers_other_kinds(opened):
    opened.drawn(opened.tile("Big smile").click)
    name, content = opened.downloads(lambda: in_menu(opened, "PNG"))
    assert name == "astronaut-edited.png" and content.startswith(b"\x89PNG")


def test_save_is_in_sight_on_every_screen_and_reached_in_few_tabs(visit):
    for width, height in ((1440, 900), (1280, 720), (390, 844), (844, 390), (320, 640)):
        visitor = visit(width=width, height=height)
        expect(visitor.room.locator(".saving .save")).to_be_in_viewport(ratio=1)
        assert visitor.page.evaluate("document.documentElement.scrollHeight") <= height
    for _ in range(20):
        visitor.page.keyboard.press("Tab")
        if visitor.page.evaluate("document.activeElement.textContent.trim()") == "Save":
            break
    else:
        raise AssertionError("Save is more than 20 tab stops away")


def test_phones_share_with_their_own_sheet(visit, astronaut):
    def phone(page):
        page.add_init_script(
            """window.shared = [];
               navigator.canShare = ({ files }) => files.length > 0;
               navigator.share = async ({ files }) => { window.shared.push([files[0].name, files[0].type]); };"""
        )

    visitor = visit(width=390, height=844, before=phone)
    visitor.opens(astronaut)
    visitor.drawn(visitor.tile("Big smile").click)
    visitor.press("Share")
    visitor.page.wait_for_function("window.shared.length")
    assert visitor.page.evaluate("window.shared[0]") == ["astronaut-edited.jpg", "image/jpeg"]


def test_a_browser_that_cannot_share_has_no_such_button(opened):
    expect(opened.room.get_by_role("button", name="Share", exact=True)).to_be_hidden()


def test_many_photos_get_the_same_edit_and_a_manifest(opened, astronaut, wall):
    opened.drawn(opened.tile("Big smile").click)
    in_menu(opened, "Many photos…")
    dialog = opened.page.locator("dialog[open]")
    opened.upload(astronaut, wall, name="many")
    expect(dialog.locator(".progress output")).to_have_text("2 of 2, 1 without a result")
    name, content = opened.downloads(dialog.get_by_role("button", name="Save all (ZIP)").click)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["0001-astronaut.jpg", "manifest.json"] and archive.testzip() is None
        photos = json.loads(archive.read("manifest.json"))["photos"]
        assert AI_NOTE.encode() in archive.read("0001-astronaut.jpg")
    assert [photo["ok"] for photo in photos] == [True, False] and photos[1]["error"] == "no face was found"
    dialog.get_by_role("button", name="Close").click()
