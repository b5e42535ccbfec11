"""Between two expressions, in e-space"""

from rbvae import PortraitEditor
from rbvae.images.grids import grid

editor = PortraitEditor.from_pretrained()
portrait = editor.infer("app/examples/person-2.jpg")
surprise = {"brows up": 2, "mouth open": 1.5, "squint": -0.8}
surprised, smiling = (editor.wanted(portrait, change) for change in (surprise, {"smile": 2}))
steps = [editor.blended(surprised, smiling, share) for share in (0, 1 / 3, 2 / 3, 1)]
picture = grid([edit.crop for edit in editor.edits(portrait, steps)])
