"""Makes the cells of a table; several processes share them."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training.data.progress import Progress
from training.engine.cli import write_json
from training.table1 import cells, controls
from training.table1.course import Budget
from training.table1.plan import LONGER, Address, Plan
from training.table1.settings import Settings
from training.table1.task import Task

WAIT = 10.0  # seconds until cells that other processes are making are looked for again


class CellProgress:
    """Shows which cell is being made and how far it is."""

    def __init__(self, progress: Progress) -> None:
        self.progress, self.number, self.label = progress, 0, ""

    def begin(self, name: str) -> None:
        """Starts the next cell."""
        self.number += 1
        self.label = f"[{self.number}] {name}"

    def log(self, share: float, line: str) -> None:
        """Shows how much of the cell's budget is used, 0 to 1."""
        self.progress.update(self.number - 1 + share, f"{line}, {share:.0%}", self.label)

    def end(self, line: str) -> None:
        """Prints the result of the cell."""
        self.progress.say(f"{self.label}: {line}")


@dataclass(frozen=True)
class Bench:
    """What all cells of a table share. `command` makes one cell when "--cell ADDRESS" is added to it."""

    task: Task
    settings: Settings
    budget: Budget
    out: Path
    command: str
    screen: CellProgress

    @property
    def images(self) -> list[int]:
        """The numbers of unlabelled, reference, validation and held-out images."""
        task = self.task
        parts = (task.unlabelled, task.references, task.validation.images, task.held_out.images)
        return [len(images) for images in parts]

    def folder(self, address: Address) -> Path:
        """Returns the folder of a cell."""
        return self.out / "cells" / address.folder

    def known(self, address: Address) -> cells.Cell | None:
        """Returns a cell that is there; None if it has still to be made."""
        return cells.remembered(self.folder(address) / "cell.json", self.origin(address))

    def adopt(self, published: dict[str, cells.Cell]) -> None:
        """Writes published cells, by address, into the folders of those that are not there."""
        for address, cell in published.items():
            path = self.folder(Address.parse(address)) / "cell.json"
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                write_json(path, cell)

    def origin(self, address: Address) -> cells.Origin:
        """Returns the settings that a cell is made with, and the command that makes it alone.

        Those of a longer run depend on the run that it is compared with.
        """
        row = "vae" if address.control else address.row
        config = cells.relevant_settings(self.settings.of(row, address.seed, address.value).to_dict())
        budget = {"minutes": self.budget.minutes, "patience": self.budget.patience, "every": self.budget.check_every}
        settings = {"config": config, "budget": budget, "images": self.images, "long": address.long}
        return cells.Origin(settings, f"{self.command} --cell {address}")

    def make(self, address: Address) -> cells.Cell:
        """Makes a cell, whether or not it is there."""
        self.screen.begin(address.title)
        folder, budget, log = self.folder(address), self.budget, self.screen.log
        config = self.settings.of("vae" if address.control else address.row, address.seed, address.value)
        if address.long:
            ordinary = self.known(dataclasses.replace(address, long=False)) or {}
            config = dataclasses.replace(config, steps=LONGER * int(ordinary.get("steps", config.steps)))
            budget = dataclasses.replace(budget, patience=0)

        def make() -> cells.Cell:
            if address.control:
                return controls.control_cell(address.row, config, self.task, folder, budget, log)
            return cells.method_cell(config, self.task, folder, budget, log)

        cell = cells.made(folder / "cell.json", self.origin(address), make)
        self.screen.end(summary(cell))
        return cell

    def make_all(self, plan: Plan) -> None:
        """Makes all cells that are not there, those that others are making excepted, and waits for these.

        A cell that fails is tried once; the table is made without it.
        """
        tried: set[Address] = set()
        while True:
            missing = [address for address in plan.needed() if address not in tried and self.known(address) is None]
            if not missing:
                return
            for address in missing:
                with locked(self.folder(address)) as free:
                    if free:
                        if self.known(address) is None:
                            tried.add(address)
                            self.make(address)
                        break  # grids and lengths may be known now
            else:
                time.sleep(WAIT)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Holds the lock of a cell; yields False if another process has it. The lock of a process that died is free."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def summary(cell: cells.Cell) -> str:
    """Returns a one-line summary of a cell."""
    if "probe" not in cell:
        return cell.get("stopped") or cell["failed"]
    steps = f"{cell['steps']:,} steps, " if "steps" in cell else ""
    return f"average {cell['probe']['average']:.4f}, {steps}{cell['seconds_in_all']:.0f} s"
