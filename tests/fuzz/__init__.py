"""Odd but honest use of the commands, the API and the page; run by tests/fuzz_use.py, one file a surface."""
