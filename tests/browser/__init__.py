"""Claims about the app as a visitor meets it: in headless Chromium, through Playwright; one file a subject."""
