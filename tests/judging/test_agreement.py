"""Agreement of groups, and silhouettes: scikit-learn's values, and those known without it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import metrics

from dlx.judging.agreement import Agreement, adjusted_information, adjusted_rand
from dlx.judging.bootstrap import Draws, middle
from dlx.judging.evaluation import Evaluation
from dlx.judging.judge import judge
from dlx.judging.silhouette import MOST, choose_rows, distances, silhouettes

CASES = [(50, 3, 4), (5, 1, 1), (5, 1, 2), (6, 6, 6), (300, 10, 10), (40, 40, 3), (2, 1, 2)]


@pytest.mark.parametrize(("rows", "mine", "theirs"), CASES)
def test_agreement_is_that_of_scikit_learn(rows: int, mine: int, theirs: int) -> None:
    drawn = np.random.default_rng(rows)
    one, other = drawn.permutation(rows) % mine, drawn.integers(theirs, size=rows)

    rand, information = adjusted_rand(one, other), adjusted_information(one, other)

    assert rand == pytest.approx(metrics.adjusted_rand_score(other, one), abs=1e-12)
    expected = metrics.adjusted_mutual_info_score(other, one)
    assert information == pytest.approx(expected, abs=1e-9)
    assert adjusted_rand(one, one) == pytest.approx(1)
    assert adjusted_information(one, 7 - one % 8 + 8 * (one // 8)) == pytest.approx(1)


def test_a_row_in_no_cluster_is_one_of_its_own() -> None:
    one = np.array([0, 0, 1, 1, -1, -1, 1])
    alone, truth = np.array([0, 0, 1, 1, 5, 6, 1]), np.array([0, 0, 1, 1, 0, 0, 1])

    assert adjusted_rand(one, truth) == adjusted_rand(alone, truth)
    assert adjusted_information(one, truth) == adjusted_information(alone, truth)
    nobody = np.full(7, -1)
    assert adjusted_rand(nobody, truth) == adjusted_information(nobody, truth) == 0


def test_an_estimate_of_agreement_draws_rows() -> None:
    drawn = np.random.default_rng(0)
    truth = drawn.integers(3, size=60)
    groups = np.where(drawn.random(60) < 0.7, truth, drawn.integers(3, size=60))
    found = Agreement("model", "model", groups[None], truth, adjusted_rand)

    values = found.bootstrap(Draws(60, many=5))

    assert (found.units, found.value()) == (60, adjusted_rand(groups, truth))
    each = np.array([found.value(rows) for rows in Draws(60, many=5)])
    assert values - found.value() == pytest.approx(each - each.mean())
    assert np.ptp(values) > 0
    several = Agreement("random", "constant", np.stack([groups, truth]), truth, adjusted_rand)
    assert several.value() == pytest.approx((found.value() + 1) / 2)


def test_groups_at_random_have_an_interval_around_chance() -> None:
    truth, groups = np.random.default_rng(0).integers(10, size=(2, 300))
    found = Agreement("chance", "constant", groups[None], truth, adjusted_rand)

    low, high = middle(found.bootstrap(Draws(300))) or (1, 1)

    assert low < 0 < high
    assert low < found.value() < high


def test_silhouettes_are_those_of_scikit_learn() -> None:
    drawn = np.random.default_rng(0)
    rows, groups = drawn.normal(size=(60, 5)), drawn.integers(3, size=60)
    groups[0] = 7  # alone

    found = silhouettes(distances(torch.from_numpy(rows)), torch.from_numpy(groups))

    assert found == pytest.approx(metrics.silhouette_samples(rows, groups), abs=1e-12)
    assert found[0] == 0


def test_rows_in_no_cluster_have_no_silhouette_and_count_for_no_other() -> None:
    rows = torch.tensor([[0.0], [1.0], [10.0], [11.0], [4.0]], dtype=torch.float64)

    found = silhouettes(distances(rows), torch.tensor([0, 0, 1, 1, -1]))

    assert found.tolist() == pytest.approx([9.5 / 10.5, 8.5 / 9.5, 8.5 / 9.5, 9.5 / 10.5, 0])
    assert np.isnan(silhouettes(distances(rows), torch.tensor([0, 0, 0, 0, -1]))).all()
    same = silhouettes(distances(torch.zeros(4, 2)), torch.tensor([0, 0, 1, 1]))
    assert same.tolist() == [0, 0, 0, 0]


def test_of_many_rows_some_are_drawn_by_the_seed() -> None:
    assert choose_rows(5, 0).tolist() == [0, 1, 2, 3, 4]
    some = choose_rows(3 * MOST, 0)
    assert len(some.unique()) == MOST
    assert some.equal(some.sort().values)
    assert some.equal(choose_rows(3 * MOST, 0))
    assert not some.equal(choose_rows(3 * MOST, 1))


def test_the_interval_of_a_score_beside_the_judged_one_is_told_where_that_is_asked() -> None:
    drawn = np.random.default_rng(0)
    truth, chance = drawn.integers(3, size=(2, 60))
    own = Agreement("model", "model", truth[None], chance, adjusted_rand)
    other = Agreement("chance", "constant", chance[None], truth, adjusted_rand)
    names = ("test/silhouette", "test/adjusted_rand", "test/mutual_information")
    every = [Evaluation(name, "max", "row", own, (other,), spread="rand" in name) for name in names]

    scores = judge("test", every).scores

    assert [one.interval is not None for one in scores] == [True, True, False]
    assert scores[1].interval == scores[0].interval
