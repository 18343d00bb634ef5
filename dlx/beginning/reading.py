"""All rows of a table as coded cells, with what each column is taken for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..config.names import find_nearest, join_names
from ..data.tables import Table
from ..data.tables.types import TableTypes, find_types
from ..errors import Problem, UsageError
from .cells import Cells
from .coded import Coded, Coder
from .described import Wishes, correct
from .posing import tell_names
from .task_file import relative

MOST = 300_000
"""Rows of which more than the types is told; of a longer table every second, third ... one."""
READ_AS = {"constant": "skip", "image": "skip"}
"""What dataset table reads a column as that is no input of it."""


def read_cells(paths: Sequence[Path], wishes: Wishes) -> Cells:
    """The cells of a table, and what its columns are taken for.

    Raises:
        UsageError: it is no table, a column holds cells of several kinds, or the user speaks of
            columns that it has not.
    """
    table = Table.open(paths, header=None)
    check_wishes(wishes, table.header)
    types = find_types(table, wishes.types, wishes.missing)
    if problems := [one.problem for one in types.columns.values() if one.problem is not None]:
        raise UsageError(*problems)
    if not types.rows:
        what = f"{paths[0].name} has no rows below its header"
        raise UsageError(Problem(what, str(paths[0]), "at least one row"))
    holds = {name: READ_AS.get(one.holds, one.holds) for name, one in types.columns.items()}
    converts = {name: types.convert(name) for name in holds}
    return Cells(
        tuple(paths),
        join_names(path.name for path in paths),
        types.rows,
        _code(table, types),
        holds,
        {name: one.rule for name, one in types.columns.items()},
        {name: convert for name, convert in converts.items() if convert is not None},
        _options(paths, types),
        types.notes,
    )


def _code(table: Table, types: TableTypes) -> dict[str, Coded]:
    """The cells of all rows, or of rows evenly apart."""
    coder, every, seen = Coder(table.header), -(-types.rows // MOST), 0
    for block in table.blocks():
        first = -seen % every
        seen += len(block)
        coder.add(block.cells if every == 1 else [cells[first::every] for cells in block.cells])
    missing = frozenset(types.missing)
    return coder.columns(lambda cell: cell.strip() in missing)


def _options(paths: Sequence[Path], types: TableTypes) -> dict[str, Any]:
    """Options of the dataset by which it is read so again."""
    places = [relative(path) for path in paths]
    return {"file": places[0] if len(places) == 1 else places, **types.options()}


def check_wishes(wishes: Wishes, names: Sequence[str]) -> None:
    """Whether the table has the columns that the user speaks of.

    Raises:
        UsageError: it has not.
    """
    spoken = {"--group": wishes.group or "", "--time": wishes.time or ""}
    told = [*spoken.items(), *(("--type", name) for name in wishes.types)]
    problems = [
        _no_column(flag, name, names, wishes.command)
        for flag, name in told
        if name and name not in names
    ]
    if problems:
        raise UsageError(*problems)


def _no_column(flag: str, name: str, names: Sequence[str], command: str) -> Problem:
    near = find_nearest(name, names)
    hint = correct(command, flag, name, near) if near else ""
    return Problem(f"there is no column {name!r}", flag, tell_names(names), hint)
