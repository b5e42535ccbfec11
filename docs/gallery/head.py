"""Turns of the head"""

from rbvae import PortraitEditor
from rbvae.images.grids import grid

editor = PortraitEditor.from_pretrained()
portrait = editor.infer("app/examples/person-1.jpg")
changes = [{"turn right": 10}, {"turn right": -10}, {"turn up": 8}, {"tilt right": 8}]
picture = grid([edit.crop for edit in editor.edits(portrait, changes)])
