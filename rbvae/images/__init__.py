"""Pictures: files to pixels and back, colours, and the note that an AI edited them."""
