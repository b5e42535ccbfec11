"""Claims about what stands before every request: lines, rooms for uploads and answers, patience, words for bugs."""

from __future__ import annotations

import asyncio
import threading
import time

import anyio
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.server.cleanup import MIN_FILE_BYTES, UploadFolder, folder_size
from app.server.exchange import CHUNK_BYTES, Timeouts
from app.server.job_queue import BusyError, ByteLimit, DisconnectedError, JobQueue
from app.server.request_limits import RequestLimits


async def here() -> bool:
    return False


def test_a_full_line_says_how_many_are_before_you():
    async def crowd():
        jobs, go = JobQueue(concurrency=1, max_waiting=2), threading.Event()
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(jobs.run, go.wait, here)
                await asyncio.sleep(0.02)
            with pytest.raises(BusyError, match="busy: 2 are waiting before you; try again in a moment"):
                await jobs.run(go.wait, here)
            go.set()
        return await jobs.run(lambda: "served", here)

    assert asyncio.run(crowd()) == "served"


def test_who_left_the_line_is_not_worked_for():
    async def left():
        return True

    async def crowd():
        jobs = JobQueue(1, 1)
        with pytest.raises(DisconnectedError):
            await jobs.run(pytest.fail, left)
        assert await jobs.run(lambda: "next", here) == "next"  # its place is free again

    asyncio.run(crowd())


def test_uploads_on_their_way_have_limited_room():
    limit = ByteLimit(100)
    with limit.body() as first:
        first(60)
        with limit.body() as second, pytest.raises(BusyError, match="busy: 1"):
            second(50)
    assert limit.held == 0
    with limit.body() as again:
        again(100)


def test_what_is_small_takes_no_room():
    limit = ByteLimit(100, free=50)
    with limit.body() as one, limit.body() as other, limit.body() as small:
        one(40), one(40), other(50), other(70)
        assert (limit.held, limit.bodies) == (100, 2)
        small(30), small(20)
        with pytest.raises(BusyError, match="busy: 2"):
            small(1)
        with pytest.raises(BusyError, match="busy: 1"):
            one(1)
    assert (limit.held, limit.bodies) == (0, 0)


def guarded(waiting=0, timeouts=None, folder=None):
    async def read(request):
        return PlainTextResponse(str(len(await request.body())))

    async def broken(request):
        raise RuntimeError(" ".join(["quotes", "what", "was", "sent"]))

    async def large(request):
        return PlainTextResponse(bytes(3_000_000))

    routes = [
        Route("/page/faces/open", read, methods=["POST"]),
        Route("/gradio_api/queue/join", read, methods=["POST"]),
        Route("/gradio_api/upload", read, methods=["POST"]),
        Route("/page/faces/random", large, methods=["POST"]),
        Route("/", broken),
        Route("/secret", read),
    ]
    limits = Middleware(RequestLimits, queue_length=lambda: waiting, max_waiting=64, timeouts=timeouts, folder=folder)
    return Starlette(routes=routes, middleware=[limits])


def alone(timeouts):
    """The middleware, to look into, before an answer of 3 MB."""
    return RequestLimits(PlainTextResponse(bytes(3_000_000)), lambda: 0, 64, timeouts)


def test_a_full_queue_says_so_to_programs_too():
    answer = TestClient(guarded(waiting=64)).post("/gradio_api/queue/join", json={})
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "2"
    assert answer.json()["detail"] == "busy: 64 are waiting before you; try again in a moment"
    assert TestClient(guarded(waiting=63)).post("/gradio_api/queue/join", json={}).status_code == 200


def test_an_address_that_was_not_meant_does_not_exist():
    with TestClient(guarded()) as client:
        assert client.get("/secret").status_code == 404
        assert client.post("/page/js/../open").status_code == 404
        assert client.get("/?deep_link=x").status_code == 404


def test_a_bug_is_answered_and_logged_without_what_was_sent(caplog):
    answer = TestClient(guarded()).get("/")
    assert answer.status_code == 500 and "bug" in answer.json()["error"]
    assert "RuntimeError" in caplog.text and "what was sent" not in caplog.text


async def asked(app, path, receive, read=None):
    """Status and words of an answer to a request over plain ASGI; `read` is what its receiver does with each piece."""
    sent = []

    async def send(message):
        sent.append(message)
        if read:
            await read(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b""}
    await asyncio.wait_for(app(scope, receive, send), 10)
    return sent[0]["status"] if sent else None, b"".join(piece.get("body", b"") for piece in sent)


def body(*pieces, then=None):
    """The receiving side of ASGI: these pieces, and then one after the other what `then` waits for, without an end."""
    left = list(pieces)

    async def receive():
        if not left and then:
            left.append(await then())
        return {"type": "http.request", "body": left.pop(0) if left else b"", "more_body": bool(left or then)}

    return receive


async def never():
    await asyncio.sleep(30)


async def drop_by_drop():
    await asyncio.sleep(0.02)
    return b"x"


