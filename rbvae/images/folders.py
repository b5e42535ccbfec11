"""The pictures in a folder and its subfolders, and what else lies there."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

SUFFIXES = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".avif", ".heic", ".heif", ".hif"),
    *(".gif", ".bmp", ".dib", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"),
}
MOST_NAMED = 4  # suffixes that are named when files are left out


@dataclass(frozen=True)
class Pictures:
    """The picture files of a folder, sorted by path, and how many other files have each suffix.

    Hidden files and folders are not counted: their names begin with a dot, as those of previews that macOS writes.
    """

    paths: tuple[Path, ...]
    others: Counter[str] = field(default_factory=Counter)

    def left_out(self) -> str:
        """Describe the files left out, such as "3 files are left out: 2 .txt, 1 .mov"; "" if there are none."""
        if not self.others:
            return ""
        named = [f"{count} {suffix}" for suffix, count in self.others.most_common(MOST_NAMED)]
        rest = self.others.total() - sum(count for _, count in self.others.most_common(MOST_NAMED))
        files = "1 file is" if self.others.total() == 1 else f"{self.others.total()} files are"
        return f"{files} left out: {', '.join([*named, *([f'{rest} others'] if rest else [])])}"


def pictures_in(folder: Path) -> Pictures:
    """List the pictures of a folder and its subfolders, also linked ones, each folder once.

    A folder that cannot be opened counts among the others as "(closed folder)", and a link to nothing as
    "(broken link)".
    """
    found: list[Path] = []
    others: Counter[str] = Counter()
    seen: set[str] = set()
    waiting = [folder]
    while waiting:
        linked: list[Path] = []  # visited last, so that a folder keeps its own path if a link also leads to it
        for start in waiting:
            _walk(start, seen, found, others, linked)
        waiting = sorted(linked)
    return Pictures(tuple(sorted(found)), others)


def _walk(start: Path, seen: set[str], found: list[Path], others: Counter[str], linked: list[Path]) -> None:
    def closed(error: OSError) -> None:
        others["(closed folder)"] += 1

    for parent, folders, files in os.walk(start, onerror=closed):
        if (real := os.path.realpath(parent)) in seen:
            folders.clear()
            continue
        seen.add(real)
        shown = sorted(name for name in folders if not name.startswith("."))
        linked += [Path(parent, name) for name in shown if os.path.islink(os.path.join(parent, name))]
        folders[:] = [name for name in shown if not os.path.islink(os.path.join(parent, name))]
        for name in files:
            if name.startswith("."):
                continue
            path = Path(parent, name)
            if path.suffix.lower() not in SUFFIXES:
                others[path.suffix.lower() or "without a suffix"] += 1
            elif path.is_file():
                found.append(path)
            else:
                others["(broken link)"] += 1
