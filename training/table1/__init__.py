"""Reproduces the paper's Table 1: trains every method on one dataset and probes its features, with controls."""
