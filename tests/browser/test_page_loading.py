"""Loading: few requests of our own, nothing from elsewhere, no shift; and drawing in the browser where it can."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image
from playwright.sync_api import expect

SHIFT = """new PerformanceObserver((list) => {
  for (const one of list.getEntries()) window.shift = (window.shift ?? 0) + one.value;
}).observe({ type: "layout-shift", buffered: true });"""

ENGINE = """window.drawn = [];
export class LiveStage {
  static async create(host, { modelUrl, photo, size }) {
    window.options = { modelUrl, size, photo: photo.width };
    return new LiveStage();
  }
  async addFace(key, buffer) { window.added = [key, buffer.byteLength > 0]; }
  view(view) { window.seen = view; }
  async draw(edits) { window.drawn.push(edits); }
  dispose() {}
}"""


def test_the_page_asks_for_little_and_nothing_from_elsewhere(visit):
    visitor = visit()
    visitor.settled()
    assert visitor.hosts <= {"127.0.0.1", None, ""}  # data: and blob: have no host
    assert len(visitor.asked) <= 7  # the example, its photo, one edit, eight tiles, and what live drawing needs
    assert visitor.errors == []
    scripts = visitor.page.evaluate(
        "performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => name.includes('/page/js/'))"
    )
    assert len(set(scripts)) == 2  # the page's, and those of live drawing


def test_nothing_shifts_once_the_page_is_there(visit, astronaut):
    visitor = visit(before=lambda page: page.add_init_script(SHIFT))
    visitor.settled()
    at_first = visitor.page.evaluate("window.shift ?? 0")
    assert at_first < 0.1
    visitor.opens(astronaut)
    stage = visitor.stage.bounding_box()
    for tile in ("Surprised", "Big smile"):
        visitor.drawn(visitor.tile(tile).click)
    visitor.sees(visitor.room.locator(".versions button").first)
    assert visitor.stage.bounding_box() == stage
    assert visitor.page.evaluate("window.shift ?? 0") - at_first < 0.1


def test_rooms_are_filled_when_they_are_first_visited(visit):
    visitor = visit()
    assert not [one for one in visitor.asked if "/digits/" in one.url]
    expect(visitor.page.locator(".rb.digits .stage")).to_have_count(0)


def test_a_link_to_the_digits_leaves_the_faces_for_later(visit):
    visitor = visit(room="digits")
    visitor.settled()
    assert not [one for one in visitor.asked if "/faces/" in one.url]
    expect(visitor.page.locator(".rb.faces .stage")).to_have_count(0)
    visitor.press("rbvae")
    visitor.room.get_by_role("menuitem", name="Faces").click()
    visitor.sees(visitor.page.locator(".rb.faces .stage .patch").first)


def pixels(url):
    with Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1]))) as picture:
        return np.asarray(picture.convert("RGB"), float)


def test_the_browser_draws_thumbnails_like_the_servers_once_it_can(visit, astronaut):
    def version(visitor):
        visitor.drawn(visitor.tile("Big smile").click)
        visitor.drawn(lambda: visitor.slider("Amount").press("PageDown"))  # so that it is none of the tiles
        visitor.drawn(visitor.tile("Surprised").click)
        visitor.settled()
        image = visitor.room.locator(".versions img").first
        visitor.sees(image)
        return pixels(image.get_attribute("src"))

    here = visit()
    here.opens(astronaut)
    expect(here.room).to_have_attribute("data-drawn", "here")
    here.settled()
    asked = len(here.asked)
    drawn = version(here)
    assert not [one for one in here.asked[asked:] if one.url.endswith("/tiles")]
    server = visit(before=lambda page: page.route("**/page/js/live-*.js", lambda route: route.abort()))
    server.opens(astronaut)
    theirs = version(server)
    assert drawn.shape == theirs.shape and 0 < ((drawn - theirs) ** 2).mean() < 40  # grey levels squared: 32 dB


def live(page, engine=ENGINE):
    """Gives the page an engine, and the addresses that the server does not offer yet."""
    page.route("**/page/js/live-test.js", lambda route: route.fulfill(content_type="text/javascript", body=engine))
    page.add_init_script("""const parse = JSON.parse; JSON.parse = (text, ...rest) => {
      const value = parse(text, ...rest);
      if (value?.kind === "faces") value.live = { script: "page/js/live-test.js", model: "page/faces/model?test" };
      return value; };""")


def test_while_a_slider_moves_the_browser_draws_alone_if_it_has_an_engine(visit, astronaut):
    visitor = visit(before=live)
    visitor.opens(astronaut)
    expect(visitor.room).to_have_attribute("data-drawn", "here")
    visitor.settled()
    assert visitor.page.evaluate("window.options.size") == [512, 512]
    visitor.mode("Fine-tune")
    start = len(visitor.asked)
    visitor.slider("Smile").evaluate(
        """(range) => { for (const value of [10, 20, 30]) {
          range.value = value;
          range.dispatchEvent(new Event("input", { bubbles: true }));
        } }"""
    )
    assert len(visitor.asked) == start
    (edit,) = visitor.page.evaluate("window.drawn.at(-1)")
    assert edit["named"]["smile"] > 0 and len(edit["e"]) == 4 and edit["closing"] is None
    assert visitor.page.evaluate("window.added[1]") and visitor.page.evaluate("window.seen.zoom") > 0
    visitor.drawn(lambda: visitor.slider("Smile").dispatch_event("change"))
    expect(visitor.room.locator(".stage .live")).to_be_hidden()


def test_where_the_engine_fails_the_server_draws(visit, astronaut):
    visitor = visit(before=lambda page: live(page, "throw new Error('no WebGL here');"))
    visitor.opens(astronaut)
    expect(visitor.room).to_have_attribute("data-drawn", "by the server")
    visitor.drawn(visitor.tile("Surprised").click)
