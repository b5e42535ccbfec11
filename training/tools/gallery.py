"""Runs the examples of docs/gallery and writes their pictures and docs/gallery.md; fails when one breaks.

python -m training.tools.gallery
"""

from __future__ import annotations

import argparse
import ast
import runpy
import sys
from pathlib import Path

from PIL import Image

from training.engine.cli import run_command

HEAD = """# Gallery

Each example runs from the root of a checkout; `python -m training.tools.gallery` makes all pictures. People: Face
Research Lab London Set (DeBruine and Jones 2017, CC BY 4.0); their expressions are edited by AI. The same as a
notebook: [rbvae.ipynb](rbvae.ipynb).
"""


def run(script: Path) -> Image.Image:
    """Runs an example and returns its `picture`. Raises whatever the example raises."""
    picture = runpy.run_path(str(script))["picture"]
    assert isinstance(picture, Image.Image), f"{script} has no picture"
    return picture


def section(script: Path) -> str:
    """Returns an example's part of the page: its title, picture and code."""
    code = script.read_text(encoding="utf-8")
    title = ast.get_docstring(ast.parse(code)) or script.stem
    body = code.partition('"""\n\n')[2]
    return f"\n## {title}\n\n![{title}]({script.parent.name}/{script.stem}.webp)\n\n```python\n{body}```\n"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Run the examples of the gallery and write its page.")
    parser.add_argument("--examples", type=Path, default=Path("docs/gallery"), metavar="DIR", help="folder of scripts")
    parser.add_argument("--out", type=Path, default=Path("docs"), metavar="DIR", help="folder of the page (docs)")
    options = parser.parse_args(argv)
    scripts = sorted(options.examples.glob("*.py"))
    folder = options.out / options.examples.name
    folder.mkdir(parents=True, exist_ok=True)
    for script in scripts:
        run(script).save(folder / f"{script.stem}.webp", quality=85)
        print(folder / f"{script.stem}.webp")
    page = HEAD + "".join(section(script) for script in scripts)
    (options.out / "gallery.md").write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
