"""One server and one browser for all tests of the page."""

from __future__ import annotations

import shutil

import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from app.app import build, launch
from app.server.editors import Editors
from browser.visitor import Visitor
from rbvae import PortraitEditor, StyleEditor

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


class CountingEditor(PortraitEditor):
    """Counts how often a photo is inferred."""

    inferred = 0

    def infer(self, *args, **kwargs):
        self.inferred += 1
        return super().infer(*args, **kwargs)


@pytest.fixture(scope="package")
def editors(tiny_codes, tiny_digits):
    return Editors(CountingEditor.from_pretrained(tiny_codes), StyleEditor.from_pretrained(tiny_digits))


@pytest.fixture(scope="package")
def demo(editors):
    return build(editors)


@pytest.fixture(scope="package")
def url(demo):
    _, address, _ = launch(demo, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    yield address
    demo.close(verbose=False)


@pytest.fixture(scope="package")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium, chromium-browser or google-chrome installed")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="package")
def visit(browser, url):
    visitors = []

    def arrive(path="", **options):
        visitors.append(Visitor(browser, url + path, **options))
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        visitor.context.close()


@pytest.fixture(scope="package")
def regular(visit, astronaut):
    """A visitor who stays for several tests, with a photo of their own."""
    visitor = visit()
    visitor.opens(astronaut)
    return visitor


@pytest.fixture
def opened(regular):
    """The same, back at the photo as it is."""
    regular.mode("Expressions")
    regular.press("Reset")
    expect(regular.patch).to_have_count(0)
    return regular


@pytest.fixture(scope="package")
def several(astronaut, tmp_path_factory):
    """A photo of two faces, the one on the right larger."""
    path = tmp_path_factory.mktemp("photos") / "two.jpg"
    with Image.open(astronaut) as one:
        both = Image.new("RGB", (900, 512), "gray")
        both.paste(one.resize((380, 380)), (0, 100))
        both.paste(one, (388, 0))
        both.save(path, quality=92)
    return path


@pytest.fixture(scope="package")
def wall(tmp_path_factory):
    """A photo of nobody."""
    path = tmp_path_factory.mktemp("photos") / "wall.png"
    Image.new("RGB", (300, 200), "gray").save(path)
    return path
