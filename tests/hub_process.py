"""A Python process of its own: where the Hub is, its client library settles when it is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOOP = """
import json, sys, traceback
answers, sys.stdout, names = sys.stdout, sys.stderr, {}
for line in sys.stdin:
    try:
        exec(json.loads(line), names)
        answer = {"result": names.pop("result", None)}
    except BaseException:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), file=answers, flush=True)
"""


class HubProcess:
    """A Python process of its own, whose environment says where the Hub is; runs one piece of code after another."""

    def __init__(self, env: dict[str, str]) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        root = Path(__file__).parents[1]
        self._process = subprocess.Popen([sys.executable, "-c", LOOP], cwd=root, env=env, text=True, **pipes)

    def run(self, code: str, **given: Any) -> Any:
        """What the code leaves in `result`; `given` are its variables. Raises AssertionError with a traceback."""
        assert self._process.stdin and self._process.stdout
        assigned = "".join(f"{name} = {value!r}\n" for name, value in given.items())
        print(json.dumps(assigned + code), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def __enter__(self) -> HubProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)  # closes its stdin, which ends it
        assert self._process.returncode == 0
