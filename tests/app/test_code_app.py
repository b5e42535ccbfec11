"""The app with a model of codes: it starts, its page edits whole photos, and so do its endpoints and tools."""

from __future__ import annotations

import asyncio
import base64
import html
import io
import json
import re

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from app.app import build, launch
from app.page.about import PeopleTable, about
from app.page.faces_tab import made_up
from rbvae.editing.batch import expression
from rbvae.images.ai_metadata import AI_NOTE

mcp = pytest.importorskip("mcp")
from mcp.client.streamable_http import streamable_http_client  # noqa: E402


@pytest.fixture(scope="module")
def demo(code_editors):
    return build(code_editors)


@pytest.fixture(scope="module")
def client(demo):
    _, url, _ = launch(demo, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    opened = Client(url, verbose=False)
    yield opened
    opened.close()
    demo.close(verbose=False)


@pytest.fixture(scope="module")
def photo(astronaut):
    return handle_file(str(astronaut))


@pytest.fixture(scope="module")
def portrait(code_editors, astronaut):
    return code_editors.faces.infer(astronaut)


def pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"), dtype=np.int16)


def shown(url: str) -> np.ndarray:
    """The picture of a data: URL."""
    return pixels(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def ask(client, action, content=b"", **fields):
    return httpx.post(f"{client.src}page/faces/{action}", content=content or json.dumps(fields).encode(), timeout=60)


def near(picture, expected) -> bool:
    """Whether they are the same but for JPEG."""
    return np.abs(picture - np.asarray(expected, np.int16)).mean() < 3


def setup(demo) -> dict:
    """What the page knows of faces before anything is opened."""
    values = [block.value for block in demo.blocks.values() if isinstance(getattr(block, "value", None), str)]
    (told,) = (found for value in values for found in re.findall(r'rb faces" data-setup="(.*?)"', value))
    return json.loads(html.unescape(told))


def test_the_page_has_no_made_up_faces_and_photos_to_copy_from(demo, code_editors):
    told = setup(demo)
    assert made_up(code_editors.faces) == [] and len(told["donors"]) > len(told["examples"]) > 3
    assert max(shown(told["donors"][0]["picture"]).shape) <= 160
    assert told["first"] in [tile["name"] for tile in told["tiles"]]
    assert [group for group, _ in told["controls"]] == ["Mouth", "Eyes", "Brows", "Head"]


def test_about_shows_the_examples(code_editors, portrait):
    table = PeopleTable.of(code_editors, [portrait])
    text = about(table)
    assert text.count("<img") == 5 and "from the example photos" in text and "{" not in text
    assert "<table" in about(PeopleTable.of(code_editors))
    assert pixels(io.BytesIO(table.picture(0, 1))).shape[2] == 3 and table.picture(0, 1) is table.picture(0, 1)
    assert table.picture(1, 0) is None and table.picture(0, 5) is None


def test_fifty_megapixels_are_edited_and_saved_at_full_size(client, astronaut):
    with Image.open(astronaut) as photo:
        content = io.BytesIO()
        photo.resize((7000, 7000)).save(content, "JPEG", quality=70)
    record = ask(client, "open", content.getvalue()).json()
    assert record["size"] == [7000, 7000] and not record["notes"]
    saved = ask(client, "save", edits=[{"key": record["key"], "edit": {"named": {"smile": 2}}}]).content
    with Image.open(io.BytesIO(saved)) as edited:
        assert (edited.format, edited.size) == ("JPEG", (7000, 7000))


def test_pictures_under_about_are_drawn_when_a_browser_asks(client):
    answer = httpx.get(f"{client.src}page/about/0-1.jpg")
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
    assert httpx.get(f"{client.src}page/about/0-99.jpg").status_code == 404


def test_the_page_edits_in_the_photo(client, code_editors, portrait, astronaut):
    key = ask(client, "open", astronaut.read_bytes()).json()["key"]
    edit = code_editors.faces.edit(portrait, code_editors.faces.moved(portrait.e, {"smile": 2}))
    drawn = ask(client, "draw", key=key, edit={"named": {"smile": 2}}).json()
    box, patch = edit.patch()
    assert drawn["box"] == list(box) and near(shown(drawn["picture"]), patch)
    whole = ask(client, "save", edits=[{"key": key, "edit": {"named": {"smile": 2}}}]).content
    assert AI_NOTE.encode() in whole and near(pixels(io.BytesIO(whole)), edit.photo)
    assert ask(client, "draw", key=key, edit={}).json()["box"] == [0, 0, 1, 1]
    seen = ask(client, "seen", key=key).json()
    assert near(shown(seen["crop"]), portrait.crop) and near(shown(seen["reconstruction"]), portrait.reconstruction)


def test_a_smaller_picture_for_display_covers_the_same_part_of_the_photo(client, code_editors, portrait):
    full, small = (
        ask(client, "draw", key="example-person-1", edit={"tile": "big smile"}, side=side).json() for side in (0, 100)
    )
    assert small["box"] == pytest.approx(full["box"], abs=8)
    assert shown(small["picture"]).shape[0] < shown(full["picture"]).shape[0]


def test_tiles_are_small_real_edits(client):
    key = "example-astronaut"
    edits = [{}, {"tile": "neutral"}, {"seed": 1}, {"gesture": {"close eyes": 1}}]
    tiles = ask(client, "tiles", key=key, edits=edits).json()["pictures"]
    assert len(set(tiles)) == 4 and max(shown(tiles[0]).shape) <= 192 and len(tiles[0]) < 30_000


def test_a_donor_a_film_and_another_face(client):
    key = "example-astronaut"
    donor = ask(client, "pick", key="example-smile-1").json()
    edit = {"e": donor["e"], "donor": "example-smile-1", "parts": ["mouth"], "gesture": {"turn right": 6}}
    (e,) = ask(client, "latents", key=key, edits=[edit]).json()["es"]
    assert np.abs(np.subtract(e, ask(client, "pick", key=key).json()["e"])).max() > 0.1
    film = ask(client, "film", edits=[{"key": key, "edit": edit}], format="webp")
    assert Image.open(io.BytesIO(film.content)).size == (512, 512)
    assert ask(client, "face", key=key, face=0).json()["size"] == [512, 512]


def test_infer_gives_the_square_and_the_copy_of_it(client, photo, portrait):
    facts, crop, copy = client.predict(photo, api_name="/infer")
    assert len(facts["z"]) == 8 and facts["e"] == pytest.approx(portrait.e.tolist())
    assert pixels(crop).shape == pixels(copy).shape == (*portrait.crop.size, 3)


def test_edit_takes_gestures_by_name_and_limits_them(client, photo, code_editors, portrait):
    named = {"smile": 1, "gaze right": 1, "turn right": 6}
    edit = code_editors.faces.edit(portrait, expression(code_editors.faces, named, portrait))
    assert near(pixels(client.predict(photo, named, api_name="/edit")), edit.photo)
    far = pixels(client.predict(photo, named | {"gaze right": 7}, api_name="/edit"))
    assert near(far, edit.photo)


def test_all_images_of_faces_are_the_edited_photo_at_its_own_size(client, photo, code_editors, portrait):
    editor = code_editors.faces
    samples = [pixels(item["image"]) for item in client.predict(photo, 2, 1, api_name="/sample")]
    for sample, edit in zip(samples, editor.sample(portrait, 2, 1), strict=True):
        assert near(sample, edit.photo)
    assert near(pixels(client.predict(photo, {"smile": 1}, api_name="/edit")),
                editor.edit(portrait, editor.moved(portrait.e, {"smile": 1})).photo)  # fmt: skip
    assert near(pixels(client.predict(photo, photo, 1.0, api_name="/transfer")), portrait.source)
    assert near(pixels(client.predict(photo, api_name="/neutral")), editor.neutral(portrait).photo)


def test_a_batch_and_a_film_are_made(client, photo):
    _, manifest = client.predict([photo], {"smile": 1}, api_name="/batch")
    assert [entry["ok"] for entry in manifest] == [True]
    assert client.predict(photo, "neutral", "gif", 0.2, api_name="/animate").endswith(".gif")


def test_samples_of_a_large_photo_are_limited_together(client, photo, monkeypatch):
    monkeypatch.setattr("app.server.api.MAX_PIXELS", 600_000)
    with pytest.raises(AppError, match="count=3 is too many for a photo of 512 x 512 pixels; ask for at most 2"):
        client.predict(photo, 3, 0, api_name="/sample")


def test_an_assistant_edits_too(client, astronaut, code_editors, portrait):
    async def talk():
        async with streamable_http_client(f"{client.src}gradio_api/mcp/") as (read, write, *_):
            async with mcp.ClientSession(read, write) as session:
                await session.initialize()
                inline = f"data:image/jpeg;base64,{base64.b64encode(astronaut.read_bytes()).decode()}"
                return await session.call_tool("neutral", {"photo": inline})

    picture, _ = asyncio.run(talk()).content
    assert near(pixels(io.BytesIO(base64.b64decode(picture.data))), code_editors.faces.neutral(portrait).photo)
