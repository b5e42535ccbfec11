"""Editing of handwritten digits: style transfer."""

from __future__ import annotations

import numpy as np
from PIL import Image

from rbvae.editing.editor import Editor
from rbvae.editing.edits import Edit, Inference
from rbvae.images.decoding import Photo, load_photo


class StyleEditor(Editor):
    """Editor of digits: infers a digit's style (colour, stroke width, size) and applies it to another digit."""

    kind = "digits"

    def infer(self, picture: Photo) -> Inference:
        """Infer a picture of one digit, light on dark; a picture with a bright border is inverted."""
        size = self.config.image_size
        pixels = load_photo(picture)
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        if border.mean() > 127:
            pixels = 255 - pixels
        if pixels.shape[:2] != (size, size):
            pixels = np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BOX, reducing_gap=None))
        z, e = self._encode(pixels)
        return Inference(z, e, Image.fromarray(pixels), lambda: self._decode(z[None], e[None])[0])

    def sample(self, digit: Photo | Inference, n: int = 8, seed: int = 0) -> list[Edit]:
        """Draw n random styles of one digit, with e from the prior."""
        return self.edits(self._inference(digit), list(self.sample_e(n, seed)))

    def transfer(self, style_of: Photo | Inference, onto: Photo | Inference, strength: float = 1.0) -> Edit:
        """Transfer the style of one digit to another: e_onto + strength (e_of - e_onto)."""
        a, b = self._inference(style_of), self._inference(onto)
        return self.edit(b, self.blended(b.e, a.e, strength))

    def _inference(self, picture: Photo | Inference) -> Inference:
        return picture if isinstance(picture, Inference) else self.infer(picture)
