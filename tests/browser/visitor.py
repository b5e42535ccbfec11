"""A visitor of the page, as the tests see one."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import expect

WAIT = 30_000  # ms, on a busy machine


def cannot_draw(page):
    """For `before`: a browser that gets no generator, so that the server draws."""
    page.route(re.compile("/generator[?]"), lambda route: route.abort())


class Visitor:
    """One browser session on the app's page, with what it complained about and where it went."""

    def __init__(self, browser, url, width=1280, height=900, bench="faces", before=None, **options):
        size = {"width": width, "height": height}
        self.context = browser.new_context(viewport=size, accept_downloads=True, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT)
        self.hosts, self.errors, self.asked = set(), [], []
        self.page.on("request", self._note)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda line: line.type == "error" and self.errors.append(line.text))
        if before is not None:
            before(self.page)
        self.page.goto(url)
        self.bench = self.page.locator(f".rb.{bench}")
        self.edit = self.bench.locator(".edit img")
        self.patch = self.bench.locator(".patch")
        self.notice = self.bench.locator(".notice")
        self.slider = self.bench.locator(".sliders input[type=range]").first
        self.value = self.bench.locator(".sliders output").first
        if bench == "digits" and "#" not in url:
            self.page.get_by_role("tab", name="Digits").click()
        self.sees(self.edit)

    def _note(self, request):
        self.hosts.add(urlsplit(request.url).hostname)
        if "/page/" in request.url and request.method == "POST":
            self.asked.append(request)

    def asked_last(self, action):
        """What the page last sent for an action."""
        return [request for request in self.asked if request.url.endswith(f"/{action}")][-1].post_data_json

    def sees(self, locator):
        expect(locator).to_be_visible(timeout=WAIT)

    def upload(self, *paths, name="photo"):
        self.bench.locator(f"input[name={name}]").set_input_files([str(path) for path in paths])

    def opens(self, path):
        """Uploads a photo and waits until it is edited in place of the last one."""
        original = self.bench.locator(".original img")
        self.changes(original, lambda: self.upload(path))
        self.sees(self.patch)

    def changes(self, locator, action, attribute="src"):
        """Does `action` and waits until the locator's attribute is another; gives the new one."""
        before = locator.get_attribute(attribute)
        action()
        expect(locator).not_to_have_attribute(attribute, before or "", timeout=WAIT)
        return locator.get_attribute(attribute)

    def slide(self, presses=4):
        self.slider.focus()
        for _ in range(presses):
            self.page.keyboard.press("ArrowRight")

    def press(self, name):
        self.bench.get_by_role("button", name=name, exact=True).click()

    def tool(self, name):
        self.bench.get_by_role("tab", name=name).click()

    def downloads(self, name):
        with self.page.expect_download() as download:
            self.press(name)
        return download.value.path().read_bytes()
