"""The endpoints beyond the contract's five, and what programs and assistants are told about all of them."""

import json
import zipfile
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from gradio.utils import get_function_description
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from app.server.api import MAX_FRAMES, Endpoints, add_endpoints, film_settings
from rbvae.images.ai_metadata import AI_NOTE

NAMES = ("infer", "sample", "transfer", "edit", "neutral", "animate", "batch", "digits_transfer")


@pytest.fixture(scope="module")
def client(editors):
    with gr.Blocks(analytics_enabled=False) as demo:
        add_endpoints(editors)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", ssr_mode=False)
    opened = Client(url, verbose=False)
    yield opened
    opened.close()
    demo.close(verbose=False)


@pytest.fixture
def photo(astronaut):
    return handle_file(str(astronaut))


def test_neutral_is_the_references_e_in_the_photo(client, editors, photo, astronaut):
    made = np.asarray(Image.open(client.predict(photo, api_name="/neutral")), int)
    expected = editors.faces.neutral(editors.faces.infer(astronaut)).photo
    assert made.shape == (512, 512, 3)
    assert np.abs(made - np.asarray(expected, int)).mean() < 3  # JPEG


@pytest.mark.parametrize(("values", "format"), [("neutral", "webp"), ({"smile": 2}, "gif"), ([1, 2, 3, 4], "mp4")])
def test_a_film_comes_in_each_format(client, photo, values, format):
    path = Path(client.predict(photo, values, format, 0.2, api_name="/animate"))
    assert path.suffix == f".{format}" and AI_NOTE.encode() in path.read_bytes()


@pytest.mark.parametrize("seconds", [0.1, 1.5, 6, 6.1, 13.3, 20])
def test_a_film_of_any_length_has_a_limited_number_of_frames(seconds):
    film = film_settings(seconds, "gif")
    assert film.frames <= MAX_FRAMES and film.seconds == seconds and (film.fps == 20) == (seconds <= 6)


def test_a_batch_accounts_for_every_photo(client, photo, tmp_path):
    (tmp_path / "letter.jpg").write_text("Dear Sir")
    path, manifest = client.predict([photo, handle_file(str(tmp_path / "letter.jpg"))], {"smile": 1}, api_name="/batch")
    assert [entry["ok"] for entry in manifest] == [True, False]
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("manifest.json"))["photos"] == manifest
        assert archive.namelist() == [manifest[0]["file"], "manifest.json"]


def test_a_zip_has_a_largest_size(client, photo, monkeypatch):
    monkeypatch.setattr("app.server.api.MAX_ZIP", 100_000)
    with pytest.raises(AppError, match="the edited photos are over 0 MB together; send fewer at a time"):
        client.predict([photo] * 4, {"smile": 1}, api_name="/batch")


def test_what_cannot_be_is_said(client, photo):
    for arguments, name, said in (
        ((photo, {"wink": 1}, "gif", 0.2), "/animate", "no direction 'wink'"),
        ((photo, "neutral", "avi", 0.2), "/animate", "format='avi'"),
        ((photo, "neutral", "gif", 1000), "/animate", "seconds=1000"),
        ((photo, "neutral", "gif", 20.5), "/animate", "seconds=20.5; give a number from 0.1 to 20"),
        (([], "neutral"), "/batch", "0 photos were given"),
        (([photo], "grin"), "/batch", "not JSON"),
    ):
        with pytest.raises(AppError, match=said):
            client.predict(*arguments, api_name=name)


@pytest.mark.parametrize("name", NAMES)
def test_every_endpoint_describes_itself_its_arguments_and_its_results(editors, name):
    says, arguments, results = get_function_description(getattr(Endpoints(editors), name))
    assert len(says) > 40 and results
    assert all(len(text) > 10 for text in arguments.values())


def test_schemas_of_the_arguments_are_schemas(client):
    """Gradio's own say `"type": {}` for JSON and refer to what is elsewhere for files; MCP clients refuse both."""
    told = client.view_api(return_format="dict")["named_endpoints"]
    assert set(told) == {f"/{name}" for name in NAMES}
    for endpoint in told.values():
        for argument in endpoint["parameters"]:
            assert argument["type"].get("type") != {} and "$ref" not in json.dumps(argument["type"]), argument


def test_an_endpoint_that_takes_a_list_of_photos_is_no_mcp_tool(editors):
    """Gradio hands a tool's list of files on as text: rather none than a broken one."""
    points = Endpoints(editors)
    kinds = {name: getattr(getattr(points, name), "_mcp_type", "tool") for name in NAMES}
    assert [name for name, kind in kinds.items() if kind != "tool"] == ["batch"]
