"""A smile by degrees"""

from rbvae import PortraitEditor
from rbvae.images.grids import grid

editor = PortraitEditor.from_pretrained()
portrait = editor.infer("app/examples/person-1.jpg")
edits = [editor.edit(portrait, {"smile": sigmas}) for sigmas in (0, 0.7, 1.4, 2.1)]
picture = grid([edit.crop for edit in edits])
