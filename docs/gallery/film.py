"""Frames of a film"""

from rbvae import PortraitEditor
from rbvae.editing.animation import Film, expressions_between, frames
from rbvae.images.grids import grid

editor = PortraitEditor.from_pretrained()
portrait = editor.infer("app/examples/person-3.jpg")
film = Film(seconds=1, fps=5, loop=False)  # animate() makes a file of it
path = expressions_between([portrait.e, editor.wanted(portrait, {"smile": 2})], film)
picture = grid(list(frames(editor, portrait, path, film)))
