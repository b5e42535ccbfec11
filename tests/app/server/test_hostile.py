"""A part of tests/hostile.py against the app over HTTP; tests/hostile_run.py sends all of it."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import httpx
import pytest
from PIL import Image

from app.app import build, launch
from app.server.api import Endpoints
from app.server.editors import Editors
from rbvae import PortraitEditor, StyleEditor
from rbvae.__main__ import main
from rbvae.images.ai_metadata import AI_NOTE
from rbvae.images.profiles import srgb_profile
from tests import hostile
from tests.hostile_run import ROUTES, VISITOR, plain, run

CAMERA = b"CamOScope"
WHOLE = ("page/faces/open", "page/digits/open", "/batch")  # the others take every fourth file


@pytest.fixture(scope="module")
def url(tiny_faces, tiny_digits):
    demo = build(Editors(PortraitEditor.from_pretrained(tiny_faces), StyleEditor.from_pretrained(tiny_digits)))
    _, address, _ = launch(demo, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    yield address
    demo.close(verbose=False)


@pytest.fixture(scope="module")
def corpus():
    return hostile.corpus()


@pytest.fixture(scope="module")
def cases(corpus):
    """Some sixty, of every kind, without those that only take time."""
    whole = [case for case in corpus if len(case.content) < 1_000_000]
    kinds = sorted({case.kind for case in whole})
    chosen = [[case for case in whole if case.kind == kind] for kind in kinds]
    return [case for group in chosen for case in group[:: max(1, len(group) // 4)][:4]]


@pytest.fixture(scope="module")
def private():
    """A photo that says by which camera, where, and by whom it was taken, wherever a JPEG can say so."""
    exif = Image.Exif()
    exif[0x010F] = CAMERA.decode()
    exif.get_ifd(0x8825)[1], exif.get_ifd(0x8825)[2] = "N", (48.0, 8.0, 15.0)
    xmp = b"<x:xmpmeta>" + CAMERA + b"</x:xmpmeta>"
    return hostile.encoded(
        hostile.picture(), "JPEG", exif=exif, xmp=xmp, comment=CAMERA, icc_profile=bytes(128) + CAMERA
    )


def test_the_corpus_is_500_files_and_the_same_ones_every_time(corpus):
    assert len(corpus) == hostile.COUNT and len({case.kind for case in corpus}) > 15
    assert max(len(case.content) for case in corpus) < 10_000_000  # larger ones are not even read
    for parts in (hostile.colours, hostile.flipped, hostile.wrong_extensions):
        assert list(parts(random.Random(0))) == list(parts(random.Random(0)))


def test_every_answer_is_a_picture_or_one_plain_sentence(url, cases):
    assert 50 <= len(cases) <= 80
    for name in ROUTES:
        sent = cases if name in WHOLE else cases[::4]
        tally = run(url, sent, 2, {name: None})[name]
        slow = [wrong for wrong in tally.wrong if wrong.endswith(" s")]  # on a busy machine
        assert [wrong for wrong in tally.wrong if wrong not in slow] == [], name
        assert tally.sentences > len(sent) // 8, name
        assert tally.pictures > len(sent) // 8 or "digits" in name, name  # none of them shows a digit


def test_what_is_no_sentence_is_noticed():
    assert plain("photo.jpg is not a picture that can be read; use a JPEG, PNG, WebP or HEIC file")
    for words in (
        "",
        "None",
        "Traceback (most recent call last)",
        "two\nlines of words",
        "x" * 999,
        "ValueError(3) was raised",
    ):
        assert not plain(words)


def check(content: bytes, edited: bool = True) -> None:
    """Nothing of the photo's metadata is in a file, no profile but our own, and the note is in one that was edited."""
    rest = content.replace(srgb_profile(), b"")
    for sign in (CAMERA, b"Exif\0", b"acsp"):
        assert sign not in rest
    assert (AI_NOTE.encode() in content) == edited


