"""The scripts of the page as one file: the modules in app/js, each in a function of its own, in order of imports.

It knows the forms that these modules use: `import { a, b as c } from "./x.js"`, `export function`, `export async
function`, `export class` and `export const`. A dynamic import(...) stays as it is.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1] / "js"
ENTRY = "main.js"
ENGINE, ENGINE_ENTRY = SCRIPTS / "live", "stage.js"  # live drawing, loaded after the page
IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w/.-]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export ((?:async )?(?:function|class|const) (\w+))", re.MULTILINE)


@dataclass(frozen=True)
class Bundle:
    """The file, also compressed, and a version that changes with its content."""

    content: bytes
    gzipped: bytes
    version: str


@functools.cache
def bundle(folder: Path = SCRIPTS, entry: str = ENTRY) -> Bundle:
    """Return the scripts of a folder as one module, which exports what its entry exports."""
    modules: dict[str, str] = {}
    _add(folder, entry, modules)
    exported = ", ".join(name for _, name in EXPORT.findall((folder / entry).read_text(encoding="utf-8")))
    parts = ["const modules = {};", *modules.values(), f'export const {{ {exported} }} = modules["{entry}"];']
    content = "\n".join(parts).encode() + b"\n"
    return Bundle(content, gzip.compress(content, mtime=0), hashlib.sha256(content).hexdigest()[:16])


def _add(folder: Path, name: str, modules: dict[str, str]) -> None:
    """Add a module after those that it imports. Raises ValueError for an import or export that is not known here."""
    text = (folder / name).read_text(encoding="utf-8")
    for _, imported in IMPORT.findall(text):
        if imported not in modules:
            _add(folder, imported, modules)
    body = IMPORT.sub(lambda found: f'const {{{found[1].replace(" as ", ": ")}}} = modules["{found[2]}"];', text)
    body = EXPORT.sub(r"\1", body)
    if unknown := re.search(r"^(?:import|export)\b(?!\().*", body, re.MULTILINE):
        raise ValueError(f"{name} has the line {unknown[0]!r}, which cannot be bundled; see app.server.bundle")
    names = ", ".join(found for _, found in EXPORT.findall(text))
    modules[name] = f'modules["{name}"] = (() => {{\n{body}\nreturn {{ {names} }};\n}})();'
