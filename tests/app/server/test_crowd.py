"""Claims about many visitors at once: whose pictures are whose, how long anything is kept, who waits for whom."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from app.app import build, launch
from app.server.cleanup import FILES_KEPT_FOR, cleanup, forget_sessions, own_folder, sweep
from app.server.editors import Editors
from app.server.state import ForgottenError, Opened, Visits
from app.tools import load
from rbvae import PortraitEditor, StyleEditor

ME, YOU = "m" * 22, "y" * 22


@pytest.fixture(scope="module")
def demo(tiny_faces, tiny_digits):
    editors = Editors(PortraitEditor.from_pretrained(tiny_faces), StyleEditor.from_pretrained(tiny_digits))
    return build(editors)


@pytest.fixture(scope="module")
def url(demo):
    _, address, _ = launch(demo, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    yield address
    demo.close(verbose=False)


def post(url, action, body, visitor="", http=httpx):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return http.post(f"{url}page/{action}", content=content, headers={"Visitor": visitor}, timeout=60)


def test_a_key_is_of_no_use_to_another_visitor(url, astronaut):
    key = post(url, "faces/open", astronaut.read_bytes(), ME).json()["key"]
    for stranger in (YOU, "", "x"):
        assert post(url, "faces/draw", {"key": key, "edit": {}}, stranger).status_code == 410
        assert post(url, "faces/source", {"key": key}, stranger).status_code == 410
        borrowed = {"key": "made-up-face-1", "edit": {"donor": key}}
        assert post(url, "faces/draw", borrowed, stranger).status_code == 410
        for action in ("tiles", "latents"):
            assert post(url, f"faces/{action}", {"key": key, "edits": [{}]}, stranger).status_code == 410
        assert post(url, "faces/save", {"edits": [{"key": key, "edit": {}}]}, stranger).status_code == 410
        assert post(url, "faces/live", {"key": "made-up-face-1", "donor": key}, stranger).status_code == 410
        post(url, "faces/forget", {"key": key}, stranger)
    assert post(url, "faces/draw", {"key": key, "edit": {}}, ME).status_code == 200


def test_leaving_deletes_what_is_mine_and_says_how_much(url, demo, astronaut):
    demo.visits.clear()
    photo = astronaut.read_bytes()
    mine = [post(url, "faces/open", photo, ME).json()["key"] for _ in range(2)]
    yours = post(url, "faces/open", photo, YOU).json()["key"]
    post(url, "faces/face", {"key": mine[0], "face": 0}, ME)  # another face of a photo is no other photo
    assert post(url, "leave", b"", ME).json() == {"deleted": 2}
    assert httpx.post(f"{url}page/leave", content=YOU[:5]).json() == {"deleted": 0}
    assert list(demo.visits._stored) == [yours]
    assert post(url, "faces/draw", {"key": mine[0], "edit": {}}, ME).status_code == 410
    assert httpx.post(f"{url}page/leave", content=YOU).json() == {"deleted": 1}  # as a closing page's beacon says it


def test_an_example_cannot_be_forgotten(url):
    for key in ("made-up-face-1", "example-astronaut"):
        post(url, "faces/forget", {"key": key}, ME)
    post(url, "leave", b"made-up-face-1", "")
    assert post(url, "faces/draw", {"key": "made-up-face-1", "edit": {}}, YOU).status_code == 200
    assert post(url, "faces/pick", {"key": "example-astronaut"}, YOU).status_code == 200


def test_two_visitors_results_never_cross(url):
    photos = load.photos(None, 2)
    assert photos[0] != photos[1]
    keys = [post(url, "faces/open", photo, who).json()["key"] for photo, who in zip(photos, (ME, YOU), strict=True)]
    asked = [(i % 2, {"named": {"smile": round(i / 20 - 1, 2), "jaw open": 0.5}}) for i in range(40)]

    def drawn(one):
        who, edit = one
        return post(url, "faces/draw", {"key": keys[who], "edit": edit}, (ME, YOU)[who], http).json()["picture"]

    with httpx.Client() as http, ThreadPoolExecutor(8) as crowd:
        alone = [drawn(one) for one in asked]
        assert list(crowd.map(drawn, asked * 5)) == alone * 5
    assert len(set(alone)) == len(asked)


def test_a_small_crowd_gets_what_a_lone_visitor_gets(url, tmp_path):
    figures = tmp_path / "load.json"
    assert load.main(["--users", "4", "--requests", "80", "--url", url, "--json", str(figures)]) == 0
    told = json.loads(figures.read_text())
    assert told["answers"] >= 80 and told["wrong"] == 0 and told["actions"]["draw"]["p99"] > 0


def test_the_load_script_sees_a_wrong_answer(url):
    summary = load.Summary()
    visitor = load.Visitor(0, b"", url, summary, [])
    visitor.check("draw 1", b"mine")
    visitor.check("draw 1", b"somebody else's")
    assert summary.wrong == ["visitor 0: draw 1"]


def test_a_slow_upload_keeps_nobody_waiting(url, astronaut):
    host, port = url.removeprefix("http://").strip("/").split(":")
    head = b"POST /page/faces/open HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    slow = [socket.create_connection((host, int(port))) for _ in range(40)]
    try:
        for connection in slow:
            connection.sendall(head + b"\xff\xd8")
        began = time.perf_counter()
        assert post(url, "faces/open", astronaut.read_bytes(), ME).status_code == 200
        assert time.perf_counter() - began < 5
    finally:
        for connection in slow:
            connection.close()


def test_nothing_of_a_failed_request_is_in_the_log(url, caplog, capfd):
    secret = "grandmother-at-the-lake.jpg"
    record = {"path": f"/home/me/{secret}", "orig_name": secret, "meta": {"_type": "gradio.FileData"}}
    for data in ([record, {"smile": 1}], [secret], [None, {secret: 1}], [[[[secret]]], 1, 2, 3]):
        event = httpx.post(f"{url}gradio_api/call/edit", json={"data": data}).json()["event_id"]
        assert "event: error" in httpx.get(f"{url}gradio_api/call/edit/{event}", timeout=20).text
    post(url, "faces/draw", {"key": "made-up-face-1", "edit": secret}, ME)
    post(url, "faces/face", {"key": secret, "face": secret}, ME)
    said = capfd.readouterr()
    assert secret not in caplog.text + said.out + said.err


def test_whoever_holds_more_than_half_makes_room(astronaut):
    photo = SimpleNamespace(source=SimpleNamespace(nbytes=10_000_000))
    opened = Opened(photo)
    visits = Visits(capacity=4 * opened.size)
    mine = visits.keep(opened, ME)
    yours = [visits.keep(opened, YOU) for _ in range(6)]
    assert visits.get(mine, ME) is opened and len(visits) == 4
    with pytest.raises(ForgottenError):
        visits.get(yours[0], YOU)
    assert visits.get(yours[-1], YOU) is opened


def test_a_large_photo_that_was_just_opened_stays_although_others_open_theirs():
    small, large = (Opened(SimpleNamespace(source=SimpleNamespace(nbytes=size))) for size in (1_000_000, 5_000_000))
    visits = Visits(capacity=20 * small.size)
    others = [visits.keep(small, f"visitor-{number:08d}") for number in range(20)]
    mine = visits.keep(large, ME)
    visits.keep(small, YOU)
    assert visits.get(mine, ME) is large
    with pytest.raises(ForgottenError):
        visits.get(others[0], "visitor-00000000")


def test_pictures_files_and_sessions_go_although_nobody_calls(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    now = [0.0]
    visits = Visits(kept_for=60, clock=lambda: now[0])
    visits.keep(Opened(None), ME)
    old, new = tmp_path / "a" / "photo.jpg", tmp_path / "b" / "photo.jpg"
    for path in (old, new):
        path.parent.mkdir()
        path.write_bytes(b"x")
    past = time.time() - 2 * FILES_KEPT_FOR
    os.utime(old, (past, past))
    queue = SimpleNamespace(event_ids_to_events={}, pending_event_ids_session={}, pending_messages_per_session={})
    server = SimpleNamespace(
        get_blocks=lambda: SimpleNamespace(_queue=queue),
        state_holder=SimpleNamespace(time_last_used={}, session_data={}),
    )

    async def wait():
        async with cleanup(visits, interval=0.01)(server):
            now[0] = 61.0
            for _ in range(200):
                await asyncio.sleep(0.01)
                if len(visits) == 0 and not old.exists():
                    return

    asyncio.run(wait())
    assert len(visits) == 0 and not old.exists() and new.exists()


def test_empty_folders_of_old_files_go_too(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    past = time.time() - 100
    for path in (tmp_path / "a" / "b", tmp_path / "a"):
        os.utime(path, (past, past))
    sweep(tmp_path, 50)
    sweep(tmp_path, -1)
    assert tmp_path.exists() and not (tmp_path / "a").exists()


def test_gradio_keeps_no_session_that_is_quiet(url, demo):
    for _ in range(5):
        event = httpx.post(f"{url}gradio_api/call/edit", json={"data": [None, {}]}).json()["event_id"]
        httpx.get(f"{url}gradio_api/call/edit/{event}", timeout=20)
    server = demo.app
    assert len(server.state_holder.session_data) >= 5
    forget_sessions(server, -1)
    assert not server.state_holder.session_data and not server.state_holder.time_last_used
    assert not demo._queue.pending_event_ids_session


def test_a_processes_folder_is_private_and_a_dead_ones_is_deleted(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left = tmp_path / "rbvae-999999999-x"
    left.mkdir()
    folder = own_folder()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not left.exists() or not Path("/proc/self").exists()
