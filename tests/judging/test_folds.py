from __future__ import annotations

import math

import numpy as np
import pytest

from dlx.judging.folds import best_epoch, mean_curve, smooth, spread, summary

CURVES = [
    [{"val/mae": 4.0, "train/loss": 1.0}, {"val/mae": 2.0, "train/loss": 0.5}],
    [{"val/mae": 3.0, "train/loss": 3.0}, {"val/mae": 3.0, "train/loss": 1.5}],
]


def test_the_mean_curve_goes_as_far_as_the_shortest_fold() -> None:
    longer = [*CURVES[0], {"val/mae": 9.0, "train/loss": 9.0}]

    curve = mean_curve([longer, CURVES[1]])

    assert curve == [
        {"val/mae": 3.5, "train/loss": 2.0},
        {"val/mae": 2.5, "train/loss": 1.0},
    ]


def test_mean_and_spread_of_the_folds_at_one_epoch() -> None:
    found = summary(CURVES, 1, [{}])

    assert found == {"val/mae": {"mean": 3.5, "std": pytest.approx(0.5**0.5), "each": [4.0, 3.0]}}


def test_one_value_has_no_spread() -> None:
    assert spread([1.0]) is None
    assert spread([1.0, math.nan]) is None


def test_the_best_epoch_by_either_direction() -> None:
    curve = [{"s": 3.0}, {"s": 1.0}, {"s": math.nan}, {"s": 1.0}]

    assert best_epoch(curve, "s", "min") == 2
    assert best_epoch(curve, "s", "max") == 1
    assert best_epoch([{"s": math.nan}, {"s": math.nan}], "s", "min") == 2


def test_the_smoothed_curve_is_the_books() -> None:
    """Book 3.6: the first ten points dropped, each other the mean of 0.9 past and 0.1 itself."""
    values = 3 + np.cos(np.arange(120) / 25) + np.random.default_rng(0).normal(0, 0.2, 120)
    points: list[float] = []
    for value in values[10:].tolist():
        points.append(points[-1] * 0.9 + value * 0.1 if points else value)

    found = smooth([{"val/mae": v} for v in values.tolist()], "val/mae", "min")

    assert found is not None
    assert found["values"] == pytest.approx(points)
    assert found["minimum_epoch"] == 11 + int(np.argmin(points))
    assert found["minimum"] == pytest.approx(min(points))


def test_a_short_or_broken_curve_is_not_smoothed() -> None:
    assert smooth([{"s": 1.0}] * 15, "s", "min") is None
    assert smooth([{"s": 1.0}] * 30 + [{"s": math.nan}], "s", "min") is None
