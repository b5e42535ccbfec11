"""Pictures side by side."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageOps


def grid(pictures: Sequence[Image.Image], side: int = 320, columns: int | None = None, gap: int = 4) -> Image.Image:
    """Arrange pictures in rows, `gap` pixels apart, each cut to its central square and resized to `side` pixels.

    By default there is one row. Raises ValueError if there are no pictures.
    """
    if not pictures:
        raise ValueError("there are no pictures to arrange")
    columns = min(columns or len(pictures), len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (side + gap) - gap, rows * (side + gap) - gap), "white")
    for number, picture in enumerate(pictures):
        square = ImageOps.fit(picture.convert("RGB"), (side, side), Image.Resampling.LANCZOS)
        sheet.paste(square, (number % columns * (side + gap), number // columns * (side + gap)))
    return sheet
