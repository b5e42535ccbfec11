"""The styles of handwritten digits (A.3.1)."""
