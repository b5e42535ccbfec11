"""Films: of all faces with an edit, of a face that follows a clip; with progress and Cancel, and refused in words."""

from __future__ import annotations

import re

import numpy as np
import pytest
from clips import write_clip
from PIL import Image
from playwright.sync_api import expect

from rbvae.images.ai_metadata import AI_NOTE
from rbvae.images.clips import Clip


@pytest.fixture(scope="module")
def group(visit, several):
    """A visitor with edits of both faces of a group, who has asked for less motion."""
    visitor = visit(reduced_motion="reduce")
    visitor.opens(several)
    return visitor


@pytest.fixture(scope="module")
def clip(astronaut, tmp_path_factory):
    with Image.open(astronaut) as photo:
        pictures = [np.asarray(photo.resize((256, 256)))] * 12
    return write_clip(tmp_path_factory.mktemp("clips") / "me.mp4", pictures, np.arange(12) / 12)


def window(visitor, name):
    visitor.press("Save as…")
    visitor.room.locator(".saving").get_by_role("menuitem", name=name).click()
    return visitor.page.locator("dialog[open]")


def test_a_film_in_which_nothing_changes_is_refused(group):
    dialog = window(group, "Film…")
    dialog.get_by_role("button", name="Make the film").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Nothing changes yet. Choose an expression first")
    dialog.get_by_role("button", name="Close").click()
    assert not [one for one in group.asked if one.url.endswith("/film")]


def test_a_film_of_a_group_shows_every_edit_at_the_photos_size_and_is_still_at_first(group):
    group.drawn(group.tile("Big smile").click)
    group.room.locator(".chips button").first.click()
    expect(group.tile("As is")).to_have_attribute("aria-pressed", "true")
    group.drawn(group.tile("Surprised").click)
    dialog = window(group, "Film…")
    dialog.get_by_role("button", name="Make the film").click()
    film = dialog.locator("video")
    group.sees(film)
    assert not film.evaluate("(video) => video.autoplay") and film.evaluate("(video) => video.paused")
    name, content = group.downloads(dialog.get_by_role("button", name="Save the film").click)
    assert name == "two-edited.mp4" and AI_NOTE.encode() in content
    frames = [frame.pixels.astype(int) for frame in Clip(content, 20).frames(2000)]
    assert frames[0].shape == (512, 900, 3)
    changed = np.abs(frames[len(frames) // 2] - frames[0]).max(axis=2) > 12
    assert changed[:, :388].mean() > 0.002 and changed[:, 388:].mean() > 0.002
    dialog.get_by_role("button", name="Close").click()


def test_an_animated_picture_is_still_until_it_is_played(group):
    dialog = window(group, "Film…")
    dialog.locator(".format").select_option("webp")
    dialog.locator(".view").select_option("crop")
    dialog.get_by_role("button", name="Make the film").click()
    picture = dialog.get_by_alt_text("The change as a film")
    expect(picture).to_have_attribute("src", re.compile("^data:image/jpeg"), timeout=30_000)
    dialog.get_by_role("button", name="Play").click()
    expect(picture).to_have_attribute("src", re.compile("^blob:"))
    assert len(group.asked_last("film")["edits"]) == 1
    dialog.get_by_role("button", name="Close").click()


def test_a_film_can_be_cancelled(group):
    dialog = window(group, "Film…")
    dialog.locator(".format").select_option("gif")
    dialog.locator(".view").select_option("photo")
    dialog.get_by_role("button", name="Make the film").click()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Cancelled")
    expect(dialog.get_by_role("button", name="Make the film")).to_be_enabled()
    dialog.get_by_role("button", name="Close").click()


def test_the_face_follows_a_clip(group, clip):
    group.mode("From a photo")
    group.press("Follow a clip…")
    dialog = group.page.locator("dialog[open]")
    expect(dialog.get_by_role("button", name="Follow the clip")).to_be_disabled()
    group.upload(clip, name="clip")
    dialog.get_by_role("button", name="Follow the clip").click()
    expect(dialog.locator("video")).to_be_visible(timeout=90_000)
    name, content = group.downloads(dialog.get_by_role("button", name="Save the film").click)
    assert name == "two-follows-me.mp4" and AI_NOTE.encode() in content
    assert len(list(Clip(content, 20).frames(2000))) == 12
    dialog.get_by_role("button", name="Close").click()


def test_clips_that_are_too_long_too_large_or_none_are_refused_in_words(group, tmp_path):
    dialog = window(group, "Follow a clip…")
    long = write_clip(tmp_path / "long.mp4", [np.zeros((32, 32, 3), np.uint8)] * 44, np.arange(44) / 2)
    (tmp_path / "large.mp4").write_bytes(bytes(40_000_001))
    (tmp_path / "words.mp4").write_text("words")
    (tmp_path / "words.txt").write_text("words")
    cases = {
        long: "This clip lasts 22 seconds, and 20 is the most.",
        tmp_path / "large.mp4": "and 40 MB is the most",
        tmp_path / "words.txt": "This is no clip.",
    }
    for path, words in cases.items():
        group.upload(path, name="clip")
        expect(dialog.get_by_role("alert")).to_contain_text(words)
        expect(dialog.get_by_role("button", name="Follow the clip")).to_be_disabled()
    group.upload(tmp_path / "words.mp4", name="clip")
    dialog.get_by_role("button", name="Follow the clip").click()
    expect(dialog.get_by_role("alert")).to_contain_text("not a film that can be read", timeout=30_000)
    dialog.get_by_role("button", name="Close").click()
