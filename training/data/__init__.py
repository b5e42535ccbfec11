"""Preparing face datasets and loading them for training."""
