"""Claims about what is served: nothing but what the app made, nothing fetched from elsewhere, no file of the host."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from app.app import build, launch
from app.server.editors import Editors
from app.server.uploads import NOT_UPLOADED
from rbvae import PortraitEditor, StyleEditor

META = {"_type": "gradio.FileData"}


@pytest.fixture(scope="module")
def url(tiny_faces, tiny_digits):
    editors = Editors(PortraitEditor.from_pretrained(tiny_faces), StyleEditor.from_pretrained(tiny_digits))
    demo = build(editors)
    _, address, _ = launch(demo, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    yield address
    demo.close(verbose=False)


@pytest.fixture
def trap():
    """A server that nobody should call; its address, and who called."""
    called = []

    class Trap(BaseHTTPRequestHandler):
        def do_GET(self):
            called.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Trap)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/secret", called
    server.shutdown()
    server.server_close()


def call(url: str, name: str, *arguments) -> str:
    answer = httpx.post(f"{url}gradio_api/call/{name}", json={"data": arguments}, timeout=20)
    return httpx.get(f"{url}gradio_api/call/{name}/{answer.json()['event_id']}", timeout=20).text


def test_addresses_and_paths_given_as_pictures_are_refused_and_not_fetched(url, trap):
    address, called = trap
    places = (address, "http://169.254.169.254/latest", "/etc/passwd", "../../etc/passwd", "file:///etc/passwd", 5)
    for place in places:
        for given in ({"path": place, "meta": META}, {"path": place}, {"path": "x", "url": place, "meta": META}, place):
            assert NOT_UPLOADED in call(url, "edit", given, {"smile": 1})
        hidden = {"path": place, "meta": META}
        assert NOT_UPLOADED in call(url, "edit", None, hidden)
        assert NOT_UPLOADED in call(url, "edit", None, {"smile": [hidden]})
        assert NOT_UPLOADED in call(url, "batch", [hidden], "neutral")
    assert called == []


@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/file=/etc/passwd",
        "gradio_api/file=/proc/self/environ",
        "gradio_api/file=http://127.0.0.1:1/",
        "gradio_api/proxy=http://127.0.0.1:1/",
        "page/js/..%2f..%2fapp.py",
        "assets/..%2f..%2f..%2froutes.py",
        "static/..%2f..%2froutes.py",
        "%2e%2e/%2e%2e/etc/passwd",
        "/example.com/",
        "login",
        "logout",
        "monitoring",
        "docs",
        "gradio_api/deep_link?session_hash=x",
        "gradio_api/vibe-code",
        "gradio_api/runs",
        "gradio_api/profiling/traces",
        "?deep_link=x",
        "?deep%5Flink=x",
        "?a=1&%64eep_link",
        "%00",
    ],
)
def test_an_address_the_app_did_not_make_is_not_there(url, path):
    answer = httpx.get(url + path, timeout=20)
    assert answer.status_code == 404 and "root:" not in answer.text and "Location" not in answer.headers


@pytest.mark.parametrize("path", ["run/edit", "api/edit", "component_server", "process_recording", "call/shutdown"])
def test_gradios_other_ways_in_are_closed(url, path):
    assert httpx.post(f"{url}gradio_api/{path}", json={"data": []}, timeout=20).status_code == 404


def test_a_file_outside_the_cache_is_not_served_through_a_link(url, tmp_path, monkeypatch):
    from gradio.utils import get_upload_folder

    from app.server.request_limits import in_cache

    (tmp_path / "cache").mkdir()
    (tmp_path / "secret").write_text("x")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    assert get_upload_folder() == str(tmp_path / "cache")
    (tmp_path / "cache" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "cache" / "mine").write_text("x")
    assert in_cache(str(tmp_path / "cache" / "mine"))
    assert not in_cache(str(tmp_path / "cache" / "link"))
    assert not in_cache(f"{tmp_path}/cache/../secret")


def test_what_is_uploaded_and_made_is_served_and_never_stored_on_the_way(url, astronaut):
    uploaded = httpx.post(f"{url}gradio_api/upload", files={"files": ("me.jpg", astronaut.read_bytes())}).json()[0]
    assert "event: complete" in call(url, "edit", {"path": uploaded, "meta": META}, {"smile": 1})
    answer = httpx.get(f"{url}gradio_api/file={uploaded}")
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"


def test_the_page_may_talk_to_nobody_else(url):
    headers = httpx.get(url).headers
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "same-origin"
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["form-action"] == "'self'" and policy["object-src"] == "'none'"
    assert "http" not in policy["connect-src"] + policy["img-src"] + policy["script-src"]
