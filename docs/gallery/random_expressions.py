"""Random expressions of one face"""

from rbvae import PortraitEditor
from rbvae.images.grids import grid

editor = PortraitEditor.from_pretrained()
edits = editor.sample("app/examples/person-4.jpg", n=4, seed=3)
picture = grid([edit.crop for edit in edits])