@pytest.mark.parametrize("path", ["/page/faces/open", "/gradio_api/upload", "/gradio_api/queue/join"])
@pytest.mark.parametrize("rest", [never, drop_by_drop])
def test_a_body_that_does_not_come_is_given_up(path, rest):
    began = time.monotonic()
    status, words = asyncio.run(asked(guarded(timeouts=Timeouts(0.3, 5)), path, body(b"x", then=rest)))
    assert status == 408 and b"too slow" in words and time.monotonic() - began < 2


def test_a_body_that_comes_steadily_is_waited_for():
    async def steadily():
        await asyncio.sleep(0.05)
        return bytes(CHUNK_BYTES)

    app = guarded(timeouts=Timeouts(0.3, 1.0))
    status, words = asyncio.run(asked(app, "/page/faces/open", body(then=steadily)))
    assert status == 408 and b"too slow" in words  # after a second, not after 0.3
    whole = body(*(bytes(CHUNK_BYTES) for _ in range(20)))
    assert asyncio.run(asked(app, "/page/faces/open", whole)) == (200, b"%d" % (20 * CHUNK_BYTES))


@pytest.mark.parametrize("path", ["/page/faces/open", "/gradio_api/upload"])
def test_uploads_that_fill_their_room_keep_no_question_out(monkeypatch, path):
    monkeypatch.setattr("app.server.request_limits.FILE_BODIES_BYTES", 1_000_000)

    async def crowd():
        app = guarded(timeouts=Timeouts(4, 4))  # longer than a busy machine stands still
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(asked, app, path, body(bytes(333_000), then=never))
            await asyncio.sleep(0.1)
            refused = await asked(app, path, body(bytes(2000)))
            small = [await asked(app, "/gradio_api/queue/join", body(bytes(size))) for size in (300, 900_000)]
        return refused, small, await asked(app, path, body(bytes(2000)))

    (status, words), small, afterwards = asyncio.run(crowd())
    assert status == 503 and b"busy: 3 are waiting before you; try again in a moment" in words
    assert small == [(200, b"300"), (200, b"900000")] and afterwards == (200, b"2000")


def test_an_answer_that_nobody_reads_is_given_up():
    async def until_the_body(message):
        if message["type"] == "http.response.body":
            await never()

    limits = alone(Timeouts(0.1, 5))
    status, read = asyncio.run(asked(limits, "/page/faces/random", body(b""), until_the_body))
    assert status == 200 and len(read) == CHUNK_BYTES and limits.responses.held == 0

    async def slowly(message):
        await asyncio.sleep(0.05)

    limits = alone(Timeouts(0.5, 0.5))
    status, read = asyncio.run(asked(limits, "/page/faces/random", body(b""), slowly))
    assert status == 200 and len(read) < 20 * CHUNK_BYTES
    assert len(asyncio.run(asked(limits, "/page/faces/random", body(b"")))[1]) == 3_000_000


def test_answers_that_are_not_read_have_limited_room(monkeypatch):
    monkeypatch.setattr("app.server.request_limits.RESPONSES_BYTES", 7_000_000)

    async def crowd():
        app, go = guarded(), asyncio.Event()
        responses = []

        async def ask(read):
            responses.append(await asked(app, "/page/faces/random", body(b""), read))

        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(ask, lambda _: go.wait())
            await asyncio.sleep(0.1)
            await ask(None)
            go.set()
        return responses

    (status, words), *others = asyncio.run(crowd())
    assert status == 503 and b"busy: 2 are waiting before you" in words
    assert [(status, len(read)) for status, read in others] == [(200, 3_000_000)] * 2


def test_no_file_is_taken_where_the_folder_of_files_is_full(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "photo.jpg").write_bytes(bytes(500_000))
    (tmp_path / "small").write_bytes(b"x")
    assert folder_size(tmp_path) == 500_000 + MIN_FILE_BYTES
    app = guarded(folder=UploadFolder(600_000, interval=0))
    assert asyncio.run(asked(app, "/gradio_api/upload", body(bytes(1000))))[0] == 200
    status, words = asyncio.run(asked(app, "/gradio_api/upload", body(*(bytes(10_000) for _ in range(9)))))
    assert status == 507 and b"no space for more files at the moment; try again in a few minutes" in words
    (tmp_path / "b").write_bytes(bytes(200_000))
    for path, expected in (("upload", 507), ("queue/join", 507)):
        assert asyncio.run(asked(app, f"/gradio_api/{path}", body(b"x")))[0] == expected
    assert asyncio.run(asked(app, "/page/faces/open", body(b"x"))) == (200, b"1")  # of which no file is made


def test_a_body_that_grows_too_large_is_given_up():
    def parts():
        for _ in range(42):
            yield bytes(1_000_000)

    answer = TestClient(guarded()).post("/page/faces/open", content=parts())
    assert answer.status_code == 413 and "40 MB" in answer.json()["error"]
