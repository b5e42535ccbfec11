"""Claims about the running app: its named endpoints through gradio_client, and its page's routes."""

from __future__ import annotations

import asyncio
import io
import json
import re
import select
import shutil
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image, ImageDraw

from app.app import build, launch
from app.page.programs_tab import CURL, INTRO, JAVASCRIPT, PYTHON
from app.server.bundle import bundle
from app.server.cleanup import FILES_KEPT_FOR
from app.server.exchange import MAX_FILE_BYTES
from app.server.rendering import picture_file
from app.server.state import within_reach
from rbvae.images.ai_metadata import AI_NOTE

ROOT = Path(__file__).resolve().parents[2]
ENDPOINTS = {"/infer", "/sample", "/transfer", "/edit", "/digits_transfer", "/neutral", "/animate", "/batch"}


@pytest.fixture(scope="module")
def client(editors):
    demo = build(editors)
    _, url, _ = launch(demo, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    opened = Client(url, verbose=False)
    yield opened
    opened.close()
    demo.close(verbose=False)


@pytest.fixture
def photo(astronaut):
    return handle_file(str(astronaut))


@pytest.fixture(scope="module")
def digit_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("digits") / "digit.png"
    picture = Image.new("RGB", (64, 64))
    ImageDraw.Draw(picture).line([(18, 16), (44, 16), (30, 50)], fill="white", width=5)
    picture.save(path)
    return handle_file(str(path))


def pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"), dtype=np.int16)


def test_the_contracts_endpoints_and_three_more_are_public(client):
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == ENDPOINTS


def test_infer_gives_latents_crop_and_reconstruction(client, editors, photo):
    facts, crop, reconstruction = client.predict(photo, api_name="/infer")
    assert len(facts["z"]) == editors.faces.config.dim_z
    assert len(facts["e"]) == editors.faces.config.dim_e
    left, top, right, bottom = facts["box"]
    assert 0 < left < right < 512 and 0 < top < bottom < 512
    assert isinstance(facts["warnings"], list)
    assert pixels(crop).shape == pixels(reconstruction).shape == (32, 32, 3)


def test_sample_is_seeded(client, photo):
    first, again, other = (
        [pixels(item["image"]) for item in client.predict(photo, count, seed, api_name="/sample")]
        for count, seed in ((3, 1), (2, 1), (2, 2))
    )
    assert len(first) == 3
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=False))
    assert not np.array_equal(first[0], other[0])


def test_transfer_gives_the_whole_photo_and_changes_only_its_face(client, photo, editors, astronaut):
    facts, *_ = client.predict(photo, api_name="/infer")
    twisted = client.predict(photo, [3.0, -3.0, 3.0, -3.0], api_name="/edit")
    moved = pixels(client.predict(handle_file(twisted), photo, 1.0, api_name="/transfer"))
    before = pixels(astronaut)
    assert moved.shape == before.shape
    left, top, right, bottom = (int(edge) for edge in facts["box"])
    outside = np.abs(moved - before)
    margin = bottom - top  # the crop is wider than the landmarks
    outside[max(0, top - margin) : bottom + margin, max(0, left - margin) : right + margin] = 0
    assert outside.mean() < 1.0  # JPEG alone


def test_edit_takes_e_or_named_sigmas(client, photo):
    facts, *_ = client.predict(photo, api_name="/infer")
    moved = list(facts["e"])
    moved[0] += 2.0  # the first direction is the first axis, with a sigma of 1
    by_list = pixels(client.predict(photo, moved, api_name="/edit"))
    by_name = pixels(client.predict(photo, {"smile": 2}, api_name="/edit"))
    by_text = pixels(client.predict(photo, '{"smile": 2}', api_name="/edit"))
    assert by_list.shape == (512, 512, 3)
    assert np.array_equal(by_list, by_name) and np.array_equal(by_name, by_text)


def test_digits_transfer_gives_a_digit(client, digit_file):
    assert pixels(client.predict(digit_file, digit_file, api_name="/digits_transfer")).shape == (32, 32, 3)


