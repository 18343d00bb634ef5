"""All rows of a table as coded cells, with what each column is taken for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..config.names import find_nearest, join_names
from ..config.specs.tables import MISSING
from ..data.tables import Table
from ..data.tables.cells import Writing, read_dates, read_numbers
from ..errors import Problem, UsageError
from .cells import Cells, Convert
from .coded import Coded, Coder, Numbers
from .described import Wishes, correct
from .posing import tell_names
from .task_file import relative

HOW = Writing(frozenset(MISSING))


def read_cells(paths: Sequence[Path], wishes: Wishes) -> Cells:
    """The cells of a table, and what its columns are taken for.

    Raises:
        UsageError: it is no table, or the user speaks of columns that it has not.
    """
    table = Table.open(paths)
    check_wishes(wishes, table.header)
    coder, rows = Coder(table.header), 0
    for block in table.blocks():
        coder.add(block.cells)
        rows += len(block)
    columns = coder.columns(lambda cell: cell.strip() in HOW.missing)
    types = {name: _type(column) for name, column in columns.items()}
    rules = {name: rule for name, (_, rule) in types.items()}
    rules |= {name: f"--type says {told}" for name, told in wishes.types.items()}
    kinds = {name: told for name, (told, _) in types.items()} | wishes.types
    known: dict[str, Convert] = {"number": _numbers, "date": _dates}
    converts = {name: known[told] for name, told in kinds.items() if told in known}
    places = [relative(path) for path in paths]
    options = {"file": places[0] if len(places) == 1 else places}
    what = join_names(path.name for path in paths)
    return Cells(
        tuple(paths), what, rows, columns, kinds, rules, converts, options, tuple(table.notes)
    )


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


def _type(column: Coded) -> tuple[str, str]:
    """What a column is taken for, by all of its different cells."""
    texts = [text for text, hole in zip(column.texts, column.holes, strict=True) if not hole]
    known = len(column) - column.missing
    if texts and not read_numbers(texts, HOW).wrong:
        return "number", "every cell is a number"
    if texts and not read_dates(texts, HOW).wrong:
        return "date", "every cell is a date"
    if column.distinct <= max(20, known // 20):
        return "category", f"{column.distinct:,} different texts in {known:,} cells"
    if any(" " in text for text in texts[:100]):
        return "text", f"{column.distinct:,} different texts in {known:,} cells"
    return "identifier", f"{column.distinct:,} different texts in {known:,} cells"


def _numbers(texts: Sequence[str]) -> Numbers:
    return np.asarray(read_numbers(texts, HOW).values)


def _dates(texts: Sequence[str]) -> Numbers:
    return np.asarray(read_dates(texts, HOW).values)
