"""A table of the user's own in time: its rows become steps, and what is wrong with them is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlx.data
from dlx.config.specs.datasets import DATASETS
from dlx.data.columns import Window
from dlx.data.samples import Samples
from dlx.errors import UsageError

HOURS = [f"2024-03-{1 + hour // 24:02d}T{hour % 24:02d}:00" for hour in range(80)]
LINES = [f"{at},{hour},{('N', 'S')[hour % 2]},{hour * 10}" for hour, at in enumerate(HOURS)]
HEADER = "when,y,wind,x"


def put(folder: Path, lines: list[str], header: str = HEADER) -> Path:
    file = folder / "weather.csv"
    file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return file


def read(file: Path, target: str = "y", **options: Any) -> Samples:
    given = {"file": str(file), "time": "when", "lookback": 4, **options}
    chosen = DATASETS.default("series", **given)()
    posed = chosen.options.pose({target: "regression"})
    return dlx.data.read(replace(chosen, options=posed))


def told(file: Path, **options: Any) -> tuple[str, str, str]:
    with pytest.raises(UsageError) as caught:
        read(file, **options)
    problem = caught.value.problems[0]
    return problem.what, problem.accepted, problem.hint


def window(samples: Samples) -> Window:
    column = samples.columns["history"]
    assert isinstance(column, Window)
    return column


def values(samples: Samples, name: str) -> list[Any]:
    return list(np.asarray(samples.columns[name]).tolist())


def test_windows_hold_the_targets_own_past_and_the_columns_that_are_named(tmp_path: Path) -> None:
    samples = read(
        put(tmp_path, LINES),
        columns={"x": "number", "wind": "category"},
        values={"wind": ["N", "S"]},
        calendar=("day",),
        horizon=2,
    )
    found = window(samples)

    names = ("y", "x", "wind N", "wind S", "sine of the day", "cosine of the day")
    assert found.names == names
    first = found.ends[0]
    assert first == 22  # whose forecast is what was a day before the row two later
    assert found.series[first, :4].tolist() == [22.0, 220.0, 1.0, 0.0]
    assert found.series[6, 4:].tolist() == pytest.approx([1.0, 0.0], abs=1e-6)  # 06:00
    assert values(samples, "y")[0] == 24.0
    assert samples.naive["y"] == dict.fromkeys(["last value", "same hour yesterday"]) | {
        "last value": "last value",
        "same hour yesterday": "same hour yesterday",
    }
    assert (samples.clock, samples.ahead, samples.behind) == ("h", 2, 3)
    assert samples.notes == ()


def test_several_horizons_are_a_number_each(tmp_path: Path) -> None:
    samples = read(put(tmp_path, LINES), horizon=(1, 3))
    assert samples.horizons == (1, 3)
    end = int(window(samples).ends[0])
    assert values(samples, "y")[0] == [end + 1, end + 3]


def test_order_repeats_holes_and_gaps_are_mended_and_told(tmp_path: Path) -> None:
    lines = [*LINES[:40], LINES[39], *LINES[45:60], LINES[61], LINES[60], *LINES[62:]]
    lines[10] = f"{HOURS[10]},,N,NA"
    lines[0] = f"{HOURS[0]},0,N,"
    samples = read(put(tmp_path, lines), columns={"x": "number"})

    assert dict(samples.notes) == {
        "rows of weather.csv that are earlier than one before them are sorted": 1,
        "rows of weather.csv that repeat another are left out": 1,
        "missing numbers of weather.csv are the last before them: y (1), x (2)": 3,
        "rows of weather.csv before every column has its first number are left out": 1,
        "windows across a gap in the time stamps of weather.csv are left out (1 gap, the first "
        "after 2024-03-02 15:00)": 24,
    }
    assert window(samples).series[9].tolist() == [9.0, 90.0]  # of 10:00, which begins with row 1


def test_rows_of_several_series_are_no_window_together(tmp_path: Path) -> None:
    lines = [f"{one},{line}" for line in LINES for one in ("a", "b")]
    samples = read(put(tmp_path, lines, f"place,{HEADER}"), group="place")

    found = window(samples)
    steps = found.series[found.ends[:, None] - found.offsets, 0]
    assert (np.diff(steps, axis=1) == 1).all()
    assert len(samples) == 2 * (80 - 23 - 1)


def test_bridged_rows_count_as_evenly_spaced(tmp_path: Path) -> None:
    days = np.arange("2024-01-01", "2024-04-01", dtype="datetime64[D]")
    open_ = [day for day in days if np.is_busday(day)]
    lines = [f"{day},{place}" for place, day in enumerate(open_)]
    file = put(tmp_path, lines, "when,y")

    what, accepted, hint = told(file)
    assert what == "a window and its target span 8 rows of a series"
    assert accepted == (
        "dataset.lookback + dataset.horizon of at most 5, the longest stretch without a gap in time"
    )
    assert hint == "dataset.gaps=bridge"
    samples = read(file, gaps="bridge")
    assert samples.clock == "D"
    assert values(samples, "same day last week")[:2] == [0.0, 1.0]
    assert samples.naive["y"] == {
        "last value": "last value",
        "same day last week": "same day last week",
    }


def test_bridged_rows_of_a_series_follow_each_other_where_only_another_has_rows(
    tmp_path: Path,
) -> None:
    lines = [
        f"{at},{hour},{which}"
        for hour, at in enumerate(HOURS)
        for which in ("a", "b")
        if which == "a" or not 30 <= hour < 50
    ]
    file = put(tmp_path, lines, "when,y,machine")

    samples = read(file, group="machine", gaps="bridge")
    assert len(samples) == (80 - 24) + (60 - 24)  # a season before, and the target
    # between a window of b across its gap, or its target, and its end a has rows of 20 hours
    assert (samples.behind, samples.ahead) == (2 * 3 + 20, 2 * 1 + 20)
    assert len(read(file, group="machine")) == (80 - 24) + 2 * (30 - 24)


def test_rows_of_the_same_time_that_differ_are_refused_or_one_is_kept(tmp_path: Path) -> None:
    lines = [*LINES[:50], f"{HOURS[49]},999,N,1", *LINES[50:]]
    file = put(tmp_path, lines)

    what, _, hint = told(file)
    assert what == (
        "weather.csv: lines 51 and 52 are both of 2024-03-03 01:00 and tell different things"
    )
    assert hint == (
        "dataset.repeated=first keeps the first of each, dataset.repeated=last the last"
    )
    for which, kept in (("first", 49.0), ("last", 999.0)):
        samples = read(file, repeated=which)
        assert window(samples).series[49, 0] == kept
        note = f"rows of weather.csv of a time that another has are left out ({which} is kept)"
        assert samples.notes == ((note, 1),)


@pytest.mark.parametrize(
    ("lines", "options", "what"),
    [
        ([], {}, "weather.csv: has no rows below its header"),
        ([",1,N,1", *LINES], {}, "weather.csv: column when is empty in 1 row"),
        ([LINES[0]], {}, "weather.csv: column when has the same time in every row"),
        (
            [f"{HOURS[0]}:00.5,1,N,1", f"{HOURS[0]}:01.5,2,N,1"],
            {},
            "weather.csv: column when has times of fractions of a second",
        ),
        (
            [line.rpartition(",")[0] + "," for line in LINES],
            {"columns": {"x": "number"}},
            "weather.csv: column x has no number",
        ),
        (
            ["yesterday,1,N,1", *LINES],
            {},
            "weather.csv: column when holds dates, but not 'yesterday' in line 2",
        ),
        (
            [*LINES, "2024-03-05T00:00,many,N,1"],
            {},
            "weather.csv: column y holds numbers, but not 'many' in line 82",
        ),
    ],
)
def test_what_is_no_series_is_told(
    tmp_path: Path, lines: list[str], options: dict[str, Any], what: str
) -> None:
    assert told(put(tmp_path, lines), **options)[0] == what


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({"time": ""}, ["`dataset.time` is empty: which column says when a row was?"]),
        ({"every": "hourly"}, ["`dataset.every` is 'hourly'"]),
        (
            {"columns": {"x": "text"}},
            ["`dataset.columns.x` is text, which a window cannot hold"],
        ),
        (
            {"columns": {"wind": "category"}},
            ["column wind holds categories, but `dataset.values` does not name them"],
        ),
        ({"values": {"x": ["a"]}}, ["`dataset.values` names x, which holds no categories"]),
    ],
)
def test_options_that_contradict_each_other_are_told(
    options: dict[str, Any], problems: list[str]
) -> None:
    given = {"file": "./x.csv", "time": "when", **options}
    posed = DATASETS.default("series", **given)().options.pose({"y": "regression"})
    assert [problem.what for _, problem in posed.check()] == problems
