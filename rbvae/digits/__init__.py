"""Styles of handwritten digits (paper, A.3.1)."""
