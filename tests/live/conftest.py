"""One browser with software WebGL for all tests of live drawing, and the examples as the shipped model infers them."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.tools.live_page import CHROMIUM, LivePage
from rbvae import PortraitEditor
from rbvae.editing.portrait_file import PortraitFiles
from tests.live.comparing import EXAMPLES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="package")
def editor():
    return PortraitEditor.from_pretrained(ROOT / "checkpoints" / "faces")


@pytest.fixture(scope="package")
def files(editor):
    return PortraitFiles(editor)


@pytest.fixture(scope="package")
def synthetic(editor):
    """A face of a person who does not exist, 199 pixels high, which fills its photo."""
    return editor.infer(ROOT / "tests" / "photos" / "made-up-1.jpg")


@pytest.fixture(scope="package")
def small(editor):
    """A smiling face of 106 pixels in a larger photo."""
    return editor.infer(EXAMPLES / "astronaut.jpg")


@pytest.fixture(scope="package")
def closed(editor):
    """A face of a person who does not exist, 344 pixels high, with closed lips and open eyes."""
    return editor.infer(EXAMPLES / "person-1.jpg")


@pytest.fixture(scope="package")
def live(files):
    if CHROMIUM is None:
        pytest.skip("no chromium, chromium-browser or google-chrome installed")
    with LivePage(files) as page:
        yield page
