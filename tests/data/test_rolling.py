"""Rolling origins: what validates is later than what trains, by a gap, fold after fold."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from dlx.config.specs.protocols import Rolling
from dlx.data.checks import check
from dlx.data.columns import Dense
from dlx.data.protocols import Split
from dlx.data.rolling import rolling
from dlx.data.samples import Samples
from dlx.errors import MethodError, UsageError


def in_time(rows: int, **more: Any) -> Samples:
    """Rows that lie in no order, with the hour of each."""
    hours = np.random.default_rng(0).permutation(rows)
    columns = {"x": np.arange(rows)[:, None] * 1.0, "y": np.zeros(rows), "hour": hours}
    found = {name: Dense(values) for name, values in columns.items()}
    return Samples(columns=found, inputs=("x",), targets=("y",), time="hour", **more)


def hours_of(samples: Samples, split: Split) -> list[tuple[Any, Any]]:
    hours = np.asarray(samples.columns["hour"])
    return [(np.sort(hours[f.train]), np.sort(hours[f.validation])) for f in split.folds]


@pytest.mark.parametrize(("behind", "ahead"), [(0, 0), (0, 3), (7, 2)])
@pytest.mark.parametrize("window", ["expanding", "sliding"])
@pytest.mark.parametrize("official", [False, True])
def test_each_origin_trains_on_the_past_up_to_the_gap(
    behind: int, ahead: int, window: Any, official: bool
) -> None:
    samples = in_time(200, behind=behind, ahead=ahead)
    if official:
        test = np.flatnonzero(np.asarray(samples.columns["hour"]) >= 160)
        samples = in_time(200, behind=behind, ahead=ahead, test=test)

    split = rolling(Rolling(k=3, validation=20, test=40, window=window), samples, 0, "y")

    gap, folds = behind + ahead, hours_of(samples, split)
    assert len(folds) == 3
    assert (len(split.test), folds[-1][1].max()) == (40, 159 - gap)
    for (_, before), (_, after) in pairwise(folds):
        assert after.min() == before.max() + 1  # the stretches follow each other
    for number, (train, validation) in enumerate(folds):
        assert len(validation) == 20
        assert train.max() + 1 + gap == validation.min()  # none is wasted
        assert train.min() == (20 * number if window == "sliding" else 0)
        assert len(train) == train.max() - train.min() + 1
    found = check(samples, split, {}, [bytes([row]) for row in range(200)])
    assert [one for one in found if one.kind == "leak"] == []


@pytest.mark.parametrize("window", ["expanding", "sliding"])
def test_rows_of_the_time_that_validates_first_do_not_train(window: Any) -> None:
    samples = in_time(200)
    days = np.asarray(samples.columns["hour"]) // 9
    samples = replace(samples, columns={**samples.columns, "hour": Dense(days)})
    split = rolling(Rolling(k=3, validation=20, test=40, window=window), samples, 0, "y")
    for train, validation in hours_of(samples, split):
        assert len(validation) == 20
        assert validation.min() - train.max() == 1
    assert days[split.test].min() - max(v.max() for _, v in hours_of(samples, split)) == 1


def test_the_rule_says_what_was_done() -> None:
    split = rolling(Rolling(k=2, validation=0.1, test=50), in_time(250, ahead=5), 0, "y")

    assert split.rule == (
        "in time, 2 origins (expanding window): 150 to 170 rows train, the next 20 validate, a new "
        "model for each; the latest 50 rows are the test set, 5 rows left out between two sets"
    )
    assert (split.made_by, split.test_made_by) == ("time", "time")


def test_a_size_that_leaves_nothing_says_one_that_does() -> None:
    options = Rolling(k=4, validation=50, test=50)
    with pytest.raises(UsageError) as caught:
        rolling(options, in_time(250, ahead=5), 0, "y")

    (problem,) = caught.value.problems
    assert problem.what == (
        "4 stretches of 50 rows validate, and the 195 rows before the test set, less the 5 that "
        "are left out between two sets, leave none to train on"
    )
    assert (problem.accepted, problem.hint) == ("at most 47 rows each", "protocol.validation=23")
    for each in (23, 47):
        split = rolling(Rolling(k=4, validation=each, test=50), in_time(250, ahead=5), 0, "y")
        assert min(len(fold.train) for fold in split.folds) >= 1
    with pytest.raises(UsageError, match="more rows, or fewer between two sets"):
        rolling(Rolling(k=60, validation=3, test=50), in_time(110, ahead=5), 0, "y")


def test_a_gap_that_leaks_is_refused() -> None:
    with pytest.raises(MethodError, match=r"`protocol.gap` is 4: the last training rows"):
        rolling(Rolling(gap=4), in_time(250, ahead=5), 0, "y")
