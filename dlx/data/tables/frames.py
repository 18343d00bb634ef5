"""Cells of a table as the columns of a frame, by what the options of the dataset say they hold."""

from __future__ import annotations

import copy
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from ...config.specs.tables import CATEGORIES, DATES, NUMBERS, Table
from ...errors import Problem, UsageError
from ...printable import printable
from ..columns import Array, Categories, Column, Dense, Rows, Text
from ..samples import Frame
from .block import Block
from .cells import Converted, Names, Writing, read_dates, read_names, read_numbers
from .seen import shorten

EXAMPLES = 3


def writing_of(options: Table) -> Writing:
    """How the table writes what its cells hold."""
    return Writing(frozenset(options.missing), options.decimal, options.thousands)


@dataclass
class Misfits:
    """Cells that are not what their column holds.

    Attributes:
        holds: what that is.
        accepted: how such cells are written.
        rows: that they are in, by number in the whole table.
        shown: the first ones, with their lines.
    """

    holds: str
    accepted: str
    rows: list[int] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def add(self, block: Block, cells: Sequence[str], wrong: list[int]) -> None:
        """Notes some cells of a block."""
        self.rows += [block.start + row for row in wrong]
        for row in wrong[: EXAMPLES - len(self.shown)]:
            self.shown.append(f"{shorten(cells[row])} in {block.where(row)}")

    def tell(self, name: str) -> str:
        """What is wrong with a column of this name."""
        many = len(self.rows) - len(self.shown)
        more = f", and {many:,} more" if many else ""
        return f"column {name} holds {self.holds}s, but not {', '.join(self.shown)}{more}"


class Cells:
    """Gathers the cells of a table block by block, as values.

    Args:
        options: which columns hold what.
        holds: the columns that are gathered, and what each holds.

    Attributes:
        found: by column: of numbers, dates and names of categories what each block has, else texts.
        misfits: by column, the cells that are not what it holds; they are missing in `found`.
        paths: the files, in order.
    """

    def __init__(self, options: Table, holds: Mapping[str, str]) -> None:
        self.options, self.how, self.holds = options, writing_of(options), dict(holds)
        self.found: dict[str, list[Any]] = {name: [] for name in holds}
        self.misfits: dict[str, Misfits] = {}
        self.paths: list[Path] = []
        self._places: list[tuple[int, Block]] = []
        self._rows: Rows | None = None
        self._many = 0

    def __len__(self) -> int:
        return self._many if self._rows is None else len(self._rows)

    def add(self, block: Block) -> None:
        """Reads the cells of one block."""
        for name, holds in self.holds.items():
            cells = block.column(name)
            if holds in ("number", "date"):
                self.found[name].append(self._convert(name, holds, cells, block))
            elif holds == "text":
                self.found[name].extend(cells)
            else:
                self.found[name].append(read_names(cells, self.how))
        if block.path not in self.paths:
            self.paths.append(block.path)
        self._places.append((block.start, replace(block, cells=())))
        self._many = block.start + len(block)

    def take(self, rows: Rows) -> Cells:
        """The cells of some rows alone."""
        if len(rows) == len(self):
            return self
        taken = copy.copy(self)
        taken._rows = rows if self._rows is None else self._rows[rows]
        taken.found = {name: self._take(name, rows) for name in self.holds}
        return taken

    def _take(self, name: str, rows: Rows) -> list[Any]:
        if self.holds[name] in ("number", "date"):
            return [self.numbers(name)[rows]]
        if self.holds[name] != "text":
            one = self.names(name)
            return [Names(one.codes[rows], one.values)]
        texts = self.found[name]
        return [texts[row] for row in rows.tolist()]

    def where(self, row: int) -> str:
        """Where a row stands, as in "line 7"; of several files with its name."""
        at = int(row if self._rows is None else self._rows[row])
        place = bisect_right(self._places, at, key=itemgetter(0)) - 1
        start, block = self._places[place]
        told = block.where(at - start)
        return f"{told} of {block.path.name}" if len(self.paths) > 1 else told

    def _convert(self, name: str, holds: str, cells: Sequence[str], block: Block) -> Array:
        if holds == "number":
            found: Converted = read_numbers(cells, self.how, self.options.units.get(name, ""))
        else:
            found = read_dates(cells, self.how, self.options.dates.get(name, ""))
        if found.wrong:
            if name not in self.misfits:
                self.misfits[name] = Misfits(holds, self._accepted(name, holds))
            self.misfits[name].add(block, cells, found.wrong)
        return found.values

    def _accepted(self, name: str, holds: str) -> str:
        options = self.options
        missing = f"; or missing: {', '.join(map(repr, options.missing))}"
        if holds == "date":
            written = options.dates.get(name) or "2024-05-31 or 2024-05-31T23:00:00"
            return f"dates as {written}{missing}"
        unit = options.units.get(name, "")
        example = f"1{options.thousands}234{options.decimal}5{unit}"
        return f"numbers as {example}, below 3.4e38{missing}"

    def refuse_misfits(self) -> None:
        """Refuses cells that are not what their column holds.

        Raises:
            UsageError: with a problem for each such column.
        """
        problems = []
        for name, one in self.misfits.items():
            path = self.paths[0]
            what = f"{printable(path.name)}: {one.tell(name)}"
            hint = "mend the cells"
            if name not in self.options.posed and name.isidentifier():
                hint += f"; or dataset.columns.{name}=category"
            problems.append(Problem(what, str(path), one.accepted, hint))
        if problems:
            raise UsageError(*problems)

    def numbers(self, name: str) -> Array:
        """A column of numbers or dates, float64 (rows,)."""
        return np.concatenate(self.found[name]) if self.found[name] else np.zeros(0)

    def names(self, name: str) -> Names:
        """A column of categories, its values sorted."""
        return join_names_of(self.found[name])

    def texts(self, name: str) -> list[str]:
        """A column of categories or texts, a text a row."""
        return self.found[name] if self.holds[name] == "text" else self.names(name).texts()


