"""New rows of tables: columns are found by their names, in any order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import repeat

import numpy as np

from ...config.names import did_you_mean, join_names, plural
from ...data.columns import Column
from ...data.samples import Frame
from ...data.tables import Block, Table
from ...data.threads import one_ahead
from ...errors import Problem, UsageError
from ..outputs import Columns
from .base import Asked, Broken, Reader, Rows
from .framing import KINDS, Framing, Wrong, framing_of

_MOST = 12
"""Names of columns that are shown."""
_EACH = 8
"""Columns that are missing, of which each is told by itself, with the nearest that is there."""


class TableReader(Reader):
    """Rows of CSV, TSV, JSON lines or Parquet, for runs whose inputs cells can be made into."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked)
        self.framing = framing_of(asked.config, asked.wanted)
        self.table = Table.open(asked.paths, self.framing.header, self.framing.decimal)
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
        lacking = [name for name in needed if name not in header]
        problems = [_missing(name, header, needed, where) for name in lacking]
        if len(lacking) > _EACH:  # another table, most likely
            what = f"{len(lacking):,} of {plural(len(needed), 'column')} are not there: "
            accepted = f"the columns {_some(list(needed))}, in any order"
            problems = [Problem(what + _some(lacking), where, accepted)]
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
        """The rows, as many at once as a block of the table has; the next ones by a thread."""
        pieces = read_pieces(self.table, self.framing, self.keep)
        for piece in one_ahead(lambda _: next(pieces, None), repeat(None)):
            if piece is None:
                return
            yield self._rows(piece)

    def _rows(self, piece: Piece) -> Rows:
        name = self.asked.name(piece.block.path)

        def where(place: int) -> str:
            return f"{name}, {piece.block.where(place)}"

        many, wrong = len(piece.block), piece.wrong
        ids = range(piece.block.start, piece.block.start + many)
        rows = Rows(Frame(piece.columns), ids, piece.kept, where)
        if not wrong:
            return rows
        broken = [Broken(where(place), wrong[place]) for place in sorted(wrong)]
        return rows.take(np.setdiff1d(np.arange(many), list(wrong)), broken)


@dataclass(frozen=True)
class Piece:
    """What is read of a block.

    Attributes:
        block: without its cells.
        columns: the inputs.
        kept: columns that are handed through.
        wrong: what is wrong with which of its rows.
    """

    block: Block
    columns: dict[str, Column]
    kept: Columns
    wrong: Wrong


def read_pieces(table: Table, framing: Framing, keep: Sequence[str]) -> Iterator[Piece]:
    """The blocks of a table as inputs.

    Raises:
        UsageError: a file breaks off, or is no table after all.
    """
    for block in table.blocks():
        wrong: Wrong = {}
        columns = framing.columns(block, wrong)
        kept: Columns = {name: list(block.column(name)) for name in keep}
        yield Piece(replace(block, cells=()), columns, kept, wrong)


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
