"""Image files: decoding, colours, encoding, and the mark of AI-edited pictures."""
