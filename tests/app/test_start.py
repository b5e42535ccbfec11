"""Claims about how the app starts: its address, its checkpoints, what it says when it cannot, and the host's extras."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gradio.routes import App

from app.app import address, build, launch
from app.server.editors import checkpoint_source
from rbvae import ConfigError

ROOT = Path(__file__).resolve().parents[2]


def test_address_comes_from_the_environment(monkeypatch):
    for name in ("GRADIO_SERVER_PORT", "GRADIO_SERVER_NAME", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)
    assert address() == {"server_name": "127.0.0.1", "server_port": 7860}
    monkeypatch.setenv("SPACE_ID", "user/name")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "8000")
    assert address() == {"server_name": "0.0.0.0", "server_port": 8000}
    monkeypatch.setenv("GRADIO_SERVER_PORT", "http")
    with pytest.raises(ConfigError, match="GRADIO_SERVER_PORT=http"):
        address()


def test_checkpoints_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("RBVAE_FACES", "user/faces")
    monkeypatch.delenv("RBVAE_DIGITS", raising=False)
    assert checkpoint_source("faces") == "user/faces"
    assert checkpoint_source("digits") == ROOT / "checkpoints" / "digits"


def test_a_missing_or_broken_checkpoint_is_one_line_and_exit_code_2(tmp_path, tiny_digits):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text(json.dumps({"format": 99}))
    environment = {**os.environ, "RBVAE_FACES": str(broken), "RBVAE_DIGITS": str(tiny_digits)}
    done = subprocess.run(
        [sys.executable, str(ROOT / "app" / "app.py")], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith("error: ") and "Traceback" not in done.stderr


def test_spaces_gets_its_gpu_function_and_others_do_without(tmp_path):
    (tmp_path / "spaces.py").write_text(
        "def GPU(function):\n    print('on GPU:', function.__name__)\n    return function"
    )
    command = [sys.executable, "-c", "import app.server.hosting; app.server.hosting.idle()"]
    for path, said in ((tmp_path, "on GPU: idle\n"), (ROOT, "")):
        environment = {**os.environ, "PYTHONPATH": str(path)}
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout == said


IMPORTS = """
import ast, sys
parsed, parse = [], ast.parse
ast.parse = lambda *given, **options: parsed.append(sys._getframe(1).f_globals["__name__"]) or parse(*given, **options)
import app.app
from app.server.editors import load_editors
load_editors()
import gradio, inspect
print(parsed.count("gradio.component_meta") < 5, "torch._dynamo" in sys.modules, "matplotlib" in sys.modules)
print(callable(gradio.Button.click), inspect.getfile(gradio.Button).endswith("button.py"))
"""


def test_the_app_starts_without_compilers_plots_and_stub_files(tiny_codes, tiny_digits):
    environment = {**os.environ, "RBVAE_FACES": str(tiny_codes), "RBVAE_DIGITS": str(tiny_digits)}
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == ["True False False", "True True"]


def test_the_page_has_one_web_app(code_editors, monkeypatch):
    made, create = [], App.create_app
    monkeypatch.setattr(App, "create_app", staticmethod(lambda *given, **o: made.append(1) or create(*given, **o)))
    demo = build(code_editors)
    assert not made
    launch(demo, prevent_thread_lock=True, quiet=True)
    assert made == [1]
    demo.close()
