"""Which stretches of tables in time become rows, and what is wrong with their time stamps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlx.config.specs import DATASETS
from dlx.data.samples import Samples
from dlx.data.windows import Reach, Track, cut_windows, lag
from dlx.errors import UsageError

OPTIONS = DATASETS.default("beijing_windows")().options


def track(stamps: Any, groups: Any = None) -> Track:
    """Hours that hold their own number, which is also what is to be predicted."""
    many = len(stamps)
    values = np.arange(many, dtype=np.float64)
    hashes = np.frombuffer(b"".join(i.to_bytes(16, "big") for i in range(many)), np.uint8)
    return Track(
        Path("weather.csv"),
        values[:, None].astype(np.float32),
        ("x",),
        values,
        np.asarray(stamps, np.int64),
        "h",
        1,
        hashes.reshape(-1, 16),
        None if groups is None else np.asarray(groups),
    )


def held(samples: Samples) -> list[tuple[list[int], int]]:
    """Of each row the steps that its window holds, and the one that it predicts."""
    window: Any = samples.columns["weather"]
    told = np.asarray(samples.columns["temperature"]).astype(int).tolist()
    steps = [window.series[end - window.offsets, 0].astype(int).tolist() for end in window.ends]
    return list(zip(steps, told, strict=True))


@pytest.mark.parametrize("seed", range(6))
def test_a_row_is_an_unbroken_stretch_of_one_series(seed: int) -> None:
    """Windows are those that trying each step by itself gives, whatever gaps and groups."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(3), random.integers(60, 90, 3))
    stamps = np.cumsum(random.choice([1, 1, 1, 1, 1, 1, 1, 1, 1, 5], len(groups)))
    lookback, step, ahead = int(random.integers(1, 9)), int(random.integers(1, 4)), 24

    try:
        found = held(cut_windows(track(stamps, groups), OPTIONS, Reach(lookback, step, ahead)))
    except UsageError:
        found = []

    expected = []
    for end in range(lookback - 1, len(stamps) - ahead):
        span = range(end - lookback + 1, end + ahead + 1)
        whole = all(groups[i] == groups[i - 1] and stamps[i] == stamps[i - 1] + 1 for i in span[1:])
        if whole:
            expected.append((list(range(end, end - lookback, -step))[::-1], end + ahead))
    assert found == expected


def test_windows_across_a_gap_are_counted() -> None:
    stamps = [*range(100), *range(103, 200)]

    samples = cut_windows(track(stamps), OPTIONS, Reach(5, 1, 24))

    note = "windows across a gap in the time stamps of weather.csv are left out (1 gap, the first "
    note += "after 1970-01-05 03:00)"
    assert samples.notes == ((note, 28),)
    assert len(samples) == 197 - 28 - 28
    assert cut_windows(track(range(197)), OPTIONS, Reach(5, 1, 24)).notes == ()


def test_parts_of_several_series_lie_as_far_apart_as_rows_of_the_same_time_need() -> None:
    one = cut_windows(track(range(90)), OPTIONS, Reach(8, 2, 24))
    three = cut_windows(track([*range(90)] * 3, np.repeat([0, 1, 2], 90)), OPTIONS, Reach(8, 2, 24))

    assert (one.behind, one.ahead) == (6, 24)
    assert (three.behind, three.ahead) == (18, 72)


@pytest.mark.parametrize(
    ("asked", "ahead", "first_row"),
    [
        ((1440, 6, 144, "end"), 150, 0),  # the book's 24 hours are 25
        ((720, 3, 144, "end"), 147, 0),  # and of 6.4 24.5
        ((1440, 6, 144, "last_step"), 144, 5),
        ((10, 6, 20, "end"), 24, 0),  # rows 0 and 6 of 10
        ((1, 1, 1, "end"), 2, 0),
    ],
)
def test_a_horizon_is_counted_from_the_last_step_or_the_end(
    asked: Any, ahead: int, first_row: int
) -> None:
    reach = Reach.count(*asked)

    assert reach.ahead == ahead
    lookback, step, horizon, counted_from = asked
    steps, told = held(cut_windows(track(range(2000)), OPTIONS, reach))[0]
    begin = steps[0]
    assert begin >= first_row
    if counted_from == "end":  # rows begin, begin + step, ... below the end, as Python's range
        assert steps == list(range(begin, begin + lookback, step))
        assert told == begin + lookback + horizon
    else:
        assert told == steps[-1] + horizon