def test_nothing_the_page_sends_holds_the_photos_metadata_and_edits_are_marked(url, private):
    import base64

    with httpx.Client(base_url=url, timeout=60, headers=VISITOR) as client:
        opened = client.post("/page/faces/open", content=private).json()
        key, edit = opened["key"], {"named": {"smile": 2}}

        def ask(action: str, **named):
            return client.post(f"/page/faces/{action}", json={"key": key, **named})

        def picture(url: str) -> bytes:
            return base64.b64decode(url.split(",", 1)[1])

        seen = ask("seen").json()
        check(picture(seen["crop"]), edited=False)
        check(ask("source").content, edited=False)
        check(picture(seen["reconstruction"]))
        check(picture(ask("draw", edit=edit).json()["picture"]))
        check(picture(ask("draw", edit=edit, side=100).json()["picture"]))
        for format in ("", "JPEG", "PNG", "WEBP"):
            check(
                client.post("/page/faces/save", json={"edits": [{"key": key, "edit": edit}], "format": format}).content
            )
        for tile in ask("tiles", edits=[edit, {"tile": "neutral"}, {"seed": 1}]).json()["pictures"]:
            check(picture(tile))
        for format in ("mp4", "webp", "gif"):
            film = {"edits": [{"key": key, "edit": edit}], "format": format}
            check(client.post("/page/faces/film", json=film).content)


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("edit", [{"smile": 2}]),
        ("neutral", []),
        ("infer", []),
        ("sample", [2, 0]),
        ("animate", ["neutral", "gif", 0.2]),
    ],
)
def test_nothing_an_endpoint_gives_holds_the_photos_metadata(url, private, name, rest):
    with httpx.Client(base_url=url, timeout=60) as client:
        (path,) = client.post("/gradio_api/upload", files={"files": ("me.jpg", private)}).json()
        data = [{"path": path, "meta": {"_type": "gradio.FileData"}}, *rest]
        begun = client.post(f"/gradio_api/call/{name}", json={"data": data}).json()["event_id"]
        last = client.get(f"/gradio_api/call/{name}/{begun}").text.strip().splitlines()[-1]
        files = list(found(json.loads(last.removeprefix("data: "))))
        assert files
        for file in files:
            check(client.get(f"/gradio_api/file={file}").content, edited="crop." not in file)


NINES = "9" * 400
DEEP = "[" * 100_000
LONG = "x" * 900_000
DIGIT = Path(__file__).parents[3] / "app" / "examples" / "digits" / "00.png"
EDIT = '{"named": {"smile": 1}}'


@pytest.fixture(scope="module")
def keys(url, private):
    """A face's and a digit's, as the page gets them."""
    with httpx.Client(base_url=url, timeout=60, headers=VISITOR) as client:
        given = {"faces": private, "digits": DIGIT.read_bytes()}
        return {kind: client.post(f"/page/{kind}/open", content=given[kind]).json()["key"] for kind in given}


@pytest.mark.parametrize(
    ("action", "asked"),
    [
        ("faces/draw", DEEP),
        ("faces/draw", '{"key": "FACES", "edit": ' + "[" * 900 + "]" * 900 + "}"),
        ("faces/draw", f'{{"key": "FACES", "edit": "{LONG}"}}'),
        ("faces/draw", f'{{"key": "FACES", "edit": {{"e": [{"1," * 300_000}1]}}}}'),
        ("faces/draw", f'{{"key": "FACES", "edit": {{"named": {{"smile": {NINES}}}}}}}'),
        ("faces/draw", f'{{"key": "FACES", "edit": {{"named": {{"a\\nb{LONG}": 1}}}}}}'),
        ("faces/draw", f'{{"key": "FACES", "edit": {{"seed": {NINES}}}}}'),
        ("faces/draw", '{"key": "FACES", "edit": {"parts": [["mouth"]]}}'),
        ("faces/draw", '{"key": "FACES", "edit": {"tile": {"a": 1}}}'),
        ("faces/draw", '{"key": "FACES", "edit": {"gesture": {"close eyes": [1]}}}'),
        ("faces/draw", '{"key": "FACES", "edit": {"gesture": {"__init__": 1}}}'),
        ("faces/draw", '{"key": "FACES", "edit": {"donor": "DIGITS"}}'),
        ("faces/draw", f'{{"key": "FACES", "edit": {EDIT}, "side": "large"}}'),
        ("faces/draw", f'{{"key": "FACES", "edit": {EDIT}, "a\\nb\\ud800{LONG}": 1}}'),
        ("faces/face", f'{{"key": "FACES", "face": {NINES * 10}}}'),
        ("faces/tiles", '{"key": "FACES", "edits": []}'),
        ("faces/tiles", f'{{"key": "FACES", "edits": [{"{}," * 40}{{}}]}}'),
        ("faces/latents", '{"key": "FACES", "edits": "abc"}'),
        ("faces/film", f'{{"key": "FACES", "start": {EDIT}, "end": {EDIT}, "format": ["mp4"]}}'),
        ("faces/film", f'{{"key": "FACES", "start": {EDIT}, "end": {EDIT}, "view": {{"a": "b\\n"}}}}'),
        ("faces/save", '{"edits": [{"key": "FACES"}]}'),
        ("faces/save", '{"edits": [{"key": "FACES", "edit": {}}], "format": ["PNG"]}'),
        ("faces/save", '{"edits": [{"key": "FACES", "edit": {}}, {"key": "DIGITS", "edit": {}}]}'),
        ("faces/pick", '{"key": "DIGITS"}'),
        ("faces/draw", f'{{"key": "DIGITS", "edit": {EDIT}}}'),
        ("digits/save", '{"edits": [{"key": "DIGITS", "edit": {}}, {"key": "DIGITS", "edit": {}}]}'),
        ("digits/draw", f'{{"key": "FACES", "edit": {EDIT}}}'),
        ("digits/draw", f'{{"key": "made-up-face-1", "edit": {EDIT}}}'),
    ],
    ids=lambda text: text[:60],
)
def test_the_page_refuses_what_it_did_not_ask_for_in_one_sentence(url, keys, action, asked):
    for kind, key in keys.items():
        asked = asked.replace(kind.upper(), key)
    answer = httpx.post(f"{url}page/{action}", content=asked, headers=VISITOR, timeout=20)
    assert answer.status_code in (410, 422) and plain(answer.json()["error"]), answer.text[:400]


