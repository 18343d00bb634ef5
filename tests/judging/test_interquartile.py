"""The interquartile mean is SciPy's trimmed mean; its interval is held to that of all draws."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from dlx.judging.interquartile import LEAST, draw_interval, interquartile_mean


@pytest.mark.parametrize("many", range(1, 14))
def test_it_is_scipys_trimmed_mean(many: int) -> None:
    values = np.random.default_rng(many).normal(size=many).tolist()
    assert interquartile_mean(values) == pytest.approx(stats.trim_mean(values, 0.25))
    if many < LEAST:
        assert interquartile_mean(values) == pytest.approx(np.mean(values))


def test_it_forgets_the_one_that_went_wrong() -> None:
    assert interquartile_mean([500.0, 9.0, 500.0, 500.0, 500.0]) == 500.0


def test_its_interval_is_that_of_all_draws_there_are() -> None:
    values = [1.0, 2.0, 4.0, 8.0, 16.0]
    every = [interquartile_mean(drawn) for drawn in itertools.product(values, repeat=5)]
    found = draw_interval([values])
    assert found is not None
    exact = np.quantile(every, [0.025, 0.975])
    assert found == pytest.approx(exact, abs=0.7)
    assert found == draw_interval([values])


def test_strata_are_drawn_each_for_itself() -> None:
    """Between strata that lie apart nothing moves; drawn as one they would."""
    low, high = [0.0] * 4, [10.0] * 4
    apart = draw_interval([low, high])
    together = draw_interval([low + high])
    assert apart == (5.0, 5.0)
    assert together is not None
    assert together[0] < 5.0 < together[1]
    five = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert draw_interval([five, []]) == draw_interval([five])


@pytest.mark.parametrize(
    "values", [[1.0, 2.0, 3.0], [2.0] * 5, [1.0, 2.0, 3.0, float("nan")], []], ids=str
)
def test_there_is_no_interval(values: list[float]) -> None:
    assert draw_interval([values]) is None
