"""A table of the user's own in time: windows over its rows, and a later value to predict."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal, Self

from ...errors import Problem
from ..fields import option
from ..names import join_names
from .tables import Table

HISTORY = "history"
"""The input: the past steps of a series."""
Calendar = Literal["day", "week", "year"]
_EVERY = re.compile(r"(\d{1,6}) ?(s|min|h|d|w|month|year)s?")
_CLOCKS = {
    "s": ("s", 1),
    "min": ("m", 1),
    "h": ("h", 1),
    "d": ("D", 1),
    "w": ("D", 7),
    "month": ("M", 1),
    "year": ("M", 12),
}
EVERY = "a number and s, min, h, d, w, month or year, as in 10 min"


@dataclass(frozen=True)
class Apart:
    """How far a step of a series is from the next.

    Attributes:
        clock: NumPy's code of the unit.
        unit: how many of these.
    """

    clock: Literal["s", "m", "h", "D", "M"]
    unit: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """What a text such as "10 min" says; None where it says nothing of the kind."""
        found = _EVERY.fullmatch(text.strip())
        if found is None or not int(found[1]):
            return None
        clock, units = _CLOCKS[found[2]]
        return cls(clock, int(found[1]) * units)  # type: ignore[arg-type]

    def __str__(self) -> str:
        names = {"s": "s", "m": "min", "h": "h", "D": "d", "M": "month"}
        if self.clock == "D" and self.unit % 7 == 0:
            return f"{self.unit // 7} w"
        if self.clock == "M" and self.unit % 12 == 0:
            return f"{self.unit // 12} year"
        return f"{self.unit} {names[self.clock]}"


@dataclass(frozen=True, kw_only=True)
class Series(Table):
    """A table of your own in time: windows over its past rows; a later value is predicted."""

    wanted = "a table with time stamps: a CSV, TSV, JSON-lines or Parquet file"

    lookback: int = option(
        24, "rows that a window reaches back over, its last one among them", unit="rows", ge=1
    )
    step: int = option(
        1, "every so many rows are in it, the last one among them", unit="rows", ge=1
    )
    horizon: int | tuple[int, ...] = option(
        1,
        "how many rows after a window's last one the value lies that is predicted; of a list the "
        "target has a number for each, and is targets.NAME.problem=vector_regression",
        unit="rows",
        ge=1,
        aliases=("delay", "ahead", "horizons"),
    )
    every: str = option(
        "",
        "how far a row is from the next, as in 10 min, 1 h, 1 d, 1 w, 1 month; empty: as most are",
        aliases=("freq", "frequency"),
    )
    season: int | None = option(
        None,
        "rows after which what happens repeats, for a naive forecast; null: a day, a week of days, "
        "or a year of weeks or months",
        unit="rows",
        ge=1,
    )
    calendar: tuple[Calendar, ...] = option(
        (), "time of the day, week or year in a window, as a sine and a cosine each"
    )
    values: dict[str, tuple[str, ...]] = option(
        dict,
        "values of each column that holds categories: one number each, 1 or 0; of another value "
        "all are 0",
        example="{wind: [NE, NW, SE]}",
    )
    gaps: Literal["drop", "bridge"] = option(
        "drop",
        "where rows are missing. drop: windows across the gap are left out. bridge: rows count as "
        "evenly spaced, whatever their time stamps, as days on which a market is open",
    )
    repeated: Literal["refuse", "first", "last"] = option(
        "refuse", "rows of the same time that differ: refuse them, or keep the first or the last"
    )

    @property
    def inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """The past steps."""
        return (HISTORY,)

    @property
    def targets(self) -> dict[str, str]:  # type: ignore[override]
        """The column to predict; of several horizons a number for each."""
        problem = "regression" if isinstance(self.horizon, int) else "vector_regression"
        return dict.fromkeys(self.posed, problem)

    @property
    def groups(self) -> tuple[str, ...]:  # type: ignore[override]
        """None: rows are cut in time."""
        return ()

    @property
    def target(self) -> str:
        """The column that is predicted; "" where section `targets` names none."""
        return next(iter(self.posed), "")

    def check(self) -> Iterator[tuple[str, Problem]]:
        """A file or columns that are missing, and options that contradict each other."""
        yield from chain(self._check_place(), self._check_steps(), self._check_held())

    def _check_steps(self) -> Iterator[tuple[str, Problem]]:
        if not self.time:
            what = "`dataset.time` is empty: which column says when a row was?"
            yield "time", Problem(what, "", "a column of time stamps", "time=COLUMN")
        if self.every and Apart.parse(self.every) is None:
            what = f"`dataset.every` is '{self.every}'"
            yield "every", Problem(what, "", EVERY, "every=1 h")
        if len(self.posed) > 1:
            what = f"a series has one target, and `targets` names {join_names(self.posed)}"
            yield "time", Problem(what, "", "one column, at one horizon or several")
        if self.target == HISTORY:
            what = f"column {HISTORY} of the table has the name of the input"
            yield "columns", Problem(f"{what}; rename it in the file", "", "another name")

    def _check_held(self) -> Iterator[tuple[str, Problem]]:
        for name, holds in self.columns.items():
            if holds in ("text", "date") and name != self.time:
                what = f"`dataset.columns.{name}` is {holds}, which a window cannot hold"
                yield "columns", Problem(what, "", "number, category or skip")
        for name in self.columns_of("category"):
            if not self.values.get(name):
                what = f"column {name} holds categories, but `dataset.values` does not name them"
                told = f"values.{name}=[VALUE,VALUE]"
                yield "values", Problem(what, "", f"{name}: its values", told)
        for name in self.values:
            if name not in self.columns_of("category"):
                what = f"`dataset.values` names {name}, which holds no categories"
                yield "values", Problem(what, "", join_names(self.columns_of("category")))
