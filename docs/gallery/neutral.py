"""The neutral face of a smile"""

from rbvae import PortraitEditor
from rbvae.images.grids import grid

editor = PortraitEditor.from_pretrained()
portrait = editor.infer("app/examples/smile-1.jpg")
picture = grid([portrait.crop, editor.neutral(portrait).crop])
