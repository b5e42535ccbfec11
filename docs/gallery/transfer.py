"""Another person's expression"""

from rbvae import PortraitEditor
from rbvae.images.grids import grid

editor = PortraitEditor.from_pretrained()
portrait, friend = editor.infer("app/examples/person-3.jpg"), editor.infer("app/examples/smile-2.jpg")
edit = editor.transfer(expression_of=friend, onto=portrait)
picture = grid([portrait.crop, friend.crop, edit.crop])
