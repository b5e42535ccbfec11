"""The About tab: an explanation of z and e, with a table of faces, each drawn when a browser first asks for it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from app.server.editors import Editors, synthetic_images
from app.server.rendering import jpeg
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


@dataclass
class PeopleTable:
    """The faces of `people` with the expressions of one another: rows keep z, columns keep e."""

    editors: Editors
    people: Sequence[Inference]
    _drawn: dict[tuple[int, int], bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, editors: Editors, examples: Sequence[Inference] = ()) -> PeopleTable:
        """Return the table of sampled faces, or of `examples` if the model cannot sample any."""
        people: Sequence[Inference] = synthetic_images(editors.faces, PEOPLE, SEED, Portrait)
        return cls(editors, people or examples[:PEOPLE])

    def expressions(self) -> list[np.ndarray]:
        """Return the e of each column: that of references, and two directions, each in both senses."""
        faces = self.editors.faces
        names = [direction.name for direction in faces.directions[:2]]
        moved = [faces.moved(faces.e_ref, {name: sigmas}) for name in names for sigmas in (2.0, -2.0)]
        return [faces.e_ref, *moved]

    def picture(self, row: int, column: int) -> bytes | None:
        """Draw a face, as JPEG, when it is first asked for; None if there is no such place."""
        expressions = self.expressions()
        if row >= len(self.people) or column >= len(expressions):
            return None
        with self._lock:
            if (row, column) not in self._drawn:
                edit = self.editors.faces.edit(close_up(self.people[row], TILE), expressions[column])
                self._drawn[row, column] = jpeg(edit.crop)
            return self._drawn[row, column]

    def markup(self, caption: str) -> str:
        """Return the table as HTML, whose pictures are fetched when it is on the screen."""
        columns = range(len(self.expressions()))
        rows = []
        for row in range(len(self.people)):
            cells = [
                f'<td><img loading="lazy" alt="Person {row + 1}, expression {column + 1}" '
                f'src="page/about/{row}-{column}.jpg"></td>'
                for column in columns
            ]
            rows.append(f"<tr><th>z<sub>{row + 1}</sub></th>{''.join(cells)}</tr>")
        heads = "".join(f"<th>e<sub>{column + 1}</sub></th>" for column in columns)
        return f'<table class="z-and-e"><tr><td></td>{heads}</tr>{"".join(rows)}<caption>{caption}</caption></table>'


def about(table: PeopleTable) -> str:
    """Return the text of the tab as Markdown, including the table of faces."""
    texts = TEXTS[table.editors.faces.config.observes]
    text = (HERE / "about.md").read_text(encoding="utf-8")
    for name in ("drawing", "limits"):
        text = text.replace(f"{{{name}}}", texts[name])
    return text.replace("{picture}", table.markup(texts["caption"]))
