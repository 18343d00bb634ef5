"""A block of a table's rows, each cell as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ...errors import Problem, UsageError
from ...printable import printable

ROWS = 16_384
"""Of a block, at most."""
BREAK = re.compile("\r\n|\r|\n")
"""Between lines; a text may hold other signs that Python, too, takes for one."""

Cells = Sequence[str]


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive rows of one file.

    Attributes:
        path: the file.
        header: the names of the columns.
        cells: of each column, in the order of the header.
        start: how many rows of the table come before these, over all its files.
        lines: the line of the file that each row begins in, from 1.
        unit: what `lines` counts: of Parquet it is rows.
    """

    path: Path
    header: tuple[str, ...]
    cells: tuple[Cells, ...]
    start: int
    lines: Sequence[int]
    unit: str = "line"

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, name: str) -> Cells:
        """The cells of a column.

        Raises:
            KeyError: there is none of this name.
        """
        return self.cells[self._places[name]]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.header)}

    def where(self, row: int) -> str:
        """Where a row of the block stands, as in "line 7"."""
        return f"{self.unit} {self.lines[row]:,}"


def number_lines(rows: Sequence[Sequence[str]], first: int) -> list[int]:
    """The line that each row begins in, where quoted cells may hold breaks.

    Args:
        rows: the cells of each, none for an empty line.
        first: the line of the first row.
    """
    found = []
    for row in rows:
        found.append(first)
        first += 1 + sum(len(BREAK.findall(cell)) for cell in row)
    return found


def refuse(path: Path, what: str, accepted: str, hint: str = "") -> UsageError:
    """The error of a file that is no such table.

    Args:
        path: the file.
        what: is wrong, after the file's name.
        accepted: what is.
        hint: what to do; "": to mend the file.
    """
    hint = hint or "mend the file; the same command then reads it again"
    return UsageError(Problem(f"{printable(path.name)}: {what}", str(path), accepted, hint))
