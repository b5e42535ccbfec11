"""Load test: simulate concurrent visitors and check every answer.

python app/tools/load.py --users 50 --minutes 3 --json load.json

Each visitor has its own photo and first makes all its requests alone. The answers under load must have the same hashes.
A round of a visitor is: open a photo, tiles, 20 draws, the e of a random edit, a saved photo, a request with another
visitor's key (which must be refused), and sometimes "forget". Visitors never pause, unlike people. One visitor in ten
is an API client that uses /infer and /edit. The load generator and the server share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app.tools.load_report import Summary, report, resident, spread
from app.tools.load_visitors import EDITS, Program, Visitor, photos
from app.tools.served import running


async def run_visitors(url: str, pid: int, options: argparse.Namespace) -> Summary:
    """Run all visitors, first one by one, then concurrently."""
    summary = Summary()
    visitors: list[Visitor] = []
    for photo in photos(options.photos, 2 * options.users):
        programs = options.users // 10
        kind = Program if len(visitors) < programs and not options.edits else Visitor
        visitor = kind(len(visitors), photo, url, summary, visitors)
        visitor.forget_share = options.forget
        if await visitor.prepare():
            visitors.append(visitor)
        else:
            await visitor.http.aclose()
        if len(visitors) == options.users:
            break
    if len(visitors) < options.users:
        raise SystemExit(f"error: {len(visitors)} of {options.users} visitors could be prepared; see the app's log")
    unloaded = {action: spread(times) for action, times in summary.times.items()}
    print(f"{len(visitors)} visitors; times in ms without load: {json.dumps(unloaded)}", flush=True)
    summary.times.clear()
    began = time.perf_counter()

    def done() -> bool:
        out_of_time = options.minutes and time.perf_counter() - began > 60 * options.minutes
        return bool(out_of_time or (options.requests and summary.count >= options.requests))

    async def watch() -> None:
        while True:
            summary.memory.append((round(time.perf_counter() - began, 1), round(resident(pid), 1)))
            await asyncio.sleep(1)

    async def visit(visitor: Visitor) -> None:
        if options.edits:
            await visitor.opened()
            for number in range(options.edits):
                await visitor.draw(number % EDITS)
            return
        while not done():
            await visitor.round()

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(visit(visitor) for visitor in visitors))
    summary.seconds = time.perf_counter() - began
    watching.cancel()
    for visitor in visitors:
        await visitor.http.aclose()
    return summary


def main(argv: list[str] | None = None) -> int:
    """Run the command line. Returns 1 if any answer was wrong or failed."""
    parser = argparse.ArgumentParser(
        prog="python app/tools/load.py",
        description=__doc__.split("\n\n")[0],
        epilog="example: python app/tools/load.py --users 50 --minutes 3 --json load.json",
    )
    parser.add_argument("--users", type=int, default=50, metavar="N", help="concurrent visitors (default: 50)")
    parser.add_argument("--minutes", type=float, default=0, metavar="M", help="stop after M minutes (default: 3)")
    parser.add_argument(
        "--requests", type=int, default=0, metavar="N", help="stop after N answers instead of 3 minutes"
    )
    parser.add_argument(
        "--edits", type=int, default=0, metavar="N", help="make N edits per visitor instead of full rounds"
    )
    parser.add_argument(
        "--forget", type=float, default=0.3, metavar="P", help="fraction of photos deleted (default: 0.3)"
    )
    parser.add_argument("--photos", type=Path, metavar="DIR", help="photos, one per visitor (default: examples)")
    parser.add_argument("--url", help="URL of a running app (default: start one)")
    parser.add_argument("--pid", type=int, default=0, help="process ID of that app, to measure its memory")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to this JSON file")
    options = parser.parse_args(argv)
    if not (options.minutes or options.requests or options.edits):
        options.minutes = 3.0
    if options.url is not None:
        summary = asyncio.run(run_visitors(options.url, options.pid, options))
    else:
        with running() as (url, app):
            summary = asyncio.run(run_visitors(url, app.pid, options))
    figures = report(summary)
    print(json.dumps({name: value for name, value in figures.items() if name != "memory_over_time"}, indent=1))
    if options.json:
        options.json.write_text(json.dumps(figures) + "\n", encoding="utf-8")
    return 1 if figures["wrong"] or figures["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
