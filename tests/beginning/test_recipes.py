"""How a table is learned, by its size and by what its target is like."""

from __future__ import annotations

import numpy as np
import pytest

from dlx.beginning.recipes import FEW, choose_learning, choose_scale

WHY = (
    "from 0 up, with a few large numbers (skewness 4.9, of their logarithms -0.2): logarithms are "
    "learned, so that answers are nearer to the median than to the mean; where sums of answers "
    "matter, scale: standardise"
)


def test_few_rows_are_learned_for_a_hundred_steps_and_many_for_a_thousand() -> None:
    for rows in (40, 891, FEW - 1, FEW, 30_000, 1_000_000):
        train = int(0.64 * rows)
        trainer = choose_learning(rows, train, coded=False).trainer
        steps = trainer["epochs"] * max(1, train // trainer["batch_size"])
        assert trainer["epochs"] >= 6
        if rows < FEW:
            assert steps <= 250
        else:
            assert steps >= 950


def test_few_rows_with_categories_have_a_narrow_network() -> None:
    assert choose_learning(891, 570, coded=True).model["units"] == [32]
    assert choose_learning(891, 570, coded=False).model["units"] == [64]


def test_very_skewed_quantities_from_0_are_learned_as_logarithms() -> None:
    numbers = np.array([*range(40), 40, 400, np.nan, 40, 60, 200])
    assert choose_scale(numbers) == ("log", WHY)


@pytest.mark.parametrize(
    "numbers",
    [[1, 2, 3, 4], [-1, *range(40), 4_000], [5, 5, 5], [*np.exp(np.linspace(0, 5, 99))], [np.nan]],
    ids=["even", "below 0", "equal", "hardly skewed", "missing"],
)
def test_other_quantities_are_learned_as_they_are(numbers: list[float]) -> None:
    assert choose_scale(np.array(numbers)) == ("standardise", "")
