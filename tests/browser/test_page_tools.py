"""What can be done with a face: random, copied, in a grid, as a film, on many photos."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from PIL import Image
from playwright.sync_api import expect

from rbvae.editing.batch import edit_all, write_zip
from rbvae.images.ai_metadata import AI_NOTE


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


def test_a_grid_shows_the_chosen_faces_with_the_chosen_expressions(opened):
    opened.tool("Grid")
    rows, columns = opened.bench.locator(".choices.rows"), opened.bench.locator(".choices.columns")
    chosen = rows.locator("[aria-pressed=true]").count()
    assert columns.locator("[aria-pressed=true]").count() == chosen >= 3
    rows.locator("button").nth(1).click()
    for number in (0, 2):
        columns.locator("button").nth(number).click()
    opened.press("Make the grid")
    cells = opened.bench.locator(".gridded td img")
    high, wide = chosen - 1 + 1, chosen - 2 + 2  # yours is a row more; at rest and yours, two columns more
    expect(cells).to_have_count(high * wide)
    assert cells.nth(2).get_attribute("alt").endswith(columns.locator("img").nth(1).get_attribute("alt"))
    assert cells.nth(wide).get_attribute("alt").startswith(rows.locator("img").first.get_attribute("alt"))
    opened.changes(opened.edit, lambda: cells.first.click())
    with Image.open(io.BytesIO(opened.downloads("Download the grid"))) as grid:
        assert grid.size == (64 * (wide + 1), 64 * (high + 1))


def test_many_photos_are_edited_with_progress_into_a_zip(opened, editors, astronaut, several, wall):
    opened.slide()
    opened.tool("Many photos")
    opened.upload(astronaut, wall, several, name="many")
    expect(opened.bench.locator(".progress output")).to_have_text("3 of 3, 1 without a result")
    expect(opened.bench.locator(".batch .notice")).to_have_text("wall.png: no face was found")
    with zipfile.ZipFile(io.BytesIO(opened.downloads("Download all (ZIP)"))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["0001-astronaut.jpg", "0003-two.jpg", "manifest.json"]
        with Image.open(io.BytesIO(archive.read("0003-two.jpg"))) as photo:
            assert photo.size == (900, 512) and photo.info["comment"].decode() == AI_NOTE
        manifest = json.loads(archive.read("manifest.json"))
    by_library = io.BytesIO()
    write_zip(edit_all(editors.faces, [(path.name, path) for path in (astronaut, wall, several)]), by_library)
    expected = json.loads(zipfile.ZipFile(by_library).read("manifest.json"))
    assert shape(manifest) == shape(expected) and manifest["note"] == expected["note"]


def shape(manifest):
    """What a manifest says, without what depends on the expression and on the words for an error."""
    return [{**entry, "identity_shift": 0, "identity_shift_in_words": "", "error": ""} for entry in manifest["photos"]]


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
    opened.page.wait_for_function("(film) => film.naturalWidth == 512", arg=film.element_handle())
    with Image.open(io.BytesIO(opened.downloads("Download the film"))) as film:
        assert film.n_frames > 20 and b"Edited by AI" in film.info["xmp"]


@pytest.mark.parametrize(("kind", "seen"), [("mp4", "video"), ("gif", "img")])
def test_a_film_comes_as_mp4_and_as_gif_too(opened, kind, seen):
    opened.bench.locator(".strip button").last.click()
    opened.tool("Film")
    opened.bench.locator(".format").select_option(kind)
    opened.press("Make the film")
    film = opened.bench.locator(f".film {seen}")
    opened.sees(film)
    side = {"video": "videoWidth", "img": "naturalWidth"}[seen]
    opened.page.wait_for_function(f"(film) => film.{side} == 512", arg=film.element_handle())
    content = opened.downloads("Download the film")
    assert {"mp4": b"ftyp", "gif": b"GIF89a"}[kind] in content[:16] and AI_NOTE.encode() in content


def test_arrow_keys_walk_the_tools(opened):
    tabs = opened.bench.locator(".names").get_by_role("tab")
    tabs.first.focus()
    for key, name in (("ArrowRight", "Random"), ("ArrowRight", "Copy a face"), ("ArrowLeft", "Random")):
        opened.page.keyboard.press(key)
        chosen = opened.bench.get_by_role("tab", name=name)
        expect(chosen).to_have_attribute("aria-selected", "true")
        expect(chosen).to_be_focused()
        expect(opened.bench.get_by_role("tabpanel", name=name)).to_be_visible()
    assert [tab.get_attribute("tabindex") for tab in tabs.all()].count("0") == 1  # the Tab key passes the others by
