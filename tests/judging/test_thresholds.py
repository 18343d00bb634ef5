"""Thresholds that are best on some rows, against scikit-learn's scores at every threshold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from dlx.judging.thresholds import choose_thresholds

RNG = np.random.default_rng(0)
TRUTH = (RNG.random(80) < 0.3).astype(np.float32)
SHARES = np.clip(RNG.normal(0.3 + 0.2 * TRUTH, 0.2), 0, 1).round(2).astype(np.float32)
SCORES: dict[str, Callable[..., Any]] = {
    "best_f1": lambda truth, said, positive: f1_score(truth, said, pos_label=positive),
    "best_balanced_accuracy": lambda truth, said, _: balanced_accuracy_score(truth, said),
}


@pytest.mark.parametrize("positive", [0, 1])
@pytest.mark.parametrize("rule", SCORES)
def test_no_other_threshold_is_better(rule: Any, positive: int) -> None:
    (found,) = choose_thresholds(rule, SHARES, TRUTH, positive)

    def score(cut: float) -> float:
        return float(SCORES[rule](TRUTH, cut < SHARES, positive))

    between = np.arange(-0.005, 1.01, 0.01)  # all cuts there are: the shares are rounded
    assert score(found) == pytest.approx(max(map(score, between)))
    assert not np.isclose(SHARES, found, atol=1e-3).any()  # between two that occur


def test_each_label_has_its_own() -> None:
    both = np.stack([SHARES, SHARES / 2], axis=1)

    found = choose_thresholds("best_f1", both, np.stack([TRUTH, TRUTH], axis=1))

    assert found[1] == pytest.approx(found[0] / 2)


@pytest.mark.parametrize("value", [0, 1])
def test_where_all_rows_are_alike_it_is_one_half(value: int) -> None:
    assert choose_thresholds("best_f1", SHARES, np.full(80, value)) == (0.5,)


def test_probabilities_that_reach_0_and_1_leave_it_between() -> None:
    for truth in ([0, 1], [1, 0]):
        (found,) = choose_thresholds("best_f1", np.array([0.0, 1.0]), np.array(truth))
        assert 0 < found < 1