def test_results_carry_no_exif_and_say_they_are_edited(client, tmp_path):
    from skimage import data

    exif = Image.Exif()
    exif[0x010E] = "where I live"
    located = tmp_path / "located.jpg"
    Image.fromarray(data.astronaut()).save(located, exif=exif)
    result = client.predict(handle_file(str(located)), {"smile": 1}, api_name="/edit")
    with Image.open(result) as image:
        assert not image.getexif()
        assert image.info["comment"].decode() == AI_NOTE


def refusal(client, *args, api_name="/edit") -> str:
    with pytest.raises(AppError) as caught:
        client.predict(*args, api_name=api_name)
    text = str(caught.value)
    assert "\n" not in text and "Traceback" not in text
    return text


def test_a_text_file_named_jpg_is_refused_in_words(client, tmp_path):
    path = tmp_path / "notes.jpg"
    path.write_text("not a picture")
    text = refusal(client, handle_file(str(path)), api_name="/infer")
    assert "notes.jpg is not a picture" in text and "JPEG" in text


def test_a_picture_without_a_face_is_refused_in_words(client, tmp_path):
    path = tmp_path / "wall.png"
    Image.new("RGB", (200, 200), "gray").save(path)
    text = refusal(client, handle_file(str(path)), api_name="/infer")
    assert "no face found" in text and str(tmp_path) not in text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1.0], "this model takes 4"),
        ({"grin": 1}, "no direction 'grin'"),
        ({"smile": "big"}, "smile='big'"),
        ([0, 0, 0, "x"], "values='x'"),
        ("{", "not JSON"),
        (3, "give a list"),
    ],
)
def test_wrong_values_are_refused_in_words(client, photo, values, words):
    assert words in refusal(client, photo, values)


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (65, 0), (2, -1)])
def test_wrong_counts_and_seeds_are_refused_in_words(client, photo, count, seed):
    assert "give a whole number" in refusal(client, photo, count, seed, api_name="/sample")


def test_wrong_strength_is_refused_in_words(client, photo):
    assert "strength=99" in refusal(client, photo, photo, 99, api_name="/transfer")


def test_a_program_that_asks_for_more_gets_the_most_and_is_told(client, photo, editors, portrait):
    async def told(job):
        return [update.log async for update in job if getattr(update, "log", None)]

    kept, words = within_reach(editors.faces, {"smile": 50}, portrait.e)
    job = client.submit(photo, {"smile": 50}, api_name="/edit")
    assert asyncio.run(told(job)) == [(words, "warning")]
    assert np.array_equal(pixels(job.result()), pixels(client.predict(photo, kept, api_name="/edit")))


def ask(client, action, content=b"", kind="faces", visitor="", **fields):
    body = content or json.dumps(fields).encode()
    headers = {"Visitor": visitor} if visitor else {}
    return httpx.post(f"{client.src}page/{kind}/{action}", content=body, timeout=60, headers=headers)


def test_the_page_edits_by_key(client, astronaut):
    record = ask(client, "open", astronaut.read_bytes()).json()
    edit = {"named": {"smile": 2}}
    drawn, still = (ask(client, "draw", key=record["key"], edit=one).json() for one in (edit, {}))
    assert drawn["picture"].startswith("data:image/jpeg") and drawn["picture"] != still["picture"]
    whole = ask(client, "save", edits=[{"key": record["key"], "edit": edit}])
    with Image.open(io.BytesIO(whole.content)) as image:
        assert image.size == (512, 512) and image.info["comment"].decode() == AI_NOTE
    assert ask(client, "forget", key=record["key"]).status_code == 200
    assert ask(client, "draw", key=record["key"], edit=edit).status_code == 410


def test_a_saved_digit_is_large_enough_to_be_seen(client, digit_file):
    key = ask(client, "open", Path(digit_file["path"]).read_bytes(), kind="digits").json()["key"]
    saved = ask(client, "save", kind="digits", edits=[{"key": key, "edit": {"named": {"size": 1}}}])
    with Image.open(io.BytesIO(saved.content)) as image:
        assert image.format == "PNG" and image.size == (512, 512)


def test_the_scripts_are_one_compressed_file_that_browsers_keep(client):
    packed = bundle()
    answer = httpx.get(f"{client.src}page/js/app-{packed.version}.js")
    assert answer.content == packed.content and "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip" and len(packed.gzipped) < 0.4 * len(packed.content)
    plain = httpx.get(f"{client.src}page/js/app-{packed.version}.js", headers={"accept-encoding": "identity"})
    assert plain.content == packed.content and "content-encoding" not in plain.headers
    assert httpx.get(f"{client.src}page/js/app-0.js").headers["cache-control"] == "no-cache"


