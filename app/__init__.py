"""The Gradio app: a page that edits faces and digits, and the same edits as named API endpoints."""
