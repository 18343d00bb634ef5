"""Steps on windows learn from what training windows reach, and change each step of it once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlx.config.specs.prepare import Expression
from dlx.data.columns import Array, Dense, Window
from dlx.errors import UsageError
from dlx.prepare import Pipeline

NAMES = ("one", "two", "three", "four")
STEPS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "standardise": [("standardise", {})],
    "range": [("scale", {})],
    "divisor": [("scale", {"divide_by": 3})],
    "holes": [("impute", {"strategy": "mean", "indicator": True})],
    "all": [
        ("impute", {}),
        ("derive", {"features": {"b": Expression(bins="two"), "c": Expression(log="one")}}),
        ("select", {"drop": ("one",)}),
        ("standardise", {}),
    ],
}
TRAIN, ENDS = np.arange(20), np.arange(4, 60)
REACHED = slice(0, 24)
"""The steps that the training windows reach."""


def make_series(holes: bool = True) -> Array:
    random = np.random.default_rng(0)
    series = random.normal(size=(60, 4)).astype(np.float32)
    if holes:
        series[random.random(series.shape) < 0.1] = np.nan
    return series


@pytest.mark.parametrize("name", STEPS)
def test_they_are_windows_over_a_table_that_was_prepared(
    name: str, step: Any, samples: Any
) -> None:
    steps = [step(one, **options) for one, options in STEPS[name]]
    series = make_series(holes=name in ("holes", "all"))
    over = samples(x=Window(series, ENDS, 5, 2))
    table = samples(x=Dense(series))

    pipeline, columns = Pipeline.fit(steps, over, TRAIN)
    wanted, prepared = Pipeline.fit(steps, table, np.arange(REACHED.stop))

    assert pipeline.steps == wanted.steps
    found = columns["x"]
    assert isinstance(found, Window)
    rows = np.asarray(prepared["x"])
    assert found.series.tolist() == rows.tolist()
    assert found.names == prepared["x"].names  # type: ignore[attr-defined]
    assert pipeline.inputs["x"].shape == (3, rows.shape[1])
    again = pipeline.apply(over)["x"]
    assert again.hashes(np.arange(56)) == found.hashes(np.arange(56))


@pytest.mark.parametrize("name", STEPS)
def test_nothing_is_learnt_from_steps_that_no_training_window_reaches(
    name: str, step: Any, samples: Any
) -> None:
    steps = [step(one, **options) for one, options in STEPS[name]]
    series = make_series(holes=name in ("holes", "all"))
    other = series.copy()
    other[REACHED.stop :] *= 1000

    known, columns = Pipeline.fit(steps, samples(x=Window(series, ENDS, 5)), TRAIN)
    found, others = Pipeline.fit(steps, samples(x=Window(other, ENDS, 5)), TRAIN)

    assert found.steps == known.steps
    assert others["x"].hashes(TRAIN) == columns["x"].hashes(TRAIN)


def test_a_step_that_treats_rows_as_a_whole_refuses_them(step: Any, samples: Any) -> None:
    over = samples(x=Window(make_series(holes=False), ENDS, 5))

    with pytest.raises(
        UsageError, match="prepare step flatten got windows of 5 steps, w"
    ) as caught:
        Pipeline.fit([step("flatten")], over, TRAIN)
    assert caught.value.problems[0].hint.startswith("leave it out: layers take windows as sequ")


def test_holes_are_told_where_a_window_holds_them(step: Any, samples: Any) -> None:
    series = make_series(holes=False)
    series[40, 1] = np.nan

    with pytest.raises(UsageError, match=r"input x has missing .* in 1 step\n.*first in step 40"):
        Pipeline.fit([step("standardise")], samples(x=Window(series, ENDS, 5)), TRAIN)
    Pipeline.fit([step("standardise")], samples(x=Window(series, ENDS[41:], 5)), TRAIN[:5])
