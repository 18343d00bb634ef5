"""Whether the rows of a table are steps in time: how far apart, and of how many series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..config.specs.own_series import Apart
from ..data.seasons import count_day
from ..data.stamps import find_apart, find_clock, to_clock
from .cells import Cells
from .coded import Codes, Numbers
from .described import Guess, correct

REGULAR = 0.7
"""Share of steps that are as far apart as most are, from which on rows are a series; days on which
a market is open have 0.8."""
FEWEST = 60
"""Rows of a series."""
MOST_SERIES = 0.05
"""Series for each row, at most."""


@dataclass(frozen=True)
class Steps:
    """Rows as steps in time.

    Attributes:
        time: the column that says when they are.
        group: the column that says of which series; "" where there is one.
        apart: how far a step is from the next.
        stamps: when each is, in units of its clock; in the order of series and time.
        codes: of which series each is, in that order.
        repeated: rows of a time that their series has already.
    """

    time: str
    group: str
    apart: Apart
    stamps: Codes
    codes: Codes
    repeated: int

    @property
    def series(self) -> int:
        """How many there are."""
        return len(np.unique(self.codes))

    @property
    def regular(self) -> float:
        """Which share of the steps to a later row are as far apart as most are."""
        steps = np.diff(self.stamps)[np.diff(self.codes) == 0]
        later = steps[steps > 0]
        return float((later == self.apart.unit).mean()) if len(later) else 0.0

    @property
    def stretches(self) -> Codes:
        """How many rows each stretch without a gap has."""
        begins = (np.diff(self.stamps) > self.apart.unit) | (np.diff(self.codes) != 0)
        edges = np.flatnonzero(np.concatenate([[True], begins, [True]]))
        return np.diff(edges)

    def count_windows(self, span: int) -> tuple[int, int]:
        """How many stretches of so many rows there are without a gap, and with gaps bridged."""
        whole = np.bincount(self.codes)
        return (
            int(np.maximum(0, self.stretches - span + 1).sum()),
            int(np.maximum(0, whole - span + 1).sum()),
        )

    @property
    def are_workdays(self) -> bool:
        """Whether steps are days of which none is on a weekend."""
        days = (self.apart.clock, self.apart.unit) == ("D", 1)
        return days and bool(np.is_busday(self.stamps.astype("datetime64[D]")).all())

    @property
    def is_within_days(self) -> bool:
        """Whether steps are shorter than a day, as measurements are."""
        clock, unit = self.apart.clock, self.apart.unit
        return clock in ("s", "m", "h") and count_day(clock, 1) > unit

    @property
    def rule(self) -> str:
        """Why rows are taken for steps of a series."""
        many = f", of {self.series:,} series by {self.group}" if self.group else ""
        return (
            f"{self.time} has a time in every row, {self.apart} apart in {self.regular:.0%}{many}"
        )


def find_steps(
    dates: Mapping[str, Numbers], others: Mapping[str, Codes], group: str | None = None
) -> Steps | None:
    """The steps that the rows of a table are; None where they are none.

    Args:
        dates: columns of dates, as seconds since 1970.
        others: columns that may say of which series a row is, as numbers of their values.
        group: the one that the user names; None where they name none.
    """
    for time, seconds in dates.items():
        if len(seconds) < FEWEST or not np.isfinite(seconds).all():
            continue
        for name in [group] if group else ["", *others]:
            codes = others[name] if name else np.zeros(len(seconds), np.int64)
            found = _count(time, name, seconds, codes)
            if found is not None:
                return found
    return None


def count_steps(time: str, group: str, seconds: Numbers, codes: Codes) -> Steps | None:
    """Rows as steps, however far apart they are; None where all are of the same time."""
    apart = find_apart(seconds, codes)
    apart = find_clock(apart, seconds) if apart else None
    if apart is None:
        return None
    stamps = to_clock(seconds, apart.clock)
    order = np.lexsort((stamps, codes))
    stamps, codes = stamps[order], codes[order]
    repeated = int(((np.diff(stamps) == 0) & (np.diff(codes) == 0)).sum())
    return Steps(time, group, apart, stamps, codes, repeated)


def _count(time: str, group: str, seconds: Numbers, codes: Codes) -> Steps | None:
    """The steps of a column of dates and one of series, where they are a series."""
    many = int(codes.max(initial=-1)) + 1
    if many > max(1, MOST_SERIES * len(seconds)):
        return None
    found = count_steps(time, group, seconds, codes)
    if found is None or found.repeated > 0.02 * len(seconds) or found.regular < REGULAR:
        return None
    return found


def suggest_series(cells: Cells, command: str) -> Iterator[Guess]:
    """Tells that a table that is read as one of cases may be a series."""
    dates = {name: np.asarray(cells.numbers(name)) for name in cells.of_type("date")}
    others = {n: one.codes for n, one in cells.columns.items() if n not in dates}
    if found := find_steps(dates, others):
        told = correct(command, "--kind", "table", "series")
        what = f"rows may be steps in time, {found.apart} apart"
        yield Guess(what, f"{told} forecasts a column from the rows before ({found.rule})")
