"""What the page shows, tab by tab."""
