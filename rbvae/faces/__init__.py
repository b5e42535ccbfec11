"""Face detection, alignment, shape and texture, and the drawing of edits into a photo."""
