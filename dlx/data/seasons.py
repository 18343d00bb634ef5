"""After how many steps of a series what happens repeats, and which means follow from that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .columns import Rows

Clock = Literal["s", "m", "h", "D", "M"]
"""NumPy's codes of seconds, minutes, hours, days and months."""

LAST, YESTERDAY = "last value", "same hour yesterday"
HOUR, MONTH_AND_HOUR = "mean of the hour", "mean of the hour in the month"
WEEKDAY, MONTH = "mean of the weekday", "mean of the month"
TARGET_OF = {
    HOUR: "hour of the target",
    MONTH_AND_HOUR: "month and hour of the target",
    WEEKDAY: "weekday of the target",
    MONTH: "month of the target",
}
"""Forecasts that are means over training rows, and the column that says over which."""

_OF_A_DAY = {"s": 86400, "m": 1440, "h": 24, "D": 1}
_THURSDAY = 3  # the first day of 1970, counted from Monday


@dataclass(frozen=True)
class Season:
    """What repeats.

    Attributes:
        steps: after which it does; 1 where nothing is known to.
        naive: what the forecast is called that is the value so many steps before.
    """

    steps: int
    naive: str


def count_day(clock: Clock, unit: int) -> int:
    """How many steps a day has; 1 where a step is as long or longer, or a day is no whole number.

    Args:
        clock: in which a step is counted.
        unit: of the clock, from a step to the next.
    """
    of_a_day = _OF_A_DAY.get(clock, 0)
    return of_a_day // unit if of_a_day and of_a_day % unit == 0 else 1


def tell_stamp(stamp: int, clock: Clock) -> str:
    """A time in words; hours have minutes, as is usual."""
    told = np.int64(stamp).astype(f"datetime64[{clock}]")
    return str(told.astype("datetime64[m]") if clock == "h" else told).replace("T", " ")


def find_season(clock: Clock, unit: int) -> Season:
    """What repeats in a series of such steps: the day, the week or the year."""
    if (day := count_day(clock, unit)) > 1:
        return Season(day, YESTERDAY)
    known = {
        ("D", 1): Season(7, "same day last week"),
        ("D", 7): Season(52, "same week last year"),
    }
    if clock == "M" and unit < 12 and 12 % unit == 0:
        return Season(12 // unit, "same month last year")
    return known.get((clock, unit), Season(1, LAST))


def group_by_season(stamps: Rows, clock: Clock, unit: int) -> dict[str, Rows]:
    """Of each forecast that is a mean, which rows it is the mean of, as whole numbers.

    Args:
        stamps: of the steps that are forecast, in units of `clock` since the beginning of 1970.
        clock: in which they are counted.
        unit: of the clock, from a step to the next.
    """
    months = stamps.astype(f"datetime64[{clock}]").astype("datetime64[M]").astype(np.int64) % 12
    if (day := count_day(clock, unit)) > 1:
        of_day = stamps // unit % day
        return {HOUR: of_day, MONTH_AND_HOUR: months * day + of_day}
    if (clock, unit) == ("D", 1):
        return {WEEKDAY: (stamps + _THURSDAY) % 7, MONTH: months}
    if clock == "M" and unit >= 12:
        return {}
    return {MONTH: months}
