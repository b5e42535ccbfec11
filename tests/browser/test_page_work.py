"""The visitor's work: versions, links and presets, the connection, pictures that the server has forgotten."""

from __future__ import annotations

import json
import re

from playwright.sync_api import expect


def settings(visitor):
    visitor.room.get_by_text("Advanced", exact=True).click()
    return visitor.room.get_by_label("Settings as JSON")


def test_every_start_is_a_version_to_go_back_to(visit, astronaut):
    visitor = visit()
    visitor.opens(astronaut)
    versions = visitor.room.locator(".versions button")
    smile = visitor.drawn(visitor.tile("Big smile").click)
    expect(versions).to_have_count(0)  # one is no choice
    visitor.drawn(visitor.tile("Surprised").click)
    visitor.slider("Amount").fill("80")
    expect(versions).to_have_count(2)
    visitor.sees(versions.nth(1).locator("img"))
    assert visitor.drawn(versions.first.click) == smile
    expect(versions.first).to_have_attribute("aria-pressed", "true")


def test_a_preset_gives_the_same_picture_again_random_ones_too(visit, astronaut):
    visitor = visit()
    visitor.opens(astronaut)
    text = settings(visitor)
    for tile in ("Surprise me", "Big smile"):
        picture = visitor.drawn(visitor.tile(tile).click)
        preset = text.input_value()
        visitor.press("Reset")
        expect(visitor.patch).to_have_count(0)
        text.fill(preset)
        assert visitor.drawn(lambda: visitor.press("Apply")) == picture


def test_a_link_gives_the_same_picture_to_the_next_photo(visit, astronaut):
    visitor = visit()
    visitor.opens(astronaut)
    visitor.mode("Fine-tune")
    visitor.slider("Smile").fill("40")
    visitor.slider("Eyelids").fill("30")
    edit = visitor.asks_for("draw", "gesture")
    visitor.settled()
    picture = visitor.patch.get_attribute("src")
    settings(visitor)
    visitor.press("Copy a link")
    link = visitor.room.get_by_label("Settings as JSON").input_value()
    other = visit(link[link.index("#") :])
    other.settled()
    assert other.asked_last("draw")["edit"] == edit
    other.opens(astronaut)
    other.settled()
    assert other.patch.get_attribute("src") == picture


def test_a_link_to_a_random_expression_gives_the_same_picture(visit, astronaut):
    visitor = visit()
    visitor.opens(astronaut)
    picture = visitor.drawn(visitor.tile("Surprise me").click)
    settings(visitor)
    visitor.press("Copy a link")
    link = visitor.room.get_by_label("Settings as JSON").input_value()
    other = visit(link[link.index("#") :])
    other.opens(astronaut)
    other.settled()
    assert other.patch.get_attribute("src") == picture


def test_a_wrong_link_or_preset_is_refused_in_words(visit, opened):
    visitor = visit("#faces?grin=1")
    expect(visitor.notice).to_contain_text('There is no "grin" here.')
    text = settings(opened)
    cases = {"{": "This is no JSON", '{"smile": "x"}': "needs a number", '{"tile": "grin"}': 'no "grin"'}
    for given, words in cases.items():
        text.fill(given)
        opened.press("Apply")
        expect(opened.notice).to_contain_text(words)
    opened.room.get_by_text("Advanced", exact=True).click()


def test_a_lost_connection_is_said_and_heals(visit, astronaut):
    visitor = visit()
    visitor.opens(astronaut)
    visitor.context.set_offline(True)
    visitor.tile("Surprised").click()
    banner = visitor.room.locator(".connection")
    expect(banner).to_contain_text("Your work is kept here", timeout=15_000)
    visitor.context.set_offline(False)
    expect(banner).to_be_hidden(timeout=15_000)
    visitor.sees(visitor.patch)
    expect(visitor.tile("Surprised")).to_have_attribute("aria-pressed", "true")


def test_what_the_server_has_forgotten_is_opened_again(visit, demo, astronaut, several):
    visitor = visit()
    visitor.opens(astronaut)
    visitor.mode("From a photo")
    visitor.upload(several, name="donor")
    visitor.settled()
    demo.visits.clear()
    visitor.mode("Expressions")
    visitor.drawn(visitor.tile("Surprised").click)
    visitor.mode("From a photo")
    visitor.drawn(visitor.room.locator(".donors button").first.click)
    expect(visitor.notice).to_have_count(0)


def test_another_room_keeps_the_work(visit, astronaut):
    visitor = visit()
    visitor.opens(astronaut)
    picture = visitor.drawn(visitor.tile("Surprised").click)
    visitor.press("rbvae")
    visitor.room.get_by_role("menuitem", name="Digits").click()
    visitor.sees(visitor.page.locator(".rb.digits .stage .edited"))
    digits = visitor.page.locator(".rb.digits")
    digits.get_by_role("button", name="rbvae").click()
    digits.get_by_role("menuitem", name="Faces").click()
    assert visitor.patch.get_attribute("src") == picture
    expect(visitor.tile("Surprised")).to_have_attribute("aria-pressed", "true")


def test_the_model_is_seen_only_when_asked_for(opened):
    assert not [one for one in opened.asked if one.url.endswith("/seen")]
    opened.room.get_by_text("Advanced", exact=True).click()
    opened.room.get_by_text("What the model sees").click()
    opened.sees(opened.room.get_by_alt_text("The model's copy of the face"))
    latents = json.loads(opened.room.get_by_label("Latent values as JSON").input_value())
    assert len(latents["e"]) == 4 and len(latents["z"]) == 8
    opened.room.get_by_text("Advanced", exact=True).click()


def test_a_grid_is_made_and_saved(opened):
    opened.room.get_by_text("Advanced", exact=True).click()
    opened.room.get_by_text("Grid of faces").click()
    opened.press("Make the grid")
    expect(opened.room.locator(".gridded td img")).to_have_count(5 * 6)
    name, content = opened.downloads(lambda: opened.press("Save the grid"))
    assert name == "grid.png" and re.match(b"\x89PNG", content)
    opened.drawn(opened.room.locator(".gridded td button").nth(2).click)
    opened.room.get_by_text("Advanced", exact=True).click()
