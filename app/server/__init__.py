"""The server side of the app: uploads, edits, API endpoints, request limits and cleanup."""
