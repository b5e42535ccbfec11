"""The paper's Table 1: every method on one dataset, its features probed, beside controls."""
