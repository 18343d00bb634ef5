"""Intervals hold what they say, and collapse nowhere; oracles are SciPy and simulation."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binomtest, t

from dlx.judging.intervals import hull, mean_by_rows, paired_shares, students_t, unseen, wilson


@pytest.mark.parametrize("rows", [1, 5, 36, 10_000])
def test_wilsons_interval_is_scipys(rows: int) -> None:
    for right in {0, 1, rows // 2, rows - 1, rows}:
        expected = binomtest(right, rows).proportion_ci(0.95, "wilson")
        found = wilson(right, rows)
        assert found == pytest.approx((expected.low, expected.high), abs=1e-9)
        assert found[0] < found[1]


def test_a_better_share_never_has_a_lower_bound() -> None:
    bounds = [wilson(right, 36) for right in range(37)]
    assert bounds == sorted(bounds)
    assert all(one[1] < two[1] or two[1] == 1 for one, two in pairwise(bounds))


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (5, 0), (0, 36), (9, 4), (1, 1)])
def test_a_lead_is_significant_where_mcnemars_exact_test_says_so(won: int, lost: int) -> None:
    low, high = paired_shares(won, lost, 36)
    p = binomtest(won, won + lost).pvalue if won + lost else 1.0
    assert (low > 0 or high < 0) == (p < 0.05)
    assert low < high
    assert low <= (won - lost) / 36 <= high


@pytest.mark.parametrize("rows", [20, 36, 100, 1000])
@pytest.mark.parametrize("shares", [(0.1, 0.0), (0.3, 0.05), (0.85, 0.01), (0.02, 0.01)])
def test_the_interval_of_a_lead_holds_the_lead(rows: int, shares: tuple[float, float]) -> None:
    """Of won and lost rows drawn by these shares; also where none is ever lost."""
    drawn = np.random.default_rng(0).multinomial(rows, [*shares, 1 - sum(shares)], size=400)
    intervals = [paired_shares(int(won), int(lost), rows) for won, lost, _ in drawn]

    held = [low <= shares[0] - shares[1] <= high for low, high in intervals]

    assert np.mean(held) >= 0.93


def test_what_no_row_shows_is_clopper_and_pearsons() -> None:
    assert unseen(36) == pytest.approx(binomtest(0, 36).proportion_ci(0.95, "exact").high)
    assert paired_shares(0, 0, 36) == (-unseen(36), unseen(36))


def test_students_interval_and_nadeau_and_bengios() -> None:
    values = [0.8, 0.86, 0.75, 0.83]
    for share in (0.0, 1 / 3):
        error = math.sqrt(np.var(values, ddof=1) * (1 / 4 + share))
        expected = t.interval(0.95, 3, np.mean(values), error)
        assert students_t(values, share) == pytest.approx(expected)
    assert students_t([0.5]) is students_t([0.5, 0.5]) is students_t([0.5, math.nan]) is None


def test_the_mean_of_values_of_their_own_rows_moves_less_than_each() -> None:
    values, each = [1.0, 2.0], [(0.7, 1.1), (1.6, 2.1)]
    found = mean_by_rows(values, each)
    assert found == pytest.approx((1.5 - 0.25, 1.5 + math.sqrt(0.02) / 2))
    assert mean_by_rows(values, each, alike=2) == pytest.approx(
        (1.5 - 0.25 * math.sqrt(2), 1.5 + 0.1)
    )
    assert mean_by_rows(values, [each[0], None]) is None
    assert hull(None, (0.1, 0.4), (0.2, 0.5)) == (0.1, 0.5)
    assert hull(None, None) is None


def nearest_mean(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """A classifier that is quickly fitted: the side of the middle between two class means."""
    ones, others = x[y == 1].mean(axis=0), x[y == 0].mean(axis=0)
    return ones - others, float((ones + others) @ (ones - others) / 2)


@pytest.mark.parametrize(("rows", "apart"), [(140, 1.0), (140, 2.0), (60, 0.5)])
def test_intervals_over_folds_hold_the_expected_score(rows: int, apart: float) -> None:
    source = np.random.default_rng(0)
    k = 4

    def drawn(many: int) -> tuple[np.ndarray, np.ndarray]:
        y = source.integers(0, 2, many)
        x = source.normal(size=(many, 10))
        x[:, 0] += apart * (2 * y - 1)
        return x, y

    def right(train: tuple[np.ndarray, np.ndarray], held: tuple[np.ndarray, np.ndarray]) -> float:
        w, cut = nearest_mean(*train)
        return float(((held[0] @ w > cut) == held[1]).mean())

    expected = np.mean([right(drawn(rows - rows // k), drawn(2000)) for _ in range(150)])
    held, narrow = [], []
    for _ in range(300):
        x, y = drawn(rows)
        parts = np.array_split(source.permutation(rows), k)
        each = []
        for part in parts:
            train = np.setdiff1d(np.arange(rows), part)
            each.append(right((x[train], y[train]), (x[part], y[part])))
        folds = students_t(each, 1 / (k - 1))
        interval = hull(folds, wilson(float(np.mean(each)) * rows, rows))
        assert interval is not None
        held.append(interval[0] <= expected <= interval[1])
        narrow.append(folds is None or folds[1] - folds[0] < 2 / rows)  # less than a row's worth

    assert 0.92 <= np.mean(held) <= 1.0
    assert apart < 2 or any(narrow)  # folds that agree by luck do occur