def test_names_in_a_manifest_are_lines_that_can_be_sent(url, keys):
    asked = f'{{"key": "{keys["faces"]}", "edit": {EDIT}, "photo": "a\\ud800b", "file": "c\\nd"}}'
    entry = httpx.post(f"{url}page/faces/entry", content=asked, headers=VISITOR, timeout=20).json()
    assert (entry["photo"], entry["file"]) == ("a_b", "c_d")


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("edit", f'{{"smile": {NINES}}}'),
        ("edit", f'{{"smile": "{LONG}"}}'),
        ("edit", '{"smile": 1e30}'),
        ("edit", f'{{"{LONG}": 1}}'),
        ("edit", '{"a\\nb\\ud800": "c"}'),
        ("edit", f"[{NINES}]"),
        ("edit", f'"{DEEP}"'),
        ("edit", f'"{LONG}"'),
        ("edit", "[" * 500 + "]" * 500),
        ("animate", '"neutral", ["mp4"], 0.2'),
        ("animate", f'"neutral", "a\\nb{LONG}", 0.2'),
        ("animate", f'"neutral", "gif", {NINES}'),
        ("sample", f"{NINES}, 1"),
        ("sample", f"1, {NINES}"),
        ("transfer", f"null, {NINES}"),
    ],
    ids=lambda text: text[:60],
)
def test_an_endpoint_refuses_arguments_in_one_sentence(url, private, name, rest, caplog, capfd):
    with httpx.Client(base_url=url, timeout=60) as client:
        (path,) = client.post("/gradio_api/upload", files={"files": ("me.jpg", private)}).json()
        record = json.dumps({"path": path, "meta": {"_type": "gradio.FileData"}})
        asked = client.post(f"/gradio_api/call/{name}", content=f'{{"data": [{record}, {rest}]}}',
                            headers={"Content-Type": "application/json"})  # fmt: skip
        last = client.get(f"/gradio_api/call/{name}/{asked.json()['event_id']}").text.strip().splitlines()[-1]
    words = json.loads(last.removeprefix("data: "))["error"]
    assert plain(words), last[:400]
    assert "bug" not in words and "Traceback" not in caplog.text + "".join(capfd.readouterr())


def found(told) -> list[str]:
    """The paths of all files in an answer."""
    if isinstance(told, dict):
        return [told["path"]] if "path" in told else [path for value in told.values() for path in found(value)]
    return [path for value in told for path in found(value)] if isinstance(told, list) else []


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_nothing_the_terminal_command_writes_holds_the_photos_metadata(tiny_faces, private, tmp_path, ending):
    (tmp_path / "me.jpg").write_bytes(private)
    command = [
        "neutral",
        str(tmp_path / "me.jpg"),
        "--checkpoint",
        str(tiny_faces),
        "-o",
        str(tmp_path / f"out.{ending}"),
    ]
    assert main(command) == 0
    check((tmp_path / f"out.{ending}").read_bytes())
    assert Image.open(io.BytesIO((tmp_path / f"out.{ending}").read_bytes())).size == (256, 256)


def test_every_route_that_takes_a_file_is_in_the_run():
    endpoints = {f"/{name}" for name in vars(Endpoints) if not name.startswith("_")}
    assert {"page/faces/open", "page/digits/open"} | endpoints == set(ROUTES)
