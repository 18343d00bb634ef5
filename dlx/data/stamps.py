"""Time stamps of a series: how far apart they are, and in which unit they are whole numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..config.specs.own_series import Apart
from .columns import Array, Rows

Seconds = npt.NDArray[np.float64]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "D": 86_400}
_SHORTEST_MONTH = 28 * 86_400


def find_apart(seconds: Seconds, groups: Array | None = None) -> Apart | None:
    """How far apart most steps are that follow each other in a series; None of a single time.

    Args:
        seconds: when each was, since the beginning of 1970.
        groups: the series that each belongs to; None: all are of one.
    """
    differences = _differences(seconds, groups)
    if not len(differences):
        return None
    if differences.min() >= _SHORTEST_MONTH and (months := _count_months(seconds, groups)):
        return Apart("M", months)
    found, counts = np.unique(differences, return_counts=True)
    usual = float(found[counts.argmax()])
    if usual < 1 or usual != int(usual):
        return Apart("s", max(1, round(usual)))
    return coarsest(int(usual))


def coarsest(seconds: int) -> Apart:
    """So many seconds in the longest unit of which they are a whole number."""
    for clock, size in (("D", 86_400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return Apart(clock, seconds // size)  # type: ignore[arg-type]
    return Apart("s", seconds)


def _differences(seconds: Seconds, groups: Array | None) -> Seconds:
    """From each step to the next of its series, in order of time; those of the same time not."""
    numbers = np.zeros(len(seconds), np.int64)
    if groups is not None:
        numbers = np.unique(groups, return_inverse=True)[1]
    order = np.lexsort((seconds, numbers))
    same = np.diff(numbers[order]) == 0
    differences: Seconds = np.diff(seconds[order])[same]
    return differences[differences > 0]


def _count_months(seconds: Seconds, groups: Array | None) -> int:
    """How many months most steps are apart, where all fall on the same day of a month, else 0.

    The same day is the first, the fifteenth, ...; or the last, however many days a month has.
    """
    days = np.floor(seconds / 86_400).astype(np.int64)
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    of_month = days - months.astype("datetime64[D]").astype(np.int64)
    lengths = (months + 1).astype("datetime64[D]").astype(np.int64) - months.astype(
        "datetime64[D]"
    ).astype(np.int64)
    if len(np.unique(of_month)) > 1 and (of_month != lengths - 1).any():
        return 0
    found, counts = np.unique(
        _differences(months.astype(np.int64).astype(np.float64), groups), return_counts=True
    )
    return int(found[counts.argmax()]) if len(found) else 0


def find_clock(apart: Apart, seconds: Seconds) -> Apart | None:
    """The same distance in the coarsest unit of which all times are whole numbers.

    None where no unit is so fine. Months stay what they are.
    """
    if apart.clock == "M":
        return apart
    whole = apart.unit * _SECONDS[apart.clock]
    for clock in ("D", "h", "m", "s"):
        size = _SECONDS[clock]
        if whole % size == 0 and not (seconds % size).any():
            return Apart(clock, whole // size)
    return None


def to_clock(seconds: Seconds, clock: str) -> Rows:
    """Times as whole numbers of a unit since the beginning of 1970."""
    whole = np.floor(seconds).astype(np.int64).astype("datetime64[s]")
    return whole.astype(f"datetime64[{clock}]").astype(np.int64)
