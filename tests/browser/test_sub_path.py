"""The page below a path of another host, behind a proxy that removes the path from requests or keeps it."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from app.app import build, launch
from browser.visitor import Visitor

PATH = "/studio/faces"


class Proxy(BaseHTTPRequestHandler):
    """Passes requests below PATH on to `server.target`, with the path if `server.keeps`, and notes all others."""

    def do_GET(self):
        if not self.path.startswith(PATH):
            self.server.astray.append(self.path)
            return self.send_error(404)
        path = self.path if self.server.keeps else self.path[len(PATH) :] or "/"
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        answer = httpx.request(
            self.command, f"{self.server.target}{path}", headers=headers, content=content, timeout=60
        )
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name not in ("connection", "content-encoding", "content-length", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture(params=["removes", "keeps"])
def proxy(request):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.keeps, server.astray = request.param == "keeps", []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("given", ["path", "URL"])
def test_the_page_works_below_a_path_of_another_host(browser, editors, astronaut, monkeypatch, proxy, given):
    host = f"http://127.0.0.1:{proxy.server_port}"
    monkeypatch.setenv("GRADIO_ROOT_PATH", PATH if given == "path" else host + PATH)
    demo = build(editors)
    launch(demo, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    port = demo.server.config.port
    proxy.target = f"http://127.0.0.1:{port}"
    visitor = Visitor(browser, f"{host}{PATH}/")
    visitor.opens(astronaut)
    visitor.drawn(visitor.tile("Big smile").click)
    visitor.settled()
    visitor.context.close()
    redirect = httpx.get(f"http://127.0.0.1:{port}{PATH}")
    demo.close(verbose=False)
    assert [path for path in proxy.astray if path != "/favicon.ico"] == []
    assert redirect.status_code == 307 and redirect.headers["location"] == f"{PATH}/"
