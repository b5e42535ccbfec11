"""Claims about how the app starts: its address, its checkpoints, what it says when it cannot, and the host's extras."""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from gradio.routes import App

from app.app import build, launch
from app.server.cleanup import upload_folder
from app.server.environment import address, check_address, exempt_from_proxies, prepare_environment, unusable_proxies
from app.server.hosting import has_mcp
from rbvae import ConfigError
from rbvae.bundled import default_checkpoint

ROOT = Path(__file__).resolve().parents[2]
NO_HOME = """import pwd
def nobody(uid): raise KeyError(uid)
pwd.getpwuid = nobody
"""


def test_address_comes_from_the_environment(monkeypatch):
    for name in ("GRADIO_SERVER_PORT", "GRADIO_SERVER_NAME", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)
    assert address() == {"server_name": "127.0.0.1", "server_port": 7860}
    monkeypatch.setenv("SPACE_ID", "user/name")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "8000")
    assert address() == {"server_name": "0.0.0.0", "server_port": 8000}
    monkeypatch.setenv("GRADIO_SERVER_PORT", "http")
    for wrong in ("http", "0", "65536", "\u0663"):
        monkeypatch.setenv("GRADIO_SERVER_PORT", wrong)
        with pytest.raises(ConfigError, match=f"GRADIO_SERVER_PORT={wrong}"):
            address()
    monkeypatch.setenv("GRADIO_SERVER_PORT", "")
    for written in ("::1", "[::1]"):
        monkeypatch.setenv("GRADIO_SERVER_NAME", written)
        assert address() == {"server_name": "[::1]", "server_port": 7860}


def test_a_wrong_host_is_not_called_a_taken_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(ConfigError, match=f"Port {port} of 127.0.0.1 is in use. Set GRADIO_SERVER_PORT"):
            check_address("127.0.0.1", port)
    check_address("127.0.0.1", port)
    for host in ("no.such.host.invalid", "203.0.113.7", "[2001:db8::7]", "a" * 300, "\u00fc..x"):
        with pytest.raises(ConfigError, match="GRADIO_SERVER_NAME=.* is no address of this machine .* 127.0.0.1"):
            check_address(host, port)


def test_the_apps_own_address_needs_no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "intern.example")
    monkeypatch.setenv("no_proxy", "")
    exempt_from_proxies("[fd00::5]")
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == "intern.example,127.0.0.1,localhost,::1,0.0.0.0,fd00::5"
    monkeypatch.setenv("no_proxy", "*")
    exempt_from_proxies("127.0.0.1")
    assert os.environ["no_proxy"] == "*"


@pytest.mark.parametrize("root", ["/", " // ", ""])
def test_a_root_path_without_a_path_is_none(monkeypatch, root):
    for name, value in {"GRADIO_ROOT_PATH": root, "GRADIO_SERVER_PORT": "", "NO_PROXY": "", "no_proxy": ""}.items():
        monkeypatch.setenv(name, value)
    prepare_environment()
    assert "GRADIO_ROOT_PATH" not in os.environ


@pytest.mark.parametrize("proxy", ["socks9://127.0.0.1:9", "http://[::1", "http://127.0.0.1:port"])
def test_proxies_that_cannot_be_used_have_a_reason(monkeypatch, proxy):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert unusable_proxies() == ""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert unusable_proxies() == ""
    monkeypatch.setenv("ALL_PROXY", proxy)
    assert (reason := unusable_proxies()) and "\n" not in reason


def test_a_temporary_folder_that_cannot_be_written_is_one_line(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "made"))
    assert upload_folder() == tmp_path / "made" and (tmp_path / "made").is_dir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "file" / "below"))
    with pytest.raises(ConfigError, match="Temporary files cannot be written .* Set GRADIO_TEMP_DIR or TMPDIR"):
        upload_folder()


def test_the_app_starts_behind_proxies_and_without_a_home_or_unicode(tiny_faces, tiny_digits, tmp_path):
    """As in a container with a numeric user, whose host sets proxies that reach neither the app nor anything else, and
    an encoding that lacks the emoji that Gradio prints."""
    (tmp_path / "sitecustomize.py").write_text(NO_HOME)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "HOME"} | {
        "RBVAE_FACES": str(tiny_faces),
        "RBVAE_DIGITS": str(tiny_digits),
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "socks9://127.0.0.1:9",
        "GRADIO_SERVER_PORT": str(port),
        "PYTHONPATH": str(tmp_path),
        "PYTHONIOENCODING": "ascii",
    }
    last = "MCP server" if has_mcp() else "public link"
    command = [sys.executable, str(ROOT / "app" / "app.py")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as app:
        try:
            assert app.stdout is not None
            said = [*itertools.takewhile(lambda line: last not in line, app.stdout), app.stdout.readline()]
        finally:
            app.terminate()
    assert (
        said[-1].startswith("* ")
        and [line for line in said if "are ignored" in line]
        and not [line for line in said if "Traceback" in line]
    )
    assert app.wait() == 0


COMPUTING = """
import atexit, threading, torch
import app.app
def compute(editor=None):
    while True:
        torch.rand(500, 500) @ torch.rand(500, 500)
app.app.prepare = compute
for _ in range(2):
    threading.Thread(target=compute, daemon=True).start()
atexit.register(print, "cleaned up")
app.app.run_and_exit(lambda: app.app.main([]))
"""


def test_the_app_ends_in_order_while_it_still_computes(tiny_codes, tiny_digits):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    checkpoints = {"RBVAE_FACES": str(tiny_codes), "RBVAE_DIGITS": str(tiny_digits)}
    environment = {**os.environ, **checkpoints, "GRADIO_SERVER_PORT": str(port)}
    command = [sys.executable, "-c", COMPUTING]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as app:
        assert app.stdout is not None
        list(itertools.takewhile(lambda line: "public link" not in line, app.stdout))
        app.terminate()
        assert "cleaned up" in app.stdout.read()
    assert app.wait() == 0


def test_checkpoints_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("RBVAE_FACES", "user/faces")
    monkeypatch.delenv("RBVAE_DIGITS", raising=False)
    assert default_checkpoint("faces") == "user/faces"
    assert default_checkpoint("digits") == ROOT / "checkpoints" / "digits"


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
