"""The results of a load test: times, errors, wrong answers, and memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Summary:
    """The results of a load test."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: Counter[str] = field(default_factory=Counter)
    busy: int = 0
    reopened: int = 0  # photos that had made room for others
    wrong: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)  # (seconds, MB)
    seconds: float = 0.0

    @property
    def count(self) -> int:
        """The number of answers so far."""
        return sum(map(len, self.times.values()))


def resident(pid: int) -> float:
    """Return the resident memory of a process and its children, in MB, or 0 if it is unknown."""
    try:
        kilobytes = next(
            int(line.split()[1])
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if line.startswith("VmRSS")
        )
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, StopIteration):
        return 0.0
    return kilobytes / 1000 + sum(resident(int(child)) for child in children)


def spread(times: list[float]) -> dict[str, float]:
    """Return the 50th, 95th and 99th percentile of times in seconds, converted to ms."""
    ordered = sorted(times)
    return {
        f"p{part}": round(1000 * ordered[min(len(ordered) - 1, len(ordered) * part // 100)], 1) for part in (50, 95, 99)
    }


def report(summary: Summary) -> dict[str, Any]:
    """Return the results as a JSON-compatible dict."""
    memory = [megabytes for _, megabytes in summary.memory]
    return {
        "seconds": round(summary.seconds, 1),
        "answers": summary.count,
        "answers_per_second": round(summary.count / summary.seconds, 1),
        "actions": {a: {"n": len(times), **spread(times)} for a, times in sorted(summary.times.items()) if times},
        "errors": dict(summary.errors),
        "busy": summary.busy,
        "reopened": summary.reopened,
        "wrong": len(summary.wrong),
        "which_wrong": summary.wrong[:10],
        "memory_mb": {"first": memory[0], "peak": max(memory), "last": memory[-1]},
        "memory_over_time": summary.memory[:: max(1, len(memory) // 40)],
    }
