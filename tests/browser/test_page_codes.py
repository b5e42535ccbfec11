"""The page with a model of codes: what it shows are edits of the photo, and no other way into it is offered."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from playwright.sync_api import expect

from app.app import build, launch
from browser.visitor import Visitor
from rbvae.images.ai_metadata import AI_NOTE


@pytest.fixture(scope="module")
def visitor(browser, code_editors, astronaut):
    """A visitor with a photo of their own."""
    demo = build(code_editors)
    _, url, _ = launch(demo, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    arrived = Visitor(browser, url)
    arrived.opens(astronaut)
    yield arrived
    assert not arrived.errors
    arrived.context.close()
    demo.close(verbose=False)


def test_the_server_draws_and_the_photo_follows_a_slider(visitor):
    expect(visitor.bench).to_have_attribute("data-drawn", "by the server")
    visitor.changes(visitor.patch, visitor.slide)
    expect(visitor.value).to_have_text("+0.20")
    expect(visitor.bench.locator(".moving")).to_be_hidden()


def test_an_untouched_photo_is_shown_as_the_edit_and_not_the_models_copy(visitor):
    visitor.press("Reset")
    original = visitor.bench.locator(".original img")
    size = "(image) => [image.naturalWidth, image.naturalHeight]"
    assert visitor.edit.evaluate(size) == original.evaluate(size)


def test_neither_another_way_into_the_photo_nor_a_likeness_is_offered(visitor):
    expect(visitor.bench.locator(".blends")).to_be_hidden()
    expect(visitor.bench.locator(".identity-shift")).to_be_hidden()
    assert not [request for request in visitor.asked if request.url.endswith(("/identity_shift", "/previews"))]


def test_tiles_donors_and_the_grid_are_edits_of_photos(visitor):
    visitor.tool("Random")
    expect(visitor.bench.locator(".random img")).to_have_count(8)
    visitor.changes(visitor.edit, visitor.bench.locator(".random button").nth(3).click)
    visitor.tool("Copy a face")
    visitor.changes(visitor.edit, visitor.bench.locator(".donors button").nth(1).click)
    visitor.tool("Grid")
    visitor.press("Make the grid")
    visitor.sees(visitor.bench.locator(".gridded td img").first)


def test_the_photo_is_saved_and_filmed_at_its_own_size(visitor):
    with Image.open(io.BytesIO(visitor.downloads("Download"))) as photo:
        assert photo.size == (512, 512) and photo.info["comment"].decode() == AI_NOTE
    visitor.tool("Film")
    visitor.bench.locator(".format").select_option("webp")
    visitor.press("Make the film")
    film = visitor.bench.locator(".film img")
    visitor.sees(film)
    visitor.page.wait_for_function("(film) => film.naturalWidth == 512", arg=film.element_handle())


def test_many_photos_are_edited(visitor, astronaut):
    visitor.tool("Many photos")
    visitor.upload(astronaut, astronaut, name="many")
    visitor.sees(visitor.bench.get_by_role("button", name="Download all"))
    expect(visitor.bench.locator(".batch img")).to_have_count(2)
