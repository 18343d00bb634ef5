"""New rows of tables: columns are found by their names, in any order."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from ...config.names import did_you_mean, join_names, plural
from ...data.columns import Column, Dense, Text
from ...data.columns import Sequence as Ids
from ...data.samples import Frame
from ...data.tables import Block, Table
from ...data.tables.cells import Writing, read_numbers
from ...errors import Problem, UsageError
from ...printable import printable_line
from ..outputs import Columns
from ..predicting import Wanted
from .base import Asked, Broken, Reader, Rows

_KINDS = {"dense", "text", "sequence"}
_MISSING = Writing(missing=frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"}))
_IDS = re.compile(r"[\s,\[\]]+")
_SHOWN, _MOST = 40, 12
"""Letters of a cell, and names of columns, that are shown."""


class TableReader(Reader):
    """Rows of CSV, TSV, JSON lines or Parquet, for runs on numbers, texts and lists of ids."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked)
        self.table = Table.open(asked.paths)
        self.notes += self.table.notes
        self._check_columns()

    @classmethod
    def takes(cls, asked: Asked) -> bool:
        """Whether all inputs are numbers, texts or ids."""
        return all(one.kind in _KINDS for one in asked.wanted)

    def _check_columns(self) -> None:
        """Every column that is needed must be there; what is not needed is told once.

        Raises:
            UsageError: with each that is missing.
        """
        header, asked = self.table.header, self.asked
        needed = dict.fromkeys(name for one in asked.wanted for name in one.columns)
        where = ", ".join(asked.name(path) for path in asked.paths)
        problems = [_missing(name, header, needed, where) for name in needed if name not in header]
        for name in asked.keep:
            if name not in header:
                hint = did_you_mean(name, header, "--keep {}")
                what = f"there is no column `{name}` to keep"
                problems.append(Problem(what, where, _some(header), hint))
        if problems:
            raise UsageError(*problems)
        more = [name for name in header if name not in needed and name not in asked.keep]
        if more:
            self.notes.append(f"{plural(len(more), 'column')} not used: {_some(more)}")

    def blocks(self) -> Iterator[Rows]:
        """The rows, as many at once as a block of the table has."""
        for block in self.table.blocks():
            yield self._read(block)

    def _read(self, block: Block) -> Rows:
        columns: dict[str, Column] = {}
        wrong: dict[int, str] = {}
        for one in self.asked.wanted:
            columns[one.name] = _column(one, block, wrong)
        name = self.asked.name(block.path)
        kept: Columns = {title: block.column(title) for title in self.asked.keep}

        def where(place: int) -> str:
            return f"{name}, {block.where(place)}"

        ids = range(block.start, block.start + len(block))
        rows = Rows(Frame(columns), ids, kept, where)
        if not wrong:
            return rows
        good = np.setdiff1d(np.arange(len(block)), list(wrong))
        found = rows.take(good)
        broken = [Broken(where(place), wrong[place]) for place in sorted(wrong)]
        return Rows(found.frame, found.ids, found.kept, found.where, broken)


def _missing(name: str, header: Sequence[str], needed: Collection[str], where: str) -> Problem:
    """A column that is not there, with the nearest of those that are not needed."""
    spare = [one for one in header if one not in needed]
    folded = {one.strip().casefold().replace(" ", "_"): one for one in spare}
    near = folded.get(name.strip().casefold().replace(" ", "_"))
    rename = f"rename column `{{}}` to `{name}`"
    hint = rename.format(near) if near else did_you_mean(name, spare, rename)
    accepted = f"the columns {_some(list(needed))}, in any order"
    return Problem(f"there is no column `{name}`", where, accepted, hint)


def _some(names: Sequence[str]) -> str:
    """Names, the first ones of many."""
    return join_names(names[:_MOST]) + (", ..." if names[_MOST:] else "")


def _column(one: Wanted, block: Block, wrong: dict[int, str]) -> Column:
    """An input of a block; what is wrong with which of its rows is added to `wrong`."""
    if one.kind == "text":
        return Text(list(block.column(one.columns[0])))
    if one.kind == "sequence":
        return _ids(one, block.column(one.columns[0]), wrong)
    values = np.empty((len(block), len(one.columns)), np.float32)
    for place, name in enumerate(one.columns):
        cells = block.column(name)
        found = read_numbers(cells, _MISSING)
        values[:, place] = found.values
        for row in found.wrong:
            what = f"column {name} has {printable_line(cells[row][:_SHOWN])!r}, no number"
            wrong.setdefault(row, what)
    names = one.columns if len(one.shape) == 1 else ()
    return Dense(values.reshape(len(block), *one.shape), names)


def _ids(one: Wanted, cells: Sequence[str], wrong: dict[int, str]) -> Column:
    """Lists of whole numbers, with blanks or commas between them."""
    found: list[list[int]] = []
    for row, cell in enumerate(cells):
        try:
            found.append([int(part) for part in _IDS.split(cell) if part])
        except ValueError:
            found.append([])
            shown = printable_line(cell[:_SHOWN])
            wrong.setdefault(row, f"column {one.name} has {shown!r}, no list of whole numbers")
    edges = np.cumsum([0, *map(len, found)]).astype(np.int64)
    return Ids(np.array([n for row in found for n in row], dtype=np.int32), edges)
