"""Load the editors, build the page and serve it.

python app/app.py
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.server.environment import address, check_address, prepare_environment
from app.server.startup import quick_imports, uncollected, without_web_apps

if __name__ == "__main__":
    prepare_environment()

with quick_imports():
    import gradio as gr
    import gradio.http_server
    import torch
from starlette.middleware import Middleware

from app.page.about import PeopleTable, about
from app.page.digits_tab import digits_tab
from app.page.faces_tab import faces_tab
from app.page.programs_tab import programs_tab
from app.page.workbench import add_room, follow_links
from app.server.api import add_endpoints
from app.server.cleanup import FILES_KEPT_FOR, INTERVAL, cleanup, upload_folder
from app.server.editors import Editors, load_editors
from app.server.exchange import MAX_FILE_BYTES
from app.server.hosting import has_mcp, limit_malloc, patch_mcp_tools
from app.server.live import prepare
from app.server.request_limits import RequestLimits
from app.server.routes import MAX_WAITING, routes
from app.server.shutdown import run_and_exit
from app.server.state import Visits
from app.server.sub_path import WithoutSubPath, sub_path
from app.server.uploads import Page
from rbvae import RbvaeError
from rbvae.terminal import printable_output

HERE = Path(__file__).resolve().parent
# Keep-alive timeout in seconds. Longer than that of proxies and browsers, so that they do not reuse a connection just
# as the server closes it.
KEEP_ALIVE = 75
INTRO = """# Change the expression, keep the face
Move a slider and watch the photo. Then choose your own, or restyle a handwritten digit.
"""
STYLES = ("style", "faces", "controls", "digits")  # of app/page, in this order

ENVIRONMENT = """environment variables:
  GRADIO_SERVER_PORT          port to listen on (default: 7860)
  GRADIO_SERVER_NAME          address to listen on (default: 127.0.0.1)
  RBVAE_FACES, RBVAE_DIGITS   checkpoint folder or Hub id

example: GRADIO_SERVER_PORT=8000 python app/app.py"""


@without_web_apps()
def build(editors: Editors) -> Page:
    """Build the page with its tabs and the named API endpoints."""
    visits = Visits()
    with Page(title="rbvae", fill_width=True, analytics_enabled=False, delete_cache=(INTERVAL, FILES_KEPT_FOR)) as demo:
        add_endpoints(editors)  # first, because Gradio renames an endpoint whose name is already taken
        with gr.Tab("Faces", elem_id="faces"):
            faces = faces_tab(editors.faces, visits)
        with gr.Tab("Digits", elem_id="digits-tab"):
            digits = digits_tab(editors.digits, visits)
        with gr.Tab("For programs", elem_id="programs"):
            add_room({"kind": "programs"})
            programs_tab()
        with gr.Tab("About", elem_id="about-tab"):
            add_room({"kind": "about"})
            people = PeopleTable.of(editors, visits.example_faces())
            gr.Markdown(about(people), elem_id="about")
    # RequestLimits refuses requests beyond MAX_WAITING with a message.
    demo.queue(max_size=2 * MAX_WAITING, api_open=False)
    demo.visits, demo.page_routes = visits, routes({"faces": faces, "digits": digits}, visits, people.picture)
    return demo


def launch(demo: Page, **options: Any) -> tuple[Any, str, str]:
    """Serve the page, without external resources, analytics or a run history.

    `options` are passed to `Blocks.launch`. Returns what `Blocks.launch` returns. Blocks until the server stops unless
    `prevent_thread_lock=True`.
    """
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
        "css_paths": [HERE / "page" / f"{name}.css" for name in STYLES],
        "js": follow_links(),
        "footer_links": ["api"],
        "app_kwargs": {
            "routes": demo.page_routes,
            "middleware": [
                Middleware(WithoutSubPath, prefix=sub_path()),
                Middleware(RequestLimits, queue_length=lambda: len(demo._queue), max_waiting=MAX_WAITING),
            ],
            "lifespan": cleanup(demo.visits),
        },
        "mcp_server": has_mcp(),
        "max_file_size": MAX_FILE_BYTES,
        "state_session_capacity": 4 * MAX_WAITING,
        "enable_monitoring": False,
        "run_history": False,
        "ssr_mode": False,
    }
    patch_mcp_tools()
    launched = demo.launch(**{**settings, **options, "prevent_thread_lock": True})
    assert demo.server is not None
    demo.server.config.timeout_keep_alive = KEEP_ALIVE  # applies to new connections
    if not options.get("prevent_thread_lock"):
        demo.block_thread()
    return launched


def main(argv: list[str] | None = None) -> int:
    """Run the command line. Returns 2, after a one-line error message, if the app cannot start."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python app/app.py", description="Serve the app.", epilog=ENVIRONMENT, formatter_class=formatter
    )
    parser.parse_args(argv)
    printable_output()  # Gradio prints emoji
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # run atexit handlers when a container stops
    limit_malloc()
    torch.set_num_threads(1)  # inference takes 1 ms; on a busy host, synchronizing threads takes 100 ms
    try:
        where = address()
        check_address(**{name.removeprefix("server_"): value for name, value in where.items()})
        os.environ["GRADIO_TEMP_DIR"] = str(upload_folder())
        gradio.http_server.LOCALHOST_NAME = "127.0.0.1"  # where it tests a port, with IPv4 only
        with uncollected():
            editors = load_editors()
            demo = build(editors)
            launch(demo, **where, prevent_thread_lock=True)
        threading.Thread(target=prepare, args=[editors.faces], daemon=True).start()
        demo.block_thread()
    except (RbvaeError, OSError) as error:  # OSError: the port was taken in the meantime
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    run_and_exit(main)
