"""Pictures side by side."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageOps

GAP = 4  # pixels between pictures


def grid(pictures: Sequence[Image.Image], side: int = 320, columns: int | None = None) -> Image.Image:
    """Arrange pictures in rows, each cut to its central square and resized to `side` pixels.

    By default there is one row. Raises ValueError if there are no pictures.
    """
    if not pictures:
        raise ValueError("there are no pictures to arrange")
    columns = min(columns or len(pictures), len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (side + GAP) - GAP, rows * (side + GAP) - GAP), "white")
    for number, picture in enumerate(pictures):
        square = ImageOps.fit(picture.convert("RGB"), (side, side), Image.Resampling.LANCZOS)
        sheet.paste(square, (number % columns * (side + GAP), number // columns * (side + GAP)))
    return sheet
