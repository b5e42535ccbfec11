"""Claims about the page's scripts in one file."""

from __future__ import annotations

import re

import pytest

from app.server.bundle import SCRIPTS, bundle


def test_every_script_of_the_page_is_in_it_once_after_those_it_needs():
    text = bundle().content.decode()
    names = re.findall(r'^modules\["([\w./]+)"\] = ', text, re.MULTILINE)
    assert sorted(names) == sorted([*(path.name for path in SCRIPTS.glob("*.js")), "live/crop.js"])
    for path in SCRIPTS.glob("*.js"):
        for needed in re.findall(r'from "\./([\w/.-]+)"', path.read_text(encoding="utf-8")):
            assert names.index(needed) < names.index(path.name)
    assert "export const { followLinks, mount } = " in text


def test_its_version_changes_with_its_content(tmp_path):
    (tmp_path / "one.js").write_text("export const one = 1;\n")
    (tmp_path / "main.js").write_text(
        'import { one as first } from "./one.js";\nexport function main() { return first; }\n'
    )
    first = bundle(tmp_path)
    assert b"const { one: first } = modules" in first.content
    bundle.cache_clear()
    (tmp_path / "one.js").write_text("export const one = 2;\n")
    assert bundle(tmp_path).version != first.version


@pytest.mark.parametrize(
    "line", ['import * as all from "./one.js";', "export default 1;", 'export { one } from "./one.js";']
)
def test_a_form_that_it_does_not_know_is_refused(tmp_path, line):
    (tmp_path / "one.js").write_text("export const one = 1;\n")
    (tmp_path / "main.js").write_text(line + "\n")
    with pytest.raises(ValueError, match=r"main.js has the line .* which cannot be bundled"):
        bundle(tmp_path)
