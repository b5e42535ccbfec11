"""What this project adds to the paper's method, one file each; the presets of the paper use none of it."""
