"""Eyes that close, wink and look aside"""

from rbvae import PortraitEditor
from rbvae.images.grids import grid

editor = PortraitEditor.from_pretrained()
portrait = editor.infer("app/examples/person-2.jpg")
changes = [{"close eyes": 1}, {"wink left": 1}, {"gaze right": 1}, {"gaze right": -1}]
picture = grid([edit.crop for edit in editor.edits(portrait, changes)])
