"""Forecasts of rows in time are left to be looked at: the right ones, at the right time."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small import built

from dlx.data.columns import Dense
from dlx.data.samples import Samples
from dlx.judging.judge import judge
from dlx.learning.forecasts import leave_forecasts
from dlx.runs.artifacts import Artifacts, list_artifacts

HOURS = 24 * 40
NOON = 394_500  # hours from 1970 to 2015-01-02 12:00


def rows_in_time(truth: Any, **more: Any) -> Samples:
    """Hourly rows, the latest first."""
    time = NOON + np.arange(len(truth), dtype=np.int64)[::-1]
    columns = {"x": Dense(np.zeros((len(truth), 1))), "y": Dense(truth), "time": Dense(time)}
    return Samples(columns, inputs=("x",), targets=("y",), time="time", **more)


def left(folder: Path, *given: Any) -> dict[str, dict[str, list[float]]]:
    """Columns of numbers by artifact."""
    leave_forecasts(Artifacts(folder), *given)
    found = {}
    for one in list_artifacts(folder):
        assert one.kind == "lines"
        with (folder / one.file).open() as stream:
            head, *rows = csv.reader(stream)
        columns = zip(*([float(cell) for cell in row] for row in rows), strict=True)
        found[one.name] = dict(zip(head, map(list, columns), strict=True))
    return found


def test_two_weeks_stand_beside_the_truth_and_the_best_naive_forecast(tmp_path: Path) -> None:
    truth = np.arange(HOURS, dtype=np.float32)[::-1]  # grows with time
    naive = {"far": truth + 50, "near": truth - 2, "nearer": truth + 1}

    found = left(
        tmp_path,
        rows_in_time(truth, clock="h"),
        np.arange(HOURS),
        "val",
        {"y": (truth + 0.5)[:, None]},
        {"y": naive},
    )

    weeks = found["forecast"]
    assert list(weeks) == ["day", "model", "nearer", "truth"]
    assert weeks["day"][:3] == pytest.approx([0, 1 / 24, 2 / 24], rel=1e-6)
    assert len(weeks["day"]) == 14 * 24
    assert weeks["truth"] == list(range(14 * 24))
    assert weeks["model"][5] == 5.5
    over = found["error_over_time"]
    assert list(over) == ["day", "model", "nearer", "near"]
    assert (len(over["day"]), over["model"], over["near"]) == (40, [0.5] * 40, [2.0] * 40)
    assert found["error_by_hour"]["hour"] == list(range(24))
    assert "error_by_horizon" not in found
    (first, *_) = list_artifacts(tmp_path)
    assert first.title == "Forecasts of y"
    assert first.caption == (
        "the beginning of the validation set, from 2015-01-02 12:00; each at the time at which it "
        "was made"
    )


def test_the_hour_is_the_one_in_which_a_forecast_was_made(tmp_path: Path) -> None:
    truth, hours = np.zeros(HOURS, np.float32), (NOON + np.arange(HOURS)[::-1]) % 24

    found = left(
        tmp_path,
        rows_in_time(truth, clock="h"),
        np.arange(HOURS),
        "test",
        {"y": hours.astype(float)},
        {},
    )

    assert found["error_by_hour"]["model"] == list(range(24))


def test_several_horizons_have_an_error_each(tmp_path: Path) -> None:
    truth = np.zeros((HOURS, 3), np.float32)
    answers = truth + np.array([1.0, 2.0, 4.0])

    found = left(
        tmp_path,
        rows_in_time(truth, horizons=(1, 6, 24)),
        np.arange(HOURS),
        "test",
        {"y": answers},
        {"y": {"last value": truth + np.array([1, 3, 9])}},
    )

    assert found["error_by_horizon"] == {
        "horizon": [1, 6, 24],
        "model": [1, 2, 4],
        "last value": [1, 3, 9],
    }
    weeks = found["forecast"]
    assert (next(iter(weeks)), len(weeks["row"]), set(weeks["model"])) == ("row", 336, {4.0})
    assert list_artifacts(tmp_path)[0].title == "Forecasts of y, 24 steps ahead"


def test_of_several_series_the_first_is_shown_and_without_time_nothing(tmp_path: Path) -> None:
    truth = np.repeat(np.arange(30, dtype=np.float32)[::-1], 2)
    truth[1::2] = -1
    samples = rows_in_time(truth, clock="h")
    time = Dense(NOON + np.repeat(np.arange(30)[::-1], 2))
    two = Samples({**samples.columns, "time": time}, inputs=("x",), targets=("y",), time="time")

    found = left(tmp_path, two, np.arange(60), "val", {"y": truth}, {})

    assert found["forecast"]["truth"] == list(range(30))
    bare = Samples(two.columns, inputs=("x",), targets=("y",))
    assert left(tmp_path / "bare", bare, np.arange(60), "val", {"y": truth}, {}) == {}


def test_a_learner_of_rows_in_time_leaves_them_and_is_judged_by_blocks(tmp_path: Path) -> None:
    """In the target's unit; of the test set only once it was evaluated."""
    horizons = ["dataset.horizon=[1,6]", "targets.temperature.problem=vector_regression"]
    torch.set_num_threads(1)
    _, data, fold, training = built(*horizons, base=("task=beijing_windows", "dataset.sample=true"))

    judged = judge("test", training.learner.evaluate(fold, "test"))
    training.learner.artifacts(Artifacts(tmp_path), "end")

    names = [one.name for one in list_artifacts(tmp_path) if one.kind == "lines"]
    assert names == ["forecast", "error_over_time", "error_by_horizon"]
    _, *rows = (tmp_path / "artifacts" / "error_by_horizon.csv").read_text().splitlines()
    off = [float(row.split(",")[1]) for row in rows]
    assert np.mean(off) == pytest.approx(judged.scores[0].value, rel=1e-5)
    many = len(data.split.test)
    assert data.samples.span == 120  # 114 hours back, 6 ahead
    told = f"paired bootstrap over {many} rows in time, in blocks of {min(120, many // 3)})"
    assert judged.facts["power"]["text"].endswith(told)
    assert judged.facts["block"] == min(120, many // 3)
