"""What an assistant finds that speaks MCP: tools that say what they do, and pictures that say what they are."""

import asyncio
import base64
import io
from pathlib import Path

import httpx
import numpy as np
import pytest
from gradio.utils import get_upload_folder
from PIL import Image

from app.app import build, launch
from app.server.uploads import EXPIRED, NOT_UPLOADED
from rbvae.images.ai_metadata import AI_NOTE

mcp = pytest.importorskip("mcp")
from mcp.client.streamable_http import streamable_http_client  # noqa: E402

TOOLS = {"infer", "sample", "transfer", "edit", "neutral", "animate", "digits_transfer"}


@pytest.fixture(scope="module")
def url(editors, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("cache")))
        demo = build(editors)
        _, address, _ = launch(demo, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
        yield address
        demo.close(verbose=False)


def assistant(url, job):
    """What `job` makes of a session with the app's MCP server."""

    async def talk():
        async with streamable_http_client(f"{url}gradio_api/mcp/") as (read, write, *_):
            async with mcp.ClientSession(read, write) as session:
                await session.initialize()
                return await job(session)

    return asyncio.run(talk())


def call(url, tool, **arguments):
    return assistant(url, lambda session: session.call_tool(tool, arguments))


def test_every_tool_describes_itself_and_its_arguments(url):
    tools = assistant(url, lambda session: session.list_tools()).tools
    assert {tool.name for tool in tools} == TOOLS
    for tool in tools:
        assert len(tool.description) > 100 and "Returns: " in tool.description
        for argument in tool.inputSchema["properties"].values():
            assert len(argument["description"]) > 10 and ("type" in argument or "anyOf" in argument)


@pytest.mark.parametrize("given", ["address", "content"])
def test_a_picture_comes_back_as_it_was_written_with_the_note(url, editors, astronaut, given):
    content = astronaut.read_bytes()
    path = httpx.post(f"{url}gradio_api/upload", files={"files": ("me.jpg", content)}).json()[0]
    inline = f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
    photo = f"{url}gradio_api/file={path}" if given == "address" else inline
    answer = call(url, "edit", photo=photo, values={"smile": 1})
    picture, where = answer.content
    assert not answer.isError and picture.mimeType == "image/jpeg" and where.text.startswith(f"Image URL: {url}")
    with Image.open(io.BytesIO(base64.b64decode(picture.data))) as image:
        assert image.info["comment"].decode() == AI_NOTE and b"compositeWithTrained" in image.info["xmp"]
        portrait = editors.faces.infer(astronaut)
        expected = editors.faces.edit(portrait, editors.faces.moved(portrait.e, {"smile": 1})).photo
        assert np.abs(np.asarray(image, int) - np.asarray(expected, int)).mean() < 3  # JPEG


def test_what_an_assistant_sends_lies_where_it_is_swept_up(url, astronaut):
    content = astronaut.read_bytes() + b"sent by an assistant"
    call(url, "neutral", photo=f"data:image/jpeg;base64,{base64.b64encode(content).decode()}")
    kept = [path for path in Path(get_upload_folder()).rglob("*") if path.is_file() and path.read_bytes() == content]
    assert len(kept) == 2  # as Gradio decoded it, and as the tool uploaded it


def test_no_other_address_is_taken(url, astronaut):
    for address in (
        "http://127.0.0.1:1/me.jpg",
        f"{url}gradio_api/file=/etc/passwd",
        "https://example.com/a?gradio_api/file=x",
    ):
        answer = call(url, "infer", photo=address)
        assert answer.isError and answer.content[0].text in (NOT_UPLOADED, EXPIRED)
