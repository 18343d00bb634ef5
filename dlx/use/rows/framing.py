"""Blocks of text cells as the columns that a run's preparation reads."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

import numpy as np

from ...config.schema import Config
from ...config.specs.tables import Table as Options
from ...data.columns import Categories, Column, Dense, Text
from ...data.columns import Sequence as Ids
from ...data.tables import Block
from ...data.tables.cells import Writing, read_numbers
from ...data.tables.frames import frame_of
from ...data.tables.seen import shorten
from ...printable import printable_line
from ..predicting import Wanted

KINDS = {"dense", "text", "sequence", "categories"}
"""Kinds of columns that cells of a table can be made into."""
Wrong = dict[int, str]
"""What is wrong with a row of a block, by its place."""
_MISSING = Writing(missing=frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"}))
_IDS = re.compile(r"[\s,\[\]]+")


class Framing(ABC):
    """Makes frames of cells.

    Args:
        wanted: what the preparation reads.

    Attributes:
        header: whether the first line of a file names the columns.
        decimal: what stands before the decimals of a number.
        identifiers: columns that name the rows, and are handed through where they are there.
        known: columns that the training data had beside those that are needed.
    """

    header, decimal = True, "."
    identifiers: tuple[str, ...] = ()

    def __init__(self, wanted: Sequence[Wanted], known: Collection[str] = ()) -> None:
        self.wanted, self.known = tuple(wanted), frozenset(known)

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns of a table that it reads."""
        return tuple(dict.fromkeys(name for one in self.wanted for name in one.columns))

    @abstractmethod
    def columns(self, block: Block, wrong: Wrong) -> dict[str, Column]:
        """The inputs of a block; what is wrong with which of its rows is added to `wrong`."""


def framing_of(config: Config, wanted: Sequence[Wanted]) -> Framing:
    """How cells become what a run's preparation reads.

    Args:
        config: of the run.
        wanted: from `list_wanted`.
    """
    options = config.dataset.options
    if isinstance(options, Options):
        return OwnFraming(wanted, options, config.report.rows)
    return NamedFraming(wanted, config.targets)


class OwnFraming(Framing):
    """Of a table of the user's own: cells are read as those of the training data were.

    Args:
        wanted: what the preparation reads.
        options: of the dataset.
        names: whether identifiers are handed through.
    """

    def __init__(self, wanted: Sequence[Wanted], options: Options, names: bool = True) -> None:
        super().__init__(wanted, {*options.columns, *options.posed})
        self.options = options
        self.header, self.decimal = options.header, options.decimal
        identifiers = (n for n, one in options.columns.items() if one == "identifier" and names)
        self.identifiers = tuple(identifiers)

    def columns(self, block: Block, wrong: Wrong) -> dict[str, Column]:
        """The inputs of a block."""
        frame, misfits = frame_of(block, self.options)
        for name, one in misfits.items():
            cells = block.column(name)
            for row in one.rows:
                at = row - block.start
                wrong.setdefault(at, tell_misfit(name, cells[at], one.holds))
        return {name: self._respell(name, column) for name, column in frame.columns.items()}

    def _respell(self, name: str, column: Column) -> Column:
        """Categories as the training data have written them."""
        if not isinstance(column, Categories):
            return column
        known = next(one.values for one in self.wanted if one.name == name)
        return column.respell(known, self.decimal)


class NamedFraming(Framing):
    """Of any other dataset: numbers by the names of their features, texts, lists of ids."""

    def columns(self, block: Block, wrong: Wrong) -> dict[str, Column]:
        """The inputs of a block."""
        make = {"text": _texts, "sequence": _ids}
        return {one.name: make.get(one.kind, _numbers)(one, block, wrong) for one in self.wanted}


def tell_misfit(name: str, cell: str, holds: str) -> str:
    """What is wrong with a cell."""
    return f"column {name} has {printable_line(shorten(cell))}, no {holds}"


def _numbers(one: Wanted, block: Block, wrong: Wrong) -> Column:
    values = np.empty((len(block), len(one.columns)), np.float32)
    for place, name in enumerate(one.columns):
        cells = block.column(name)
        found = read_numbers(cells, _MISSING)
        values[:, place] = found.values
        for row in found.wrong:
            wrong.setdefault(row, tell_misfit(name, cells[row], "number"))
    names = one.columns if len(one.shape) == 1 else ()
    return Dense(values.reshape(len(block), *one.shape), names)


def _texts(one: Wanted, block: Block, wrong: Wrong) -> Column:  # noqa: ARG001 - any text will do
    return Text(list(block.column(one.columns[0])))


def _ids(one: Wanted, block: Block, wrong: Wrong) -> Column:
    """Lists of whole numbers, with blanks or commas between them."""
    found: list[list[int]] = []
    for row, cell in enumerate(block.column(one.columns[0])):
        try:
            found.append([int(part) for part in _IDS.split(cell) if part])
        except ValueError:
            found.append([])
            wrong.setdefault(row, tell_misfit(one.name, cell, "list of whole numbers"))
    edges = np.cumsum([0, *map(len, found)]).astype(np.int64)
    return Ids(np.array([n for row in found for n in row], dtype=np.int32), edges)
