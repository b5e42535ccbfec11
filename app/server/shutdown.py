"""Ends the app's process."""

from __future__ import annotations

import atexit
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn


def run_and_exit(main: Callable[[], int]) -> NoReturn:
    """Run `main`, then end the process with the exit code that it returns or raises.

    Runs the atexit handlers but skips the rest of Python's shutdown, which stops Gradio's daemon threads wherever they
    are. In C++ code, that aborts the process.
    """
    code: Any = 1
    try:
        code = main()
    except SystemExit as end:
        code = end.code or 0
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        traceback.print_exc()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
