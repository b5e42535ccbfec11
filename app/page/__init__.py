"""The layout of the page, one module per tab."""
