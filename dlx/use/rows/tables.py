"""New rows of tables: columns are found by their names, in any order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from ...config.names import did_you_mean, join_names, plural
from ...data.samples import Frame
from ...data.tables import Block, Table
from ...errors import Problem, UsageError
from ..outputs import Columns
from .base import Asked, Broken, Reader, Rows
from .framing import KINDS, Wrong, framing_of

_MOST = 12
"""Names of columns that are shown."""


class TableReader(Reader):
    """Rows of CSV, TSV, JSON lines or Parquet, for runs whose inputs cells can be made into."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked)
        self.framing = framing_of(asked.config, asked.wanted)
        self.table = Table.open(asked.paths, self.framing.header)
        self.notes += self.table.notes
        known = [name for name in self.framing.identifiers if name in self.table.header]
        self.keep = tuple(dict.fromkeys([*known, *asked.keep]))
        self._check_columns()

    @classmethod
    def takes(cls, asked: Asked) -> bool:
        """Whether all inputs are numbers, categories, texts or ids."""
        return all(one.kind in KINDS for one in asked.wanted)

    def _check_columns(self) -> None:
        """Every column that is needed must be there; what is not needed is told once.

        Raises:
            UsageError: with each that is missing.
        """
        header, asked, needed = self.table.header, self.asked, self.framing.needed
        where = ", ".join(asked.name(path) for path in asked.paths)
        problems = [_missing(name, header, needed, where) for name in needed if name not in header]
        for name in asked.keep:
            if name not in header:
                hint = did_you_mean(name, header, "--keep {}")
                what = f"there is no column `{name}` to keep"
                problems.append(Problem(what, where, _some(header), hint))
        if problems:
            raise UsageError(*problems)
        expected = {*needed, *self.keep, *self.framing.known}
        more = [name for name in header if name not in expected]
        if more:
            self.notes.append(f"{plural(len(more), 'column')} not used: {_some(more)}")

    def blocks(self) -> Iterator[Rows]:
        """The rows, as many at once as a block of the table has."""
        for block in self.table.blocks():
            yield self._read(block)

    def _read(self, block: Block) -> Rows:
        wrong: Wrong = {}
        columns = self.framing.columns(block, wrong)
        name = self.asked.name(block.path)
        kept: Columns = {title: block.column(title) for title in self.keep}

        def where(place: int) -> str:
            return f"{name}, {block.where(place)}"

        ids = range(block.start, block.start + len(block))
        rows = Rows(Frame(columns), ids, kept, where)
        if not wrong:
            return rows
        broken = [Broken(where(place), wrong[place]) for place in sorted(wrong)]
        return rows.take(np.setdiff1d(np.arange(len(block)), list(wrong)), broken)


def _missing(name: str, header: Sequence[str], needed: Collection[str], where: str) -> Problem:
    """A column that is not there, with the nearest of those that are not needed."""
    spare = [one for one in header if one not in needed]
    folded = {_fold(one): one for one in spare}
    near = folded.get(_fold(name))
    rename = f"rename column `{{}}` to `{name}`"
    hint = rename.format(near) if near else did_you_mean(name, spare, rename)
    accepted = f"the columns {_some(list(needed))}, in any order"
    return Problem(f"there is no column `{name}`", where, accepted, hint)


def _fold(name: str) -> str:
    return name.strip().casefold().replace(" ", "_")


def _some(names: Sequence[str]) -> str:
    """Names, the first ones of many."""
    return join_names(names[:_MOST]) + (", ..." if names[_MOST:] else "")
