"""A part of the face at a time: mouth, eyes, brows"""

from rbvae import PortraitEditor
from rbvae.images.grids import grid

editor = PortraitEditor.from_pretrained()
portrait, friend = editor.infer("app/examples/person-4.jpg"), editor.infer("app/examples/smile-1.jpg")
parts = [("mouth",), ("eyes",), ("brows",), ("mouth", "eyes", "brows")]
picture = grid([editor.transfer(friend, portrait, parts=chosen).crop for chosen in parts])
