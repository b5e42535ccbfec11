"""The style of one digit on another"""

from rbvae import StyleEditor
from rbvae.images.grids import grid

editor = StyleEditor.from_pretrained()
digits = [editor.infer(f"app/examples/digits/{number:02}.png") for number in range(5)]
edits = [editor.transfer(style_of=digits[0], onto=digit) for digit in digits[1:]]
picture = grid([digits[0].crop, *(edit.crop for edit in edits)], side=128)