def join_names_of(blocks: Sequence[Names]) -> Names:
    """The names of all blocks, each once, sorted."""
    values = tuple(sorted({one for names in blocks for one in names.values}))
    place = {value: code for code, value in enumerate(values)}
    codes = [
        np.array([place[value] for value in names.values], np.int32)[names.codes]
        for names in blocks
        if len(names.codes)
    ]
    return Names(np.concatenate(codes) if codes else np.zeros(0, np.int32), values)


def make_inputs(options: Table, cells: Cells) -> dict[str, Column]:
    """The inputs of the table: numbers, categories and dates side by side, and texts."""
    found: dict[str, Column] = {}
    for key, holds, kind in ((NUMBERS, "number", np.float32), (DATES, "date", np.float64)):
        if names := options.columns_of(holds):
            values = np.stack([cells.numbers(name) for name in names], axis=1).astype(kind)
            found[key] = Dense(values, names)
    if names := options.columns_of("category"):
        found[CATEGORIES] = _categories({name: cells.names(name) for name in names})
    found |= {name: Text(cells.found[name]) for name in options.columns_of("text")}
    return {name: found[name] for name in options.inputs}


def _categories(columns: Mapping[str, Names]) -> Categories:
    """Columns of categories; a value that no row has any more is left out."""
    kept = []
    for one in columns.values():
        used = np.bincount(one.codes, minlength=len(one.values)) > 0
        codes = (np.cumsum(used) - 1).astype(np.int32)[one.codes]
        values = tuple(value for value, there in zip(one.values, used, strict=True) if there)
        kept.append(Names(codes, values))
    codes = np.stack([one.codes for one in kept], axis=1)
    return Categories(codes, tuple(columns), tuple(one.values for one in kept))


def frame_of(block: Block, options: Table) -> tuple[Frame, dict[str, Misfits]]:
    """The inputs of some rows, without targets, as new rows to predict have them.

    Args:
        block: the rows; their columns are found by name, in any order.
        options: of the dataset, as the run has them.

    Returns:
        The inputs, and by column the cells that are not what it holds, which are missing in them.

    Raises:
        KeyError: the table lacks an input.
    """
    cells = Cells(options, holds_of(options))
    cells.add(block)
    return Frame(make_inputs(options, cells)), cells.misfits


def holds_of(options: Table) -> dict[str, str]:
    """The columns that are inputs, and what each holds."""
    kinds = ("number", "category", "date", "text")
    return {name: holds for holds in kinds for name in options.columns_of(holds)}
