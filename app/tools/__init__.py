"""Tools that measure the running app and take screenshots of it."""
