"""The For programs tab."""

from __future__ import annotations

import json

import gradio as gr

from app.page.programs_tab import programs_tab


def test_snippets_for_programs_name_the_port_that_the_app_listens_on(monkeypatch):
    monkeypatch.setenv("GRADIO_SERVER_PORT", "8123")
    with gr.Blocks() as page:
        programs_tab()
    shown = json.dumps(page.get_config_file())
    assert shown.count("127.0.0.1:8123") == 5 and "7860" not in shown
