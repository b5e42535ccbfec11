"""Which cells a table needs, and what is known of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rbvae.errors import ConfigError
from training.table1.cells import Cell
from training.table1.controls import TITLES
from training.table1.settings import GRIDS, ROWS, TUNED_WITH, grid_of

LONGER = 3  # times as many steps
ADDRESS = re.compile(r"(?P<control>control/)?(?P<row>[a-z0-9_-]+):(?P<seed>\d+)(:(?P<value>[\d.]+))?(?P<long>:long)?")


@dataclass(frozen=True)
class Address:
    """A cell: a row or control with a seed, a `value` from the row's grid if one is asked for, and whether it is the
    run of LONGER times the length of the one without."""

    row: str
    seed: int
    value: float | None = None
    long: bool = False
    control: bool = False

    def __str__(self) -> str:
        value = "" if self.value is None else f":{self.value:g}"
        return f"{'control/' * self.control}{self.row}:{self.seed}{value}{':long' * self.long}"

    @property
    def folder(self) -> str:
        """The name of its folder."""
        value = "" if self.value is None else f"@{self.value:g}"
        return f"{'control-' * self.control}{self.row}{value}{'-long' * self.long}-seed{self.seed}"

    @property
    def title(self) -> str:
        """What to call it on the screen."""
        title = TITLES[self.row][0] if self.control else ROWS[self.row].title
        value = "" if self.value is None else f" {self.value:g}"
        return f"{title}{value}{' (longer)' * self.long}, seed {self.seed}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """The inverse of str(). Raises ConfigError if there is no such cell."""
        found = ADDRESS.fullmatch(text)
        known = {} if not found else TITLES if found["control"] else ROWS
        if not found or found["row"] not in known:
            raise ConfigError(f"--cell {text!r}: write ROW:SEED, ROW:SEED:VALUE, ROW:SEED:long or control/NAME:SEED")
        value = float(found["value"]) if found["value"] else None
        if value is not None and value not in grid_of(found["row"])[1]:
            raise ConfigError(f"--cell {text!r}: {value:g} is not in the grid of {found['row']}")
        return cls(found["row"], int(found["seed"]), value, bool(found["long"]), bool(found["control"]))


@dataclass(frozen=True)
class Plan:
    """The rows and controls of a table, how many seeds each has, which rows are tuned, and which have a longer run that
    shows whether the others were long enough. `higher` says whether a higher validation score is better."""

    seeds: dict[str, int]
    controls: dict[str, int]
    higher: bool
    tuned: tuple[str, ...] = ()
    long: tuple[str, ...] = ()
    known: Callable[[Address], Cell | None] = field(default=lambda address: None)

    def needed(self) -> Iterator[Address]:
        """Yields all cells whose address is known now, the ones to be made first coming first.

        The seeds of a tuned row can be addressed once its grid is complete, and the longer run once the others' length
        is known.
        """
        for name, seeds in self.controls.items():
            yield from (Address(name, seed, control=True) for seed in range(seeds))
        for name in self.tuned:
            yield from self.grid(name)
        for seed in range(max(self.seeds.values(), default=0)):
            for name in self.seeds:
                yield from self.of_seed(name, seed)
            if seed == 0:
                yield from (address for name in self.long if (address := self.longer(name)))

    def grid(self, name: str) -> list[Address]:
        """Returns the cells of a row's grid, all with seed 0."""
        return [Address(name, 0, value) for value in GRIDS[name][1]] if name in self.tuned else []

    def of_seed(self, name: str, seed: int) -> list[Address]:
        """Returns the row's cell with that seed, if it has one and the value from its grid is known."""
        waits = TUNED_WITH.get(name, name) in self.tuned and self.chosen(name) is None
        return [] if waits or seed >= self.seeds[name] else [Address(name, seed, self.chosen(name))]

    def chosen(self, name: str) -> float | None:
        """Returns the best value by validation score of the row's grid, or of that of the row that it is tuned with.

        None until all cells of the grid are known; the first value if all of them stopped.
        """
        name = TUNED_WITH.get(name, name)
        scores = self.scores(name)
        if name not in self.tuned or None in scores.values():
            return None
        known = {value: cell["validation"] for value, cell in scores.items() if cell and "validation" in cell}
        first = GRIDS[name][1][0]
        return float((max if self.higher else min)(known, key=lambda value: known[value], default=first))

    def scores(self, name: str) -> dict[float, Cell | None]:
        """Returns the cells of a row's grid by value, None where they are not known."""
        return {float(address.value or 0): self.known(address) for address in self.grid(name)}

    def longer(self, name: str) -> Address | None:
        """Returns the row's longer run if it has one, once the run with seed 0 is known and has not been stopped."""
        if name not in self.long:
            return None
        ordinary = next(iter(self.of_seed(name, 0)), None)
        cell = ordinary and self.known(ordinary)
        return Address(name, 0, ordinary.value, long=True) if ordinary and cell and "steps" in cell else None
