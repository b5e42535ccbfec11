"""The Gradio app: faces and digits in a browser, and the same as named endpoints."""