def test_an_idle_connection_stays_open_longer_than_a_proxys(client):
    server = urlsplit(client.src)
    ask_again = b"GET /robots.txt HTTP/1.1\r\nHost: %s\r\n\r\n" % server.netloc.encode()
    with socket.create_connection((server.hostname, server.port)) as connection:
        for pause in (0, 5.5):  # by default it would be closed after 5 seconds, perhaps just when it is used again
            time.sleep(pause)
            connection.sendall(ask_again)
            assert b"200 OK" in connection.recv(4096)
            while connection in select.select([connection], [], [], 0.2)[0]:
                assert connection.recv(65536)


def test_a_key_that_was_never_given_opens_nothing(client):
    for key in ("", "x" * 32, None, ["example-astronaut"]):
        refused = ask(client, "draw", key=key, edit={})
        assert refused.status_code == 410 and "open it again" in refused.json()["error"]


@pytest.mark.parametrize(
    ("action", "kind", "status"),
    [("shutdown", "faces", 404), ("keep", "faces", 404), ("draw", "letters", 404), ("source", "digits", 404)],
)
def test_only_what_the_page_asks_for_can_be_called(client, action, kind, status):
    assert ask(client, action, kind=kind).status_code == status


def test_wrong_requests_of_the_page_are_refused_in_words(client, astronaut):
    assert "not a picture" in ask(client, "open", b"words").json()["error"]
    assert "40 MB" in ask(client, "open", bytes(MAX_FILE_BYTES + 1)).json()["error"]
    assert "reload the page" in ask(client, "draw", b"{").json()["error"]
    assert "reload the page" in ask(client, "draw", unknown=1).json()["error"]


@pytest.mark.parametrize(("name", "start"), [("mp4", b"ftyp"), ("webp", b"WEBP"), ("gif", b"GIF89a")])
def test_films_come_in_three_formats(client, name, start):
    moved = {"named": {"smile": 2}}
    edits = [{"key": "made-up-face-1", "edit": moved}]
    film = ask(client, "film", edits=edits, format=name, view="crop")
    assert start in film.content[:16] and film.headers["content-type"].endswith(f"/{name}")


def test_the_python_snippet_runs(client, astronaut, tmp_path, monkeypatch):
    for name in ("me.jpg", "friend.jpg"):
        (tmp_path / name).write_bytes(astronaut.read_bytes())
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(PYTHON.replace("http://127.0.0.1:7860", client.src), names)
    names["app"].close()
    assert pixels(names["mine"]).shape == (512, 512, 3) and len(names["several"]) == 8


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl installed")
def test_the_curl_snippet_runs(client, astronaut, tmp_path):
    (tmp_path / "me.jpg").write_bytes(astronaut.read_bytes())
    script = CURL.replace("http://127.0.0.1:7860/", client.src)
    done = subprocess.run(["sh", "-ec", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "event: complete" in done.stdout and "edited.jpg" in done.stdout


def test_the_words_above_the_snippets_name_every_endpoint():
    assert set(re.findall(r"`(/\w+)`", INTRO)) >= ENDPOINTS
    imported = re.findall(r"import \{ (.*?) \}", JAVASCRIPT)[0].split(", ")
    assert all(JAVASCRIPT.count(name) > 1 for name in imported)


def test_about_says_how_long_files_are_kept():
    assert FILES_KEPT_FOR == 600 and "deleted after ten minutes" in (ROOT / "app" / "page" / "about.md").read_text()


def test_drawing_waits_for_nothing_slow(client, editors):
    started = time.perf_counter()
    for _ in range(20):
        assert ask(client, "draw", key="made-up-face-1", edit={"named": {"smile": 1}}).status_code == 200
    assert (time.perf_counter() - started) / 20 < 0.5


def test_small_pictures_are_lossless_files():
    image = Image.effect_noise((40, 40), 80).convert("RGB")
    assert np.array_equal(pixels(picture_file(image, "crop")), np.asarray(image))
