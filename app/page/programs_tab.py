"""The For programs tab: how to use the API from Python, JavaScript, a shell or MCP."""

from __future__ import annotations

from typing import Literal

import gradio as gr

from app.server.environment import address
from app.server.hosting import has_mcp

Language = Literal["python", "javascript", "shell", "json"]

HERE = "http://127.0.0.1:7860"  # replaced by the address that the app listens on

INTRO = """What the page does with a face in a photo is also an endpoint with a name: `/infer`, `/edit`, `/neutral`,
`/transfer`, `/sample`, `/animate` and `/batch`; with a digit, `/digits_transfer`. Choosing among several faces,
clicking eyes, grids, slider strips and the likeness are for the page and the Python library alone. **Use
via API**, at the foot of this page, says what each endpoint takes and gives. Pictures go in and come out as files;
nothing is remembered between calls. Where this page is served elsewhere, replace `http://127.0.0.1:7860` by its
address.
"""
PYTHON = """from gradio_client import Client, handle_file  # pip install gradio_client

app = Client("http://127.0.0.1:7860")
me, friend = handle_file("me.jpg"), handle_file("friend.jpg")

facts, crop, copy = app.predict(me, api_name="/infer")      # z, e, box and warnings; two pictures
smiling = app.predict(me, {"smile": 2}, api_name="/edit")   # changes in sigmas, or e as a list
mine = app.predict(friend, me, 1.0, api_name="/transfer")   # the friend's expression on my face
several = app.predict(me, 8, 0, api_name="/sample")         # eight random ones, seed 0
print(smiling, mine)                                        # paths of the files
"""
JAVASCRIPT = """import { Client } from "@gradio/client"; // npm install @gradio/client

const app = await Client.connect("http://127.0.0.1:7860");
const me = await (await fetch("https://example.com/me.jpg")).blob();

const { data } = await app.predict("/edit", [me, { smile: 2 }]);
console.log(data[0].url);
"""
CURL = """APP=http://127.0.0.1:7860/gradio_api
FILE=$(curl -s -F files=@me.jpg $APP/upload | tr -d '[]"')
BODY='{"data": [{"path": "'$FILE'", "meta": {"_type": "gradio.FileData"}}, {"smile": 2}]}'
EVENT=$(curl -s $APP/call/edit -H 'Content-Type: application/json' -d "$BODY" | cut -d'"' -f4)
curl -s $APP/call/edit/$EVENT    # event: complete, then the file's url
"""
MCP = """{
  "mcpServers": {
    "rbvae": {"url": "http://127.0.0.1:7860/gradio_api/mcp/"}
  }
}
"""
LIBRARY = """from rbvae import PortraitEditor  # without the app

editor = PortraitEditor.from_pretrained("checkpoints/faces")
portrait = editor.infer("me.jpg")
editor.edit(portrait, {"smile": 2}).photo.save("smiling.jpg")
"""


def programs_tab() -> None:
    """Lay out the tab. Raises ConfigError like `address`."""
    here = f"http://127.0.0.1:{address()['server_port']}"
    gr.Markdown(INTRO.replace(HERE, here), elem_classes="text")
    missing = 'Not served here: `pip install "gradio[mcp]"`, and start the app again.'
    served = "They are served here." if has_mcp() else missing
    assistants = (
        f"Assistants that speak MCP can call the endpoints as tools, all but `/batch`. {served} A photo is given as "
        "the address of a file uploaded to `/gradio_api/upload`, or as a `data:` URL of up to 700 KB."
    )
    samples: tuple[tuple[str, str, Language, str], ...] = (
        ("Python", "", "python", PYTHON),
        ("JavaScript", "", "javascript", JAVASCRIPT),
        ("curl", "", "shell", CURL),
        ("Without the app", "", "python", LIBRARY),
        ("MCP", assistants, "json", MCP),
    )
    for name, text, language, code in samples:
        gr.Markdown(f"### {name}\n{text}", elem_classes="text")
        gr.Code(
            code.replace(HERE, here),
            language=language,
            label=name,
            show_label=False,
            interactive=False,
            lines=1,
            wrap_lines=True,
            elem_classes="code",
        )
