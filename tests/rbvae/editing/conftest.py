import pytest

from rbvae import PortraitEditor


@pytest.fixture(scope="module")
def editor(tiny_codes):
    return PortraitEditor.from_pretrained(tiny_codes)


@pytest.fixture(scope="module")
def portrait(editor, astronaut):
    return editor.infer(astronaut)
