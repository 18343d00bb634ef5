"""Cells of text as numbers, dates and categories; what does not fit is told by its place."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .fast import ArrowCells

Numbers = npt.NDArray[np.float64]
LARGEST = float(np.finfo(np.float32).max)
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Writing:
    """How a table writes what its cells hold.

    Attributes:
        missing: cells that stand for a missing value; blanks around them do not count.
        decimal: what stands before the decimals of a number.
        thousands: what parts its thousands; "" for nothing.
    """

    missing: frozenset[str] = frozenset({""})
    decimal: str = "."
    thousands: str = ""


@dataclass(frozen=True)
class Converted:
    """Some cells as values.

    Attributes:
        values: NaN where a cell is missing, or does not fit.
        wrong: which do not fit.
        kind: what those that fit are, in words.
    """

    values: Numbers
    wrong: list[int] = field(default_factory=list)


def read_numbers(cells: Sequence[str], how: Writing, unit: str = "") -> Converted:
    """Cells as float64 numbers.

    Args:
        cells: as the file has them.
        how: they are written.
        unit: the sign before or behind each number, as %.
    """
    if how.decimal == "." and not how.thousands and not unit:
        if isinstance(cells, ArrowCells) and (read := _check_numbers(cells, how)) is not None:
            return Converted(read)
        values = _all_numbers(cells)
        if values is not None:
            return Converted(values)
        texts = ["nan" if (cell := one.strip()) in how.missing else cell for one in cells]
        values = _all_numbers(texts, texts.count("nan"))
        if values is not None and "nan" in how.missing:
            return Converted(values)
    found, wrong = np.full(len(cells), np.nan), []
    for place, cell in enumerate(cells):
        text = cell.strip()
        if text not in how.missing:
            number = read_number(text, how, unit)
            if number is None or abs(number) > LARGEST:
                wrong.append(place)
            else:
                found[place] = number
    return Converted(found, wrong)


def _check_numbers(cells: ArrowCells, how: Writing) -> Numbers | None:
    """The numbers as PyArrow reads them, where all of them are finite or missing."""
    values = cells.numbers(how.missing)
    if values is None or np.isinf(values).any() or (np.abs(values) > LARGEST).any():
        return None
    return None if "nan" not in how.missing and np.isnan(values).any() else values


def _all_numbers(cells: Sequence[str], missing: int = 0) -> Numbers | None:
    """The numbers, where all cells but those that are missing are plain finite ones."""
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    with np.errstate(invalid="ignore"):
        whole = int((np.abs(values) <= LARGEST).sum()) == len(cells) - missing
    return values if whole and "_" not in "".join(cells) else None  # Python reads 1_000


def read_number(text: str, how: Writing, unit: str = "") -> float | None:
    """One cell as a number, infinite if it is larger than any; None if it is none."""
    if unit:
        if not (text.startswith(unit) or text.endswith(unit)):
            return None
        text = (text.removeprefix(unit) if text.startswith(unit) else text[: -len(unit)]).strip()
    if how.thousands and how.thousands in text:
        whole = text.partition(how.decimal)[0].lstrip("+-")
        first, *groups = whole.split(how.thousands)
        if not 1 <= len(first) <= 3 or any(len(group) != 3 for group in groups):
            return None
        text = text.replace(how.thousands, "")
    if how.decimal != ".":
        if "." in text:
            return None
        text = text.replace(how.decimal, ".")
    return float(text) if _PLAIN.fullmatch(text) else None


def read_dates(cells: Sequence[str], how: Writing, written: str = "") -> Converted:
    """Cells as seconds since the beginning of 1970, UTC.

    Args:
        cells: as the file has them.
        how: says which are missing.
        written: the format of `strptime`; "": ISO 8601. A date without a zone is one of UTC.
    """
    known = {cell: _read_date(cell.strip(), how, written) for cell in dict.fromkeys(cells)}
    values = np.fromiter((known[cell] for cell in cells), np.float64, len(cells))
    bad = {cell for cell, seconds in known.items() if math.isinf(seconds)}
    wrong = [place for place, cell in enumerate(cells) if cell in bad] if bad else []
    values[wrong] = np.nan
    return Converted(values, wrong)


def _read_date(text: str, how: Writing, written: str) -> float:
    """Seconds; NaN where it is missing, infinite where it is no date."""
    if text in how.missing:
        return math.nan
    try:
        at = _parse(text, written)
    except ValueError:
        return math.inf
    return (at if at.tzinfo else at.replace(tzinfo=datetime.UTC)).timestamp()


def _parse(text: str, written: str) -> datetime.datetime:
    if written:
        return datetime.datetime.strptime(text, written)
    return datetime.datetime.fromisoformat(text)


@dataclass(frozen=True)
class Names:
    """Some cells as names of categories.

    Attributes:
        codes: of each cell, the place of its name.
        values: the different names; "" stands for a missing one. Some may be there twice.
    """

    codes: npt.NDArray[np.int32]
    values: tuple[str, ...]

    def texts(self) -> list[str]:
        """The name of each cell."""
        return [self.values[code] for code in self.codes.tolist()]


def read_names(cells: Sequence[str], how: Writing) -> Names:
    """Cells as names of categories."""
    if isinstance(cells, ArrowCells):
        codes, texts = cells.coded()
    else:
        places: dict[str, int] = {text: place for place, text in enumerate(dict.fromkeys(cells))}
        codes = np.fromiter(map(places.__getitem__, cells), np.int32, len(cells))
        texts = [*places]
    return Names(codes, tuple(_name(text.strip(), how) for text in texts))


def _name(text: str, how: Writing) -> str:
    return "" if text in how.missing else text
