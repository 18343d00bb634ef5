"""How far apart the steps of a series are, in which unit, and what of a month's length is told."""

from __future__ import annotations

import numpy as np
import pytest

from dlx.config.specs.own_series import Apart
from dlx.data.stamps import find_apart, find_clock, to_clock


def seconds(*stamps: str) -> np.ndarray:
    return np.array(stamps, "datetime64[s]").astype(np.int64).astype(np.float64)


def every(start: str, stop: str, step: int, unit: str) -> np.ndarray:
    found = np.arange(start, stop, np.timedelta64(step, unit), dtype=f"datetime64[{unit}]")
    return found.astype("datetime64[s]").astype(np.int64).astype(np.float64)


@pytest.mark.parametrize(
    ("stamps", "told"),
    [
        (every("2024-01-01T00:10", "2024-01-02T00:00", 10, "m"), "10 min"),
        (every("2024-01-01T00", "2024-01-03T00", 1, "h"), "1 h"),
        (every("2024-01-01", "2024-03-01", 1, "D"), "1 d"),
        (every("2024-01-01", "2024-06-01", 7, "D"), "1 w"),
        (every("2020-01", "2024-01", 1, "M"), "1 month"),
        (every("2020-01", "2024-01", 3, "M"), "3 month"),
        (every("1990", "2024", 1, "Y"), "1 year"),
        (seconds("2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"), "1 month"),
        (seconds("2024-01-01T00:00:30", "2024-01-01T00:00:45", "2024-01-01T00:01:00"), "15 s"),
    ],
)
def test_steps_are_as_far_apart_as_most_are(stamps: np.ndarray, told: str) -> None:
    found = find_apart(stamps)
    assert str(found) == told
    assert Apart.parse(told) == found


def test_gaps_order_repeats_and_other_series_change_nothing() -> None:
    hours = every("2024-01-01T00", "2024-01-03T00", 1, "h")
    broken = np.concatenate([hours[20:40], hours[:18], hours[:1]])
    assert str(find_apart(broken)) == "1 h"
    both = np.concatenate([hours, hours + 1800])
    assert str(find_apart(both, np.repeat(["a", "b"], len(hours)))) == "1 h"
    assert find_apart(hours[:1]) is None


def test_times_are_counted_in_the_coarsest_unit_of_which_they_are_whole_numbers() -> None:
    half_past = every("2024-01-01T00:30", "2024-01-02T00:30", 60, "m")
    assert find_clock(Apart("h", 1), half_past) == Apart("m", 60)
    assert find_clock(Apart("D", 7), seconds("2024-01-05", "2024-01-12")) == Apart("D", 7)
    assert find_clock(Apart("s", 1), np.array([0.5, 1.5])) is None
    assert to_clock(seconds("1970-02-15", "1970-03-01"), "M").tolist() == [1, 2]


@pytest.mark.parametrize("text", ["", "hourly", "0 h", "1.5 h", "-1 d"])
def test_what_is_no_distance_is_told(text: str) -> None:
    assert Apart.parse(text) is None
