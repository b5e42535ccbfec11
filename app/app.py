"""The app: loads the editors once, builds the page, serves it.

python app/app.py
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import gradio as gr
import torch
from starlette.middleware import Middleware

from app.page.about import about
from app.page.digits_tab import digits_tab
from app.page.faces_tab import faces_tab
from app.page.programs_tab import programs_tab
from app.page.workbench import FOLLOW_LINKS
from app.server.api import add_endpoints
from app.server.cleanup import EVERY, FILES_KEPT_FOR, keeper, own_folder
from app.server.editors import Editors, load_editors
from app.server.hosting import has_mcp, lean_memory, tidy_tools
from app.server.request_limits import LARGEST, Guard
from app.server.routes import LINE, routes
from app.server.state import Visits
from app.server.uploads import Page
from rbvae import ConfigError, RbvaeError

HERE = Path(__file__).resolve().parent
# Seconds a connection may idle: longer than a proxy's or a browser's, which may ask again just as it is closed.
IDLE = 75
INTRO = """# Change the expression, keep the face
Move a slider and watch the photo. Then choose your own, or restyle a handwritten digit.
"""
ENVIRONMENT = """environment: GRADIO_SERVER_PORT (7860), GRADIO_SERVER_NAME (127.0.0.1),
RBVAE_FACES and RBVAE_DIGITS = checkpoint folder or Hub id,
RBVAE_DRAW_IN_BROWSER=no keeps their generators, with which browsers draw while a slider moves, to the server

example: GRADIO_SERVER_PORT=8000 python app/app.py"""


def build(editors: Editors) -> gr.Blocks:
    """The page with its tabs and the named endpoints."""
    visits = Visits()
    with Page(title="rbvae", fill_width=True, analytics_enabled=False, delete_cache=(EVERY, FILES_KEPT_FOR)) as demo:
        add_endpoints(editors)  # first: a later event whose function has the same name gets another
        gr.Markdown(INTRO, elem_id="intro")
        with gr.Tab("Faces", elem_id="faces"):
            faces = faces_tab(editors.faces, visits)
        with gr.Tab("Digits", elem_id="digits-tab"):
            digits = digits_tab(editors.digits, visits)
        with gr.Tab("For programs"):
            programs_tab()
        with gr.Tab("About"):
            gr.Markdown(about(editors, visits.example_faces()), elem_id="about")
    demo.queue(max_size=2 * LINE, api_open=False)  # the guard refuses from LINE on, in words
    demo.visits, demo.page_routes = visits, routes({"faces": faces, "digits": digits}, visits)
    return demo


def launch(demo: gr.Blocks, **options: Any) -> tuple[Any, str, str]:
    """Serves the page; nothing is loaded from elsewhere, nothing is kept. `options` go to Blocks.launch."""
    font = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
    mono = ["ui-monospace", "Consolas", "monospace"]
    theme = gr.themes.Soft(primary_hue="teal", neutral_hue="slate", font=font, font_mono=mono).set(
        block_border_width="1px",
        block_title_background_fill="none",
        block_title_background_fill_dark="none",
        block_title_text_color="*body_text_color",
        block_title_text_color_dark="*body_text_color",
        block_title_padding="0",
        block_label_background_fill="*background_fill_primary",
        block_label_background_fill_dark="*background_fill_primary",
        block_label_text_color="*body_text_color",
        block_label_text_color_dark="*body_text_color",
    )
    settings: dict[str, Any] = {
        "theme": theme,
        "css_paths": HERE / "page" / "style.css",
        "js": FOLLOW_LINKS,
        "footer_links": ["api"],
        "app_kwargs": {
            "routes": demo.page_routes,
            "middleware": [Middleware(Guard, in_line=lambda: len(demo._queue), line=LINE)],
            "lifespan": keeper(demo.visits),
        },
        "mcp_server": has_mcp(),
        "max_file_size": LARGEST,
        "state_session_capacity": 4 * LINE,
        "enable_monitoring": False,
        "run_history": False,
        "ssr_mode": False,
    }
    tidy_tools()
    served = demo.launch(**{**settings, **options, "prevent_thread_lock": True})
    assert demo.server is not None
    demo.server.config.timeout_keep_alive = IDLE  # of the connections to come
    if not options.get("prevent_thread_lock"):
        demo.block_thread()
    return served


def address() -> dict[str, Any]:
    """Where to listen, from the environment; raises ConfigError for a port that is none."""
    port = os.environ.get("GRADIO_SERVER_PORT") or "7860"
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(f"GRADIO_SERVER_PORT={port}; give a port from 1 to 65535")
    everywhere = "0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1"
    return {"server_name": os.environ.get("GRADIO_SERVER_NAME") or everywhere, "server_port": int(port)}


def main(argv: list[str] | None = None) -> int:
    """The command line; exit code 2 with one line where the app cannot start."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python app/app.py", description="Serve the app.", epilog=ENVIRONMENT, formatter_class=formatter
    )
    parser.parse_args(argv)
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("GRADIO_TEMP_DIR", str(own_folder()))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the files go when a container is stopped, too
    lean_memory()
    torch.set_num_threads(1)  # a picture takes a millisecond; threads that wait for each other on a busy host take 100
    try:
        launch(build(load_editors()), **address())
    except (RbvaeError, OSError) as error:  # OSError: the port is taken
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