@pytest.mark.parametrize("counted_from", ["last_step", "end"])
def test_of_several_horizons_each_row_has_what_it_has_of_each_alone(counted_from: Any) -> None:
    hours = track(range(300))
    asked = [Reach.count(10, 3, one, counted_from) for one in ((1, 6, 30), 1, 6, 30)]

    together, *alone = (cut_windows(hours, OPTIONS, one) for one in asked)

    assert together.horizons == tuple(one.ahead for one in asked[1:])
    assert (together.ahead, together.seasons) == (alone[-1].ahead, {})
    ends: Any = together.columns["weather"]
    for place, one in enumerate(alone):
        window: Any = one.columns["weather"]
        rows = np.searchsorted(window.ends, ends.ends)
        assert window.ends[rows].tolist() == ends.ends.tolist()
        for name in ("temperature", "same hour yesterday", "last value"):
            found = np.asarray(together.columns[name])[:, place]
            assert found.tolist() == np.asarray(one.columns[name])[rows].tolist()
    hashes = [np.asarray(one.columns["predicted step"]) for one in (together, alone[-1])]
    assert hashes[0].tolist() == hashes[1][rows].tolist()  # no horizon more makes old test rows new


@pytest.mark.parametrize(("asked", "hint"), [((6, 1), "[1,6]"), ((2, 2), "[2]"), ((), "")])
def test_horizons_that_do_not_grow_are_refused(asked: Any, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        Reach.count(10, 3, asked)

    (problem,) = caught.value.problems
    assert problem.what == f"`dataset.horizon` is [{','.join(map(str, asked))}]"
    assert problem.accepted == "one horizon or more, each farther than the one before"
    assert problem.hint == (f"dataset.horizon={hint}" if hint else "")


def test_rows_are_sorted_and_those_that_repeat_another_left_out() -> None:
    whole = track(range(10))

    mixed = whole.take(np.array([0, 1, 2, 5, 6, 3, 4, 5, 7, 8, 9])).mend()

    assert mixed.stamps.tolist() == list(range(10))
    assert mixed.target.tolist() == list(range(10))
    assert mixed.notes == (
        ("rows of weather.csv that are earlier than one before them are sorted", 3),
        ("rows of weather.csv that repeat another are left out", 1),
    )
    assert whole.mend().notes == ()


def test_series_beside_each_other_are_parted() -> None:
    stamps, groups = np.repeat(np.arange(40), 2), np.tile([0, 1], 40)

    found = track(stamps, groups).mend()

    assert found.stamps.tolist() == [*range(40)] * 2
    assert found.notes == ()


def test_an_hour_that_is_there_twice_and_tells_different_things_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        track([0, 1, 2, 2, 3]).mend()

    (problem,) = caught.value.problems
    assert problem.what == (
        "weather.csv: lines 4 and 5 are both of 1970-01-01 02:00 and tell different things"
    )
    assert "an hour that daylight saving time repeats" in problem.accepted
    assert problem.hint == ""  # a reader that can bridge gaps tells its own


def test_stamps_may_count_for_nothing() -> None:
    bridged = track([0, 1, 2, 2, 9, 3, *range(10, 60)]).bridge()

    samples = cut_windows(bridged, OPTIONS, Reach(5, 1, 24))

    assert len(samples) == 56 - 28
    assert np.asarray(samples.columns["time"]).tolist() == list(range(4, 32))
    ((note, many),) = samples.notes
    assert note.startswith("rows of weather.csv are not 1 hour later than the one before")
    assert many == 4


def test_a_window_longer_than_every_stretch_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        cut_windows(track([*range(40), *range(50, 80)]), OPTIONS, Reach(30, 1, 24))

    (problem,) = caught.value.problems
    assert problem.what == "a window and its target span 54 rows of a series"
    assert problem.accepted == (
        "dataset.lookback + dataset.horizon of at most 40, the longest stretch without a gap in "
        "time"
    )


@pytest.mark.parametrize("ahead", [1, 5, 6, 7, 12, 13])
def test_a_lag_is_the_latest_value_at_the_targets_place_in_the_period(ahead: int) -> None:
    values = np.arange(40, dtype=np.float64)

    found = lag(values, ahead, 6)

    for step in range(12, 40):
        earlier = [i for i in range(step + 1) if (step + ahead - i) % 6 == 0]
        assert found[step] == values[earlier[-1]]
