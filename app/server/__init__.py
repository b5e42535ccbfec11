"""What answers the page: uploads, edits, the API, limits and cleaning up."""
