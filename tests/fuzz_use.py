"""Uses the commands, the API and the page as odd but honest people do, for as long as asked.

    python tests/fuzz_use.py --minutes 60 --seed 1     # tests/test_fuzz_use.py has a short form
    python tests/fuzz_use.py --seed 1 --case 17        # one case again

Photos of one to nine people in all shapes, formats, colour modes, EXIF, profiles and file names; albums of one to
twelve; wrong options; and environments without a home, caches or UTF-8. A case is edited, refused in one plain
sentence, or a FAULT: a traceback or warning, silence, a hang, an intact photo refused or left out without a word, a
picture of another size, turn or colour or without the mark of AI, an error on the page's console. Ends with 1 after a
fault.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.fuzz.albums import Albums  # noqa: E402
from tests.fuzz.commands import Commands  # noqa: E402
from tests.fuzz.endpoints import Endpoints  # noqa: E402
from tests.fuzz.environments import Environments  # noqa: E402
from tests.fuzz.outcomes import Outcome, fault, limited  # noqa: E402
from tests.fuzz.page import CHROMIUM, Pages  # noqa: E402
from tests.hostile_run import free_port, start  # noqa: E402

SCHEDULE = (
    *("command", "page", "endpoint", "command", "album", "endpoint", "page", "command", "environment", "endpoint"),
    *("page", "command", "endpoint", "album", "page", "command", "start", "endpoint", "page", "command"),
)  # the surface of each case, again and again


class Fuzz:
    """Cases by number, each the same for the same seed. `counts` are of (surface, kind of outcome)."""

    def __init__(self, folder: Path, checkpoint: Path, url: str, log: Path, seed: int = 0) -> None:
        self.seed, self.log, self.counts, self.faults = seed, log, Counter[tuple[str, str]](), list[str]()
        environments = Environments(folder, checkpoint)
        self.surfaces: dict[str, Callable[[random.Random, int], tuple[str, Outcome]]] = {
            "command": Commands(folder, checkpoint).case,
            "album": Albums(folder, checkpoint).case,
            "environment": environments.command,
            "start": environments.app,
            "endpoint": Endpoints(folder, url).case,
        }
        self.pages = Pages(folder, url) if CHROMIUM else None
        if self.pages:
            self.surfaces["page"] = self.pages.case

    def close(self) -> None:
        """Ends the browser."""
        if self.pages:
            self.pages.close()

    def case(self, number: int) -> Outcome | None:
        """Runs one case; returns what came of it, or None without a browser for it."""
        surface = SCHEDULE[number % len(SCHEDULE)]
        if surface not in self.surfaces:
            return None
        rng, logged, about = random.Random(f"{self.seed}/{number}"), self.log.stat().st_size, ""
        try:
            with limited():
                about, outcome = self.surfaces[surface](rng, number)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            outcome = fault("".join(traceback.format_exception(error)))
        with self.log.open("rb") as lines:
            lines.seek(logged)
            said = lines.read().decode(errors="replace")
        if "Traceback" in said or "Error\n" in said:
            outcome = fault(f"{outcome.said} The app's log: {said}")
        self.counts[surface, outcome.kind] += 1
        if outcome.kind == "FAULT":
            self.faults.append(f"--seed {self.seed} --case {number}, {surface}, {about[:600]}: {outcome.said}")
        return outcome

    def report(self) -> str:
        """The counts, a line a surface."""
        kinds = ("edited", "refused", "FAULT")
        rows = [
            (name, *(self.counts[name, kind] for kind in kinds)) for name in sorted({name for name, _ in self.counts})
        ]
        rows.append(("all", *(sum(row[k] for row in rows) for k in (1, 2, 3))))
        return "\n".join(
            f"{name:12} {edited:5} edited {refused:5} refused {faults:5} FAULT"
            for name, edited, refused, faults in rows
        )


@contextlib.contextmanager
def served(log: Path, checkpoints: dict[str, str]) -> Iterator[str]:
    """The app in a process with these checkpoints; gives its URL."""
    port = free_port()
    process: subprocess.Popen[bytes] = start(port, log, checkpoints)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="only this case of the seed")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--surfaces", nargs="*", choices=sorted(set(SCHEDULE)), help="default: all")
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "checkpoints" / "faces")
    options = parser.parse_args()
    end, number = time.monotonic() + 60 * options.minutes, options.first
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with served(log := folder / "log", {"RBVAE_FACES": str(options.checkpoint.resolve())}) as url:
            fuzz = Fuzz(folder, options.checkpoint, url, log, options.seed)
            try:
                if options.case is not None:
                    print(fuzz.case(options.case))
                while options.case is None and time.monotonic() < end:
                    known = len(fuzz.faults)
                    if not options.surfaces or SCHEDULE[number % len(SCHEDULE)] in options.surfaces:
                        fuzz.case(number)
                    number += 1
                    for said in fuzz.faults[known:]:
                        print(said, flush=True)
                    if number % 100 == 0:
                        print(f"after {number} cases\n{fuzz.report()}", flush=True)
            finally:
                fuzz.close()
    print(fuzz.report())
    return 1 if fuzz.faults else 0


if __name__ == "__main__":
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    sys.exit(main())
