"""Settings that travel, and photos that stay private."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

from playwright.sync_api import expect


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
    text.fill('{"smile": 50, "frown": -1}')
    opened.press("Apply")
    expect(opened.notice).to_contain_text("Limited to what the model has seen: smile 50 became ")
    assert float(opened.value.inner_text()) <= 5 and json.loads(text.input_value())["frown"] == -1
    opened.bench.get_by_text("Save or share these settings").click()


def test_a_link_beyond_what_the_model_has_seen_is_limited_too(visit):
    visitor = visit("#faces?smile=-40")
    expect(visitor.notice).to_contain_text("smile -40 became ")
    assert float(visitor.value.inner_text().replace("−", "-")) >= -5


def test_a_random_expression_travels_as_it_is(opened):
    opened.tool("Random")
    drawn = opened.changes(opened.edit, lambda: opened.bench.locator(".random button").nth(2).click())
    opened.tool("Sliders")
    opened.bench.get_by_text("Save or share these settings").click()
    text = opened.bench.get_by_label("Slider values as JSON")
    expect(text).not_to_have_value("{}")
    preset = text.input_value()
    opened.press("Reset")
    expect(opened.edit).not_to_have_attribute("src", drawn)
    text.fill(preset)
    opened.changes(opened.edit, lambda: opened.press("Apply"))
    expect(opened.edit).to_have_attribute("src", drawn)
    expect(opened.bench.get_by_text("Limited to")).to_have_count(0)
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


def test_a_link_about_a_digit_opens_the_digits(visit):
    visitor = visit("#digits?green=1.5", bench="digits")
    tab = visitor.page.get_by_role("tab", name="Digits", exact=True)
    expect(tab).to_have_attribute("aria-selected", "true")
    expect(visitor.bench.locator(".sliders output").nth(1)).to_have_text("+1.50")


def test_a_link_followed_later_opens_its_tab_too(visit):
    visitor = visit()
    visitor.page.evaluate("location.hash = 'digits?red=-1'")
    digits = visitor.page.locator(".rb.digits")
    visitor.sees(digits.locator(".edit img"))
    expect(digits.locator(".sliders output").first).to_have_text("−1.00")
    visitor.page.evaluate("location.hash = 'faces?smile=2'")
    expect(visitor.value).to_have_text("+2.00")
    expect(visitor.bench).to_be_visible()


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
    assert visitor.bench.locator("img").count() == 0 and list(demo.visits._stored) == [others]
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
    assert key in demo.visits._stored
    visitor.page.goto("about:blank")
    visitor.page.wait_for_timeout(300)
    assert key not in demo.visits._stored


def test_visitors_have_keys_of_their_own(opened, visit, astronaut):
    other = visit()
    other.opens(astronaut)
    other.slide()
    opened.changes(opened.edit, opened.slide)
    keys = [who.asked_last("draw")["key"] for who in (opened, other)]
    assert keys[0] != keys[1]


def test_a_connection_that_breaks_once_is_tried_again(visit):
    broken = []

    def break_once(route):
        if broken:
            return route.continue_()
        broken.append(route)
        return route.abort("connectionreset")

    visitor = visit(before=lambda page: page.route(re.compile("/neutral$"), break_once))
    visitor.changes(visitor.edit, lambda: visitor.press("Neutral"))
    assert broken and not visitor.bench.locator(".notice.error").count()
    visitor.errors.clear()  # the browser says that it broke
