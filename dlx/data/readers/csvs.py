"""Tables of numbers as CSV text: what is wrong is told with its line."""

from __future__ import annotations

import csv
import datetime
import io
import math
from collections.abc import Iterable
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from ...config.names import plural
from ..columns import Array, Rows
from ..reader import damage
from ..windows import Series

MAX_ROWS = 1_000_000
EXAMPLES = 3


def read_table(path: Path, data: bytes) -> tuple[tuple[str, ...], list[list[str]]]:
    """The header of a whole file, and the cells of each row below it; row i is line i + 2.

    Raises:
        UsageError: it is no CSV text, or has a row of another length than the header.
    """
    try:
        text = data.decode("utf-8-sig")  # as spreadsheets write it
    except UnicodeDecodeError:
        raise damage(path, _find_other_bytes(path), "text in UTF-8") from None
    header, rows = _read_cells(path, io.StringIO(text, newline=""), "text with commas")
    if not any(header):
        raise damage(path, "has no header", "the names of its columns in the first line")
    header = tuple(name.strip() for name in header)
    _check_rows(path, rows, header)
    return header, rows


def read_rows(path: Path, lines: Iterable[str], header: tuple[str, ...]) -> list[list[str]]:
    """The cells of each row below the header; row i is line i + 2 of the file.

    Raises:
        UsageError: it is no CSV text, has another header, or a row of another length.
    """
    accepted = "the columns " + ", ".join(header)
    found, rows = _read_cells(path, lines, accepted)
    if found != header:
        raise damage(path, "has other columns", accepted)
    _check_rows(path, rows, header)
    return rows


def _read_cells(
    path: Path, lines: Iterable[str], accepted: str
) -> tuple[tuple[str, ...], list[list[str]]]:
    """The first row, and the others, without empty ones at the end."""
    try:
        reader = csv.reader(lines)
        found = tuple(next(reader, ()))
        rows = list(islice(reader, MAX_ROWS + 1))
    except UnicodeDecodeError:
        raise damage(path, _find_other_bytes(path), "text in UTF-8") from None
    except csv.Error as error:
        raise damage(path, f"is not CSV text: {error}", accepted) from error
    while rows and not rows[-1]:
        rows.pop()
    return found, rows


def _check_rows(path: Path, rows: list[list[str]], header: tuple[str, ...]) -> None:
    if len(rows) > MAX_ROWS:
        raise damage(path, f"has more than {MAX_ROWS:,} rows", f"at most {MAX_ROWS:,}")
    for number, row in enumerate(rows):
        if len(row) != len(header):
            what = f"line {number + 2:,} has {plural(len(row), 'cell')}, not {len(header)}"
            raise damage(path, what, "the columns " + ", ".join(header))


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


def read_stamps(
    path: Path, rows: list[list[str]], place: int, name: str, clock: Literal["m", "h"]
) -> Rows:
    """One column of times in ISO 8601, as whole minutes or hours since the beginning of 1970.

    Times with an offset, as in 2024-10-27T02:00+02:00, are those of UTC.

    Raises:
        UsageError: a cell is no such time, or not of a whole minute or hour; with its line.
    """
    unit, told = {"m": (60, "minute"), "h": (3600, "hour")}[clock]
    found = np.zeros(len(rows), np.int64)
    for number, row in enumerate(rows):
        whole, rest = divmod(_read_seconds(row[place]), unit)
        if rest:  # NaN too
            what = f"column {name} contains {row[place]!r} in line {number + 2:,}"
            raise damage(path, what, f"times of a whole {told}, as in 2024-05-31T23:00")
        found[number] = whole
    return found


def _read_seconds(cell: str) -> float:
    """Seconds since the beginning of 1970; NaN where the cell is no time."""
    try:
        at = datetime.datetime.fromisoformat(cell)
    except ValueError:
        return math.nan
    return (at if at.tzinfo else at.replace(tzinfo=datetime.UTC)).timestamp()


def _find_other_bytes(path: Path) -> str:
    """Which line of a file is no UTF-8, as far as it lies there unpacked."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines if path.suffix != ".zip" else ()):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                byte = line[error.start]
                return f"line {number + 1:,} is not UTF-8 text: it has the byte 0x{byte:02x}"
    return "is not UTF-8 text"


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def hash_rows(rows: list[list[str]]) -> Array:
    """A hash of each row as it lies in the file, (rows, 16) bytes."""
    cells = [blake2b(",".join(row).encode(), digest_size=16).digest() for row in rows]
    return np.frombuffer(b"".join(cells), np.uint8).reshape(-1, 16)
