"""What repeats in a series by the length of its steps, and which rows a mean forecast is over."""

from __future__ import annotations

import numpy as np
import pytest

from dlx.data.seasons import Clock, Season, find_season, group_by_season, tell_stamp


@pytest.mark.parametrize(
    ("clock", "unit", "steps", "naive"),
    [
        ("s", 10, 8640, "same hour yesterday"),
        ("m", 10, 144, "same hour yesterday"),
        ("h", 1, 24, "same hour yesterday"),
        ("m", 7, 1, "last value"),  # a day is no whole number of such steps
        ("D", 1, 7, "same day last week"),
        ("D", 7, 52, "same week last year"),
        ("M", 1, 12, "same month last year"),
        ("M", 3, 4, "same month last year"),
        ("M", 12, 1, "last value"),
    ],
)
def test_what_repeats_is_the_day_the_week_or_the_year(
    clock: Clock, unit: int, steps: int, naive: str
) -> None:
    assert find_season(clock, unit) == Season(steps, naive)


def test_means_are_over_rows_of_the_same_time_of_day_week_or_year() -> None:
    days = np.array(["2024-01-01", "2024-01-07", "2024-02-05"], "datetime64[D]")  # Mon, Sun, Mon
    found = group_by_season(days.astype(np.int64), "D", 1)
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "mean of the weekday": [0, 6, 0],
        "mean of the month": [0, 0, 1],
    }
    hours = np.array(["2024-01-01T05", "2024-02-02T05"], "datetime64[h]").astype(np.int64)
    found = group_by_season(hours, "h", 1)
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "mean of the hour": [5, 5],
        "mean of the hour in the month": [5, 29],
    }
    assert list(group_by_season(np.arange(3), "M", 1)) == ["mean of the month"]
    assert group_by_season(np.arange(3), "M", 12) == {}


def test_a_time_is_told_as_finely_as_it_is_counted() -> None:
    assert tell_stamp(24, "h") == "1970-01-02 00:00"
    assert tell_stamp(10, "m") == "1970-01-01 00:10"
    assert (tell_stamp(31, "D"), tell_stamp(13, "M")) == ("1970-02-01", "1971-02")
