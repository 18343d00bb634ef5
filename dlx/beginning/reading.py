"""All rows of a table as coded cells, with what each column is taken for."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..config.names import find_nearest
from ..errors import Problem, UsageError
from .cells import Cells, Convert
from .coded import Coded, Coder, Numbers
from .described import Wishes, correct
from .posing import tell_names

HOLES = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")


def read_cells(paths: Sequence[Path], wishes: Wishes) -> Cells:
    """The cells of a table, and what its columns are taken for.

    Raises:
        UsageError: it is no table, or the user speaks of columns that it has not.
    """
    with paths[0].open(newline="", encoding="utf-8-sig") as stream:
        header, *rows = csv.reader(stream)
    coder = Coder(header)
    coder.add([*zip(*rows, strict=True)])
    columns = coder.columns(HOLES.__contains__)
    check_wishes(wishes, header)
    types = {name: _type(column) for name, column in columns.items()}
    rules = {name: rule for name, (_, rule) in types.items()}
    rules |= {name: f"--type says {told}" for name, told in wishes.types.items()}
    kinds = {name: told for name, (told, _) in types.items()} | wishes.types
    converts: dict[str, Convert] = {n: _convert for n, told in kinds.items() if told == "number"}
    what = paths[0].name
    return Cells(tuple(paths), what, len(rows), columns, kinds, rules, converts)


def check_wishes(wishes: Wishes, names: Sequence[str]) -> None:
    """Whether the table has the columns that the user speaks of.

    Raises:
        UsageError: it has not.
    """
    spoken = {"--group": wishes.group, "--time": wishes.time}
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
    try:
        _convert([text for text, hole in zip(column.texts, column.holes, strict=True) if not hole])
    except ValueError:
        known = len(column) - column.missing
        if column.distinct <= max(20, known // 20):
            return "category", f"{column.distinct:,} texts"
        return "text", f"{column.distinct:,} texts"
    return "number", "every cell is a number"


def _convert(texts: Sequence[str]) -> Numbers:
    return np.array([float(text) for text in texts], np.float64)
