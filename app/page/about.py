"""The About tab: an explanation of z and e, with a table of faces rendered when the app starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.server.editors import Editors, synthetic_images
from app.server.rendering import data_url
from app.server.state import TILE
from rbvae import Inference, Portrait
from rbvae.editing.smaller import close_up

HERE = Path(__file__).resolve().parent
PEOPLE, SEED = 4, 11
TEXTS = {  # keyed by ModelConfig.observes
    "image": {
        "drawing": "The face is drawn again with it, and what changed is added to your photo.",
        "limits": "It sees faces as a small, low-resolution crop, so its own drawing of a face is soft and not always "
        "a good likeness.",
        "caption": "Nobody here is real. Along a row z stays, the person; down a column e stays, the expression.",
    },
    "code": {
        "drawing": "What that does to the face's shape and to its skin is drawn into your photo, from its own pixels.",
        "limits": "It takes a face's shape from 468 points, and its skin from a small picture of it, so what it adds "
        "to a photo is a guess. Teeth that were hidden are those of the face whose expression is copied, or of "
        "synthetic faces, which are nobody's (One Million Impressions, Peterson et al. 2022).",
        "caption": "Along a row z stays, the person; down a column e stays, the expression. AI made all these faces "
        "from the example photos.",
    },
}


def about(editors: Editors, examples: Sequence[Inference] = ()) -> str:
    """Return the text of the tab as Markdown, including the table of faces.

    The table shows sampled faces, or `examples` if the model cannot sample any.
    """
    texts = TEXTS[editors.faces.config.observes]
    text = (HERE / "about.md").read_text(encoding="utf-8")
    for name in ("drawing", "limits"):
        text = text.replace(f"{{{name}}}", texts[name])
    people: Sequence[Inference] = synthetic_images(editors.faces, PEOPLE, SEED, Portrait)
    people = people or [close_up(one, TILE) for one in examples[:PEOPLE]]
    return text.replace("{picture}", _table(editors, people, texts["caption"]))


def _table(editors: Editors, people: Sequence[Inference], caption: str) -> str:
    reference = editors.faces.e_ref
    names = [direction.name for direction in editors.faces.directions[:2]]
    expressions = [
        reference,
        *(editors.faces.moved(reference, {name: sigmas}) for name in names for sigmas in (2.0, -2.0)),
    ]
    rows = []
    for number, person in enumerate(people, start=1):
        cells = [
            f'<td><img alt="Person {number}, expression {column}" src="{data_url(edit.crop)}"></td>'
            for column, edit in enumerate(editors.faces.edits(person, expressions), start=1)
        ]
        rows.append(f"<tr><th>z<sub>{number}</sub></th>{''.join(cells)}</tr>")
    heads = "".join(f"<th>e<sub>{column}</sub></th>" for column in range(1, len(expressions) + 1))
    return f'<table class="z-and-e"><tr><td></td>{heads}</tr>{"".join(rows)}<caption>{caption}</caption></table>'
