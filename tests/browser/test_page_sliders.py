"""Moving sliders: what is drawn, undone, reset, and said about it."""

from __future__ import annotations

from playwright.sync_api import expect

from browser.visitor import cannot_draw


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


def test_the_server_pastes_while_the_mouse_is_held_one_request_at_a_time(visit, astronaut):
    visitor = visit(before=cannot_draw)
    visitor.opens(astronaut)
    under_way, most = set(), []

    def begun(request):
        if request.url.endswith("/paste"):
            under_way.add(request)
            most.append(len(under_way))

    visitor.page.on("request", begun)
    visitor.page.on("requestfinished", lambda request: under_way.discard(request))
    frame = visitor.slider.bounding_box()
    left, middle = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    visitor.page.mouse.move(left, middle)
    visitor.page.mouse.down()
    for percent in range(1, 40):
        visitor.page.mouse.move(left + percent * frame["width"] / 100, middle)
    held = float(visitor.value.inner_text())
    visitor.page.wait_for_timeout(1000)
    pasted, shown = visitor.asked_last("paste"), visitor.patch.get_attribute("src")
    assert held > 1 and pasted["change"]["values"][0] == held  # with the button still down
    visitor.page.mouse.up()
    visitor.page.wait_for_timeout(500)
    assert visitor.patch.get_attribute("src") == shown and visitor.asked_last("paste") == pasted
    assert len(most) > 1 and max(most) == 1


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
    assert opened.changes(opened.edit, lambda: opened.page.keyboard.press("Control+z")) == start
    assert opened.changes(opened.edit, lambda: opened.page.keyboard.press("Control+Shift+z")) == far


def test_every_edit_says_how_much_likeness_it_keeps(opened):
    meter = opened.bench.locator("meter")
    expect(opened.bench.locator(".identity-shift output")).to_have_text("same person")
    before = meter.evaluate("(meter) => meter.value")
    opened.bench.locator(".strip button").last.click()
    opened.page.wait_for_function("([m, v]) => m.value < v", arg=[meter.element_handle(), before])
