"""The About tab: z and e explained, with a picture that the model draws when the app starts."""

from __future__ import annotations

from pathlib import Path

from app.editors import Editors, imagined
from app.rendering import data_url
from rbvae import Portrait

HERE = Path(__file__).resolve().parent
PEOPLE, SEED = 4, 11


def about(editors: Editors) -> str:
    """The text, as Markdown, with the picture in its place."""
    return (HERE / "about.md").read_text(encoding="utf-8").replace("{picture}", _table(editors))


def _table(editors: Editors) -> str:
    people = imagined(editors.faces, PEOPLE, SEED, Portrait)
    rest = editors.faces.e_ref
    named = [direction.name for direction in editors.faces.directions[:2]]
    expressions = [rest, *(editors.faces.moved(rest, {name: sigmas}) for name in named for sigmas in (2.0, -2.0))]
    rows = []
    for number, person in enumerate(people, start=1):
        cells = [
            f'<td><img alt="Person {number}, expression {column}" src="{data_url(edit.crop)}"></td>'
            for column, edit in enumerate(editors.faces.edits(person, expressions), start=1)
        ]
        rows.append(f"<tr><th>z<sub>{number}</sub></th>{''.join(cells)}</tr>")
    heads = "".join(f"<th>e<sub>{column}</sub></th>" for column in range(1, len(expressions) + 1))
    return (
        f'<table class="z-and-e"><tr><td></td>{heads}</tr>{"".join(rows)}'
        "<caption>Nobody here is real. Along a row z stays, the person; down a column e stays, the expression."
        "</caption></table>"
    )
