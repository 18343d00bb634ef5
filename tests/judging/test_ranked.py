"""Who is ranked first: precision at k, average precision, ROC-AUC."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dlx.judging.bootstrap import Draws
from dlx.judging.ranked import PrecisionAtK, judge_ranking

MARKED = np.array([True, False, True, False, False, False])


def precision(scores: list[float], k: int | None = None, marked: object = MARKED) -> float:
    return PrecisionAtK("", "model", np.array(scores), np.asarray(marked), k).value()


@pytest.mark.parametrize(
    ("scores", "k", "wanted"),
    [
        ([6, 5, 4, 3, 2, 1], None, 1 / 2),
        ([6, 1, 5, 2, 3, 4], None, 1.0),
        ([6, 5, 4, 3, 2, 1], 3, 2 / 3),
        ([6, 5, 4, 3, 2, 1], 99, 2 / 6),
        ([0, 0, 0, 0, 0, 0], None, 2 / 6),
        ([1, 1, 1, 0, 0, 0], None, 2 / 3),
        ([9, 1, 1, 0, 0, 0], None, (1 + 1 / 2) / 2),
    ],
)
def test_of_rows_that_tie_each_counts_in_part(
    scores: list[float], k: int | None, wanted: float
) -> None:
    assert precision(scores, k) == pytest.approx(wanted)


def test_where_nothing_is_to_be_found_there_is_no_precision() -> None:
    assert math.isnan(precision([1, 2, 3], marked=[False, False, False]))


def test_scores_are_scikit_learns_and_chance_has_the_share() -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    source = np.random.default_rng(0)
    marked = source.random(80) < 0.2
    scores = (source.standard_normal(80) + marked).round(1)
    given = {("model", "model"): scores, ("chance", "constant"): np.zeros(80)}

    found = {one.score: one for one in judge_ranking("val", given, marked, None)}

    assert [*found] == ["val/average_precision", "val/precision_at_k", "val/roc_auc"]
    own = {name: one.own.value() for name, one in found.items()}
    assert own["val/average_precision"] == pytest.approx(average_precision_score(marked, scores))
    assert own["val/roc_auc"] == pytest.approx(roc_auc_score(marked, scores))
    chance = {name: one.baselines[0].value() for name, one in found.items()}
    share = marked.mean()
    wanted = dict(zip(found, (share, share, 0.5), strict=True))
    assert chance == pytest.approx(wanted)
    for one in found.values():
        drawn = one.own.bootstrap(Draws(80, many=20))
        assert abs(drawn.mean() - one.own.value()) < 0.1
