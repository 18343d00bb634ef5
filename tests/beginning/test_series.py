"""A table in time: its steps, what is chosen by them, and the task, which can be trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import dlx.data
from dlx.beginning.described import Wishes
from dlx.beginning.kinds import open_subject
from dlx.beginning.series import SeriesSubject, choose_windows
from dlx.beginning.steps import find_steps
from dlx.beginning.tables import TableSubject
from dlx.beginning.task_file import check_text, fit_text
from dlx.config.specs import DATASETS
from dlx.config.specs.protocols import Chronological
from dlx.data.protocols import chronological
from dlx.errors import UsageError

DAY = 86_400.0


def put(folder: Path, times: Any, *more: str) -> Path:
    """A file with a number, a wind and a text at each of some times."""
    lines = ["when,y,wind,note"]
    for place, at in enumerate(times):
        lines.append(f"{at},{place % 24}.5,{('N', 'S')[place % 2]},note {place}")
    (folder / "weather.csv").write_text("\n".join([*lines, *more]) + "\n")
    return folder / "weather.csv"


def begin(file: Path, kind: str = "", target: str = "y") -> tuple[SeriesSubject, dict[str, Any]]:
    subject, _ = open_subject([file], Wishes(command=f"dlx init {file.name}"), kind)
    assert isinstance(subject, SeriesSubject)
    subject.settle([target])
    text = fit_text(subject.draft())
    check_text(text)
    return subject, yaml.safe_load(text)


HOURS = np.arange("2024-03-01T00", "2024-03-21T00", dtype="datetime64[h]")
DAYS = np.arange("2024-01-01", "2024-12-01", dtype="datetime64[D]")


def test_rows_hours_apart_are_a_series_and_its_task_is_whole(tmp_path: Path) -> None:
    repeated = f"{HOURS[-1]},99,N,again"
    subject, written = begin(put(tmp_path, HOURS[HOURS[100] != HOURS], repeated))

    dataset = written["dataset"]
    assert dataset["columns"] == {"wind": "category", "note": "skip"}
    assert dataset["values"] == {"wind": ["N", "S"]}
    assert (dataset["time"], dataset["every"], dataset["calendar"]) == ("when", "1 h", ["day"])
    assert (dataset["lookback"], dataset["step"]) == (48, 1)
    assert dataset["horizon"] == [1, 3, 6, 12, 24]
    assert (dataset["gaps"], dataset["repeated"]) == ("drop", "first")
    assert written["targets"]["y"] == {"problem": "vector_regression", "scale": "standardise"}
    told = {one.what: one.rule for one in subject.describe().guesses}
    assert told["rows are steps in time, 1 h apart (dataset.every)"] == (
        "when has a time in every row, 1 h apart in 100%"
    )
    assert told["gaps in time (dataset.gaps): drop"].startswith("1 gap, across which no window")
    (asked,) = (one.what for one in subject.describe().guesses if one.asks)
    assert asked == "1 row of a time that another row has"


def test_rows_a_day_apart_are_cases_unless_they_are_said_to_be_a_series(tmp_path: Path) -> None:
    file = put(tmp_path, [day for day in DAYS if np.is_busday(day)])
    subject, _ = open_subject([file], Wishes(command="dlx init weather.csv"))
    assert isinstance(subject, TableSubject)
    told = {one.what: one.rule for one in subject.describe().guesses}
    assert told["rows may be steps in time, 1 d apart"].startswith(
        "dlx init weather.csv --kind series forecasts a column from the rows before"
    )

    _, written = begin(file, "series")
    assert written["dataset"]["gaps"] == "bridge"
    assert written["dataset"]["horizon"] == [1, 2, 3, 4, 5]  # a week of days that are worked on
    assert written["dataset"]["calendar"] == ["week"]  # eleven months: new rows lie beyond them

    _, written = begin(put(tmp_path, DAYS[0] + np.arange(366)), "series")
    assert written["dataset"]["calendar"] == ["week", "year"]


def test_several_series_are_told_apart_by_the_column_that_does(tmp_path: Path) -> None:
    seconds = np.tile(np.arange(100) * DAY, 3)
    names = np.repeat(np.arange(3), 100)
    found = find_steps({"when": seconds}, {"shade": names % 2, "shop": names})
    assert found is not None
    assert (found.group, found.series, found.repeated) == ("shop", 3, 0)
    assert find_steps({"when": seconds}, {"shade": names % 2}) is None
    assert find_steps({"when": np.sort(np.random.default_rng(0).random(100)) * 9e9}, {}) is None


@pytest.mark.parametrize(
    ("season", "rows", "chosen"),
    [
        (24, 10_000, (48, 1, (1, 3, 6, 12, 24))),
        (144, 10_000, (288, 6, (1, 6, 18, 36, 72, 144))),
        (7, 1_000, (28, 1, (1, 2, 3, 4, 5, 6, 7))),
        (12, 100, (12, 1, tuple(range(1, 13)))),
        (1, 40, (5, 1, (1, 2, 3, 4, 5))),
    ],
)
def test_windows_hold_two_seasons_where_there_is_room(
    season: int, rows: int, chosen: tuple[int, int, tuple[int, ...]]
) -> None:
    assert choose_windows(season, rows) == chosen


@pytest.mark.parametrize(("rows", "lost"), [(900, 0.01), (300, 0.0), (40, 0.0)])
def test_windows_are_as_short_as_leaves_rows_to_train_on(
    tmp_path: Path, rows: int, lost: float
) -> None:
    kept = np.random.default_rng(0).random((3, rows)) >= lost
    times = HOURS[0].astype("datetime64[s]") + np.arange(rows) * np.timedelta64(900, "s")
    lines = [f"{times[at]},M{of},{at % 96}" for of, at in np.argwhere(kept)]
    file = tmp_path / "logs.csv"
    file.write_text("\n".join(["when,machine,y", *lines]) + "\n")

    _, written = begin(file)
    options = {n: v for n, v in written["dataset"].items() if n != "name"}
    chosen = DATASETS.default("series", **{**options, "file": str(file)})()
    posed = chosen.options.pose({"y": "vector_regression"})
    samples = dlx.data.read(replace(chosen, options=posed))
    split = chronological(Chronological(), samples, 0, "y")
    assert len(split.folds[0].train) >= 0.1 * len(samples)


@pytest.mark.parametrize(
    ("target", "what", "hint"),
    [
        (
            "wind",
            "wind is category, and of a series a number is forecast",
            "dlx init weather.csv --kind table",
        ),
        ("yy", "there is no column 'yy'", "dlx init weather.csv --target y"),
    ],
)
def test_what_cannot_be_forecast_is_told(tmp_path: Path, target: str, what: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        begin(put(tmp_path, HOURS), target=target)
    (problem,) = caught.value.problems
    assert (problem.what, problem.hint) == (what, hint)


def test_rows_that_are_no_steps_are_told(tmp_path: Path) -> None:
    (tmp_path / "weather.csv").write_text("y,x\n1,2\n3,4\n" * 1)
    with pytest.raises(UsageError) as caught:
        begin(tmp_path / "weather.csv", "series")
    (problem,) = caught.value.problems
    assert problem.what == (
        "its rows are no steps in time: no column has times that are evenly apart"
    )
    assert problem.hint == "dlx init weather.csv --kind table"
