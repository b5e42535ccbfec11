"""A visitor of the page, as the tests see one."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import expect

WAIT = 30_000  # ms, on a busy machine
expect.set_options(timeout=WAIT)


class Visitor:
    """One browser session on the app's page, with what it complained about and where it went."""

    def __init__(self, browser, url, width=1280, height=800, room="faces", before=None, **options):
        size = {"width": width, "height": height}
        self.context = browser.new_context(viewport=size, accept_downloads=True, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT)
        self.hosts, self.errors, self.asked = set(), [], []
        self.waiting = set()
        self.page.on("request", self._note)
        for over in ("requestfinished", "requestfailed"):
            self.page.on(over, lambda request: self.waiting.discard(request))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda line: line.type == "error" and self.errors.append(line.text))
        if before is not None:
            before(self.page)
        self.page.goto(url if room == "faces" or "#" in url else f"{url}#{room}")
        self.room = self.page.locator(f".rb.{room}")
        self.stage = self.room.locator(".stage")
        self.patch = self.room.locator(".stage .patch")
        self.photo = self.room.locator(".stage .before")
        self.notice = self.room.locator(".said .notice")
        self.result = self.room.locator(".stage .edited")  # of a digit
        if room in ("faces", "digits"):
            self.sees(self.patch.first if room == "faces" else self.result)

    def _note(self, request):
        self.hosts.add(urlsplit(request.url).hostname)
        if "/page/" in request.url and request.method == "POST":
            self.asked.append(request)
            if not request.url.endswith(("/forget", "/leave")):  # browsers do not report the end of a keepalive request
                self.waiting.add(request)

    def asked_last(self, action):
        """What the page last sent for an action, such as "draw" or "digits/draw"."""
        return [request for request in self.asked if request.url.endswith(f"/{action}")][-1].post_data_json

    def asks_for(self, action, field):
        """Waits until the page has sent an action with this field of its edit, and returns the edit."""
        for _ in range(WAIT // 50):
            edit = self.asked_last(action)["edit"]
            if field in edit:
                return edit
            self.page.wait_for_timeout(50)
        raise AssertionError(f"no {field} in {edit}")

    def sees(self, locator):
        expect(locator).to_be_visible()

    def upload(self, *paths, name="photo"):
        self.page.locator(f"input[name={name}]").first.set_input_files([str(path) for path in paths])

    def opens(self, path):
        """Opens a photo and waits until it is on the stage, as it is."""
        self.changes(self.photo, lambda: self.upload(path))
        expect(self.room.locator(".stage.waiting")).to_have_count(0)

    def changes(self, locator, action, attribute="src"):
        """Does `action` and waits until the locator's attribute is another; gives the new one."""
        before = locator.get_attribute(attribute) if locator.count() else None
        action()
        expect(locator).not_to_have_attribute(attribute, before or "")
        return locator.get_attribute(attribute)

    def drawn(self, action):
        """Does `action` and waits until the server has drawn what it leads to, at rest; gives the picture."""
        with self.page.expect_response(lambda answer: answer.url.endswith("/draw"), timeout=WAIT):
            action()
        self.settled()
        return self.patch.first.get_attribute("src") if self.patch.count() else None

    def settled(self):
        """Waits until no request of ours is on its way, and none has been for a moment."""
        quiet = 0
        for _ in range(WAIT // 50):
            self.page.wait_for_timeout(50)
            quiet = 0 if self.waiting else quiet + 1
            if quiet == 6:
                return
        raise AssertionError(f"still waiting for {[request.url for request in self.waiting]}")

    def slider(self, label):
        return self.room.get_by_role("slider", name=label, exact=True)

    def tile(self, label):
        return self.room.locator(".tiles").get_by_role("button", name=label)

    def press(self, name):
        self.room.get_by_role("button", name=name, exact=True).click()

    def mode(self, name):
        self.room.get_by_role("tab", name=name).click()

    def answer(self, name):
        """Answers a question of the page."""
        self.page.locator("dialog[open]").get_by_role("button", name=name, exact=True).click()

    def downloads(self, action):
        """Does `action`; gives the name and the content of the file that comes."""
        with self.page.expect_download() as download:
            action()
        return download.value.suggested_filename, download.value.path().read_bytes()

    def saves(self):
        return self.downloads(lambda: self.press("Save"))
