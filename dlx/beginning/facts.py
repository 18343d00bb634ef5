"""What is known of a table of the user's own: each column, and its rows as a whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from .coded import Coded, Numbers
from .leaks import Suspect

DOMINANT = 0.95
"""Share of the rows from which on one value says little beyond itself."""
MOSTLY = 0.5
"""Share of missing cells from which on a column is told as mostly missing."""
SHOWN = 24
"""Characters of a value that are shown."""


@dataclass(frozen=True)
class ColumnFacts:
    """What one column holds.

    Attributes:
        name: the column's.
        type: number, category, text, date, identifier or skip, as `dataset.columns` has it.
        rule: why it is taken for that, in words.
        rows: how many there are.
        missing: cells without a value.
        distinct: different values.
        top: the value of most rows; "" where each is there once.
        share: the share of the rows that have it.
        low: the smallest number or the earliest date, written out; "" for others.
        high: the largest or latest.
        remarks: what else is worth a look.
    """

    name: str
    type: str
    rule: str
    rows: int
    missing: int
    distinct: int
    top: str = ""
    share: float = 0.0
    low: str = ""
    high: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """A column whose values name what several rows belong to.

    Attributes:
        column: its name.
        groups: different values.
        largest: rows of the most frequent one.
        used: whether rows of a group are to stay together, or that is merely possible.
        rule: how it was found, as a sentence.
    """

    column: str
    groups: int
    largest: int
    used: bool
    rule: str


@dataclass(frozen=True)
class TimeOrder:
    """A column of dates by which the rows may be ordered.

    Attributes:
        column: its name.
        used: whether sets are to be cut in its order.
        rule: how it was found, as a sentence.
    """

    column: str
    used: bool
    rule: str


@dataclass(frozen=True)
class Posed:
    """What is asked of a target.

    Attributes:
        target: its name.
        problem: binary, multiclass, multilabel or regression.
        rule: why, as a sentence.
        missing: rows without it.
        classes: its classes with their rows, most frequent first; empty for numbers.
    """

    target: str
    problem: str
    rule: str
    missing: int = 0
    classes: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class TableFacts:
    """What a table holds.

    Attributes:
        what: its files, in words.
        rows: how many there are.
        profiled: rows that facts beside the types are of; fewer than `rows` in a long table.
        columns: each column.
        duplicates: rows that are equal to an earlier one.
        repeated: rows that are equal to an earlier one in all that is read, identifiers left out.
        contradictory: of these, rows with another target.
        targets: what is asked.
        suspects: columns that may give a target away.
        groups: columns whose values several rows share.
        time: the column of dates by which rows may be ordered.
        notes: what was repaired or left out in reading.
    """

    what: str
    rows: int
    profiled: int
    columns: tuple[ColumnFacts, ...]
    duplicates: int = 0
    repeated: int = 0
    contradictory: int = 0
    targets: tuple[Posed, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    groups: tuple[Group, ...] = ()
    time: TimeOrder | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def alike(self) -> float:
        """Share of the rows that are equal to an earlier one in all inputs."""
        return self.repeated / max(1, self.profiled)

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


def describe_column(column: Coded, type_: str, rule: str, values: Numbers | None) -> ColumnFacts:
    """What a column holds.

    Args:
        column: its cells.
        type_: what it is taken for.
        rule: why.
        values: its numbers, or dates as seconds since 1970; None for others.
    """
    ((top, most),) = column.most_frequent() or [("", 0)]
    low = high = ""
    if values is not None and np.isfinite(values).any():
        low, high = (_tell(extreme(values), type_) for extreme in (np.nanmin, np.nanmax))
    often = most > 1
    return ColumnFacts(
        column.name,
        type_,
        rule,
        len(column),
        column.missing,
        column.distinct,
        shorten(top) if often else "",
        most / len(column) if often else 0.0,
        low,
        high,
        tuple(_remarks(column, most)),
    )


def _remarks(column: Coded, most: int) -> list[str]:
    """What of a column is worth a look."""
    rows, found = len(column), []
    if column.missing == rows:
        return ["no value at all"]
    if column.distinct == 1:
        found.append("the same value in every row" if not column.missing else "one value only")
    elif most >= DOMINANT * rows:
        found.append(f"one value has {most / rows:.1%} of the rows")
    if column.missing >= MOSTLY * rows:
        found.append(f"{column.missing / rows:.1%} missing")
    return found


def _tell(value: float, type_: str) -> str:
    """A number, or a date, written out."""
    if type_ == "date":
        return str(np.datetime64(int(value), "s")).removesuffix("T00:00:00").replace("T", " ")
    return f"{value:.6g}"


def shorten(text: str, most: int = SHOWN) -> str:
    """A value that fits into a table or a sentence."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
