"""Tables of numbers as CSV text: what is wrong is told with its line."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from hashlib import blake2b
from itertools import islice
from pathlib import Path

import numpy as np

from ...config.names import plural
from ..columns import Array
from ..reader import damage
from ..windows import Series

MAX_ROWS = 1_000_000
EXAMPLES = 3


def read_rows(path: Path, lines: Iterable[str], header: tuple[str, ...]) -> list[list[str]]:
    """The cells of each row below the header; row i is line i + 2 of the file.

    Raises:
        UsageError: it is no CSV text, has another header, or a row of another length.
    """
    accepted = "the columns " + ", ".join(header)
    try:
        reader = csv.reader(lines)
        found = tuple(next(reader, ()))
        rows = list(islice(reader, MAX_ROWS + 1))
    except (UnicodeDecodeError, csv.Error) as error:
        raise damage(path, f"is not CSV text: {error}", accepted) from error
    while rows and not rows[-1]:
        rows.pop()
    if found != header:
        raise damage(path, "has other columns", accepted)
    if len(rows) > MAX_ROWS:
        raise damage(path, f"has more than {MAX_ROWS:,} rows", f"at most {MAX_ROWS:,}")
    for number, row in enumerate(rows):
        if len(row) != len(header):
            what = f"line {number + 2:,} has {plural(len(row), 'cell')}, not {len(header)}"
            raise damage(path, what, accepted)
    return rows


def read_numbers(
    path: Path, rows: list[list[str]], place: int, name: str, missing: str | None = None
) -> Series:
    """One column as numbers, (rows,); NaN where a cell is `missing`.

    Raises:
        UsageError: a cell is no finite number; with the lines of the first ones.
    """
    cells = [row[place] for row in rows]
    try:
        values = np.array([np.nan if cell == missing else float(cell) for cell in cells])
    except ValueError:
        values = np.zeros(0)
    if np.isfinite(values).sum() == len(cells) - (0 if missing is None else cells.count(missing)):
        return values
    wrong = [i for i, cell in enumerate(cells) if cell != missing and not _is_number(cell)]
    shown = ", ".join(f"{cells[i]!r} in line {i + 2:,}" for i in wrong[:EXAMPLES])
    more = f", and {len(wrong) - EXAMPLES:,} more" if len(wrong) > EXAMPLES else ""
    what = f"column {name} contains a value that is not a number: {shown}{more}"
    raise damage(path, what, f"numbers or {missing}" if missing else "numbers")


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def hash_rows(rows: list[list[str]]) -> Array:
    """A hash of each row as it lies in the file, (rows, 16) bytes."""
    cells = [blake2b(",".join(row).encode(), digest_size=16).digest() for row in rows]
    return np.frombuffer(b"".join(cells), np.uint8).reshape(-1, 16)
