"""Intervals and sets hold the truth of new rows as often as is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from dlx.data.targets import TargetCodec
from dlx.judging.conformal import MOST, Scores, answer_set, bare_set, covers, interval, score

NUMBER = TargetCodec("regression", 1)
COUNT = TargetCodec("count_regression", 1)
LOGARITHM = TargetCodec("regression", 1, mean=(1.0,), std=(2.0,), log=True)
UNIT = TargetCodec("unit_regression", 1)
NUMBERS = TargetCodec("vector_regression", 2)
THREE = TargetCodec("multiclass", 3, ("a", "b", "c"))
TWO = TargetCodec("binary", 1, ("no", "yes"))
LABELS = TargetCodec("multilabel", 2, ("x", "y"))


def test_the_bound_is_the_score_of_the_right_rank() -> None:
    scores = Scores.of([np.arange(9.0, 0, -1)])  # 1 to 9
    assert scores.bound(0.9).tolist() == [9]  # ceil(10 * 0.9) = 9
    assert scores.bound(0.5).tolist() == [5]
    assert scores.bound(0.91).tolist() == [np.inf]
    assert Scores.of([np.zeros(0)]).bound(0.1).tolist() == [np.inf]


def test_many_scores_are_kept_evenly_and_bound_as_all_would() -> None:
    every = np.random.default_rng(0).exponential(size=25_037)
    kept = Scores.of([every])
    assert kept.values.shape == (MOST, 1)
    assert kept.rows.tolist() == [25_037]
    ordered = np.sort(every)
    for level in (0.001, 0.5, 0.9, 0.999):
        rank = int(np.ceil((len(every) + 1) * level))
        assert ordered[rank - 1] <= kept.bound(level)[0] * (1 + 1e-6)
        assert kept.bound(level)[0] <= ordered[min(rank + 2, len(every) - 1)] * (1 + 1e-6)


def test_scores_of_folds_are_those_of_all_their_rows() -> None:
    rng = np.random.default_rng(1)
    parts = [rng.normal(size=(many, 2)) for many in (7, 12, 5)]
    pooled = Scores.pool([Scores.of(list(one.T)) for one in parts])
    whole = Scores.of(list(np.concatenate(parts).T))
    np.testing.assert_array_equal(pooled.values, whole.values)
    np.testing.assert_array_equal(pooled.rows, whole.rows)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_coverage_is_exact_on_average(level: float) -> None:
    """Of n scores and a new one of the same law: ceil((n + 1) level) / (n + 1), for any law."""
    rng, many, held = np.random.default_rng(2), 40, []
    for _ in range(500):
        true, said = rng.standard_cauchy(many + 20), np.zeros(many + 20, np.float32)
        known = score("regression", NUMBER.decode(said[:many]), true[:many])
        held.append(covers(NUMBER, NUMBER.decode(said[many:]), true[many:], known, level).mean())
    wanted = np.ceil(round((many + 1) * level, 9)) / (many + 1)
    assert np.mean(held) == pytest.approx(wanted, abs=0.02)


def test_each_of_several_numbers_has_its_own_width() -> None:
    said = NUMBERS.decode(np.zeros((19, 2), np.float32))
    true = np.stack([np.arange(1.0, 20), 10 * np.arange(1.0, 20)], axis=1)
    known = score("vector_regression", said, true)
    low, high = interval(NUMBERS, np.ones((1, 2), np.float32), known, 0.9)
    assert (low.tolist(), high.tolist()) == ([[-17, -179]], [[19, 181]])
    held = covers(NUMBERS, said, true, known, 0.9)
    assert held.shape == (19, 2)
    assert held.mean(axis=0).tolist() == [18 / 19, 18 / 19]


def test_numbers_from_0_to_1_have_no_interval_beyond() -> None:
    known = Scores.of([np.full(20, 0.3)])
    low, high = interval(UNIT, np.array([0.1, 0.9], np.float32), known, 0.9)
    np.testing.assert_allclose([low, high], [[0, 0.6], [0.4, 1]], atol=1e-6)


@pytest.mark.parametrize("codec", [COUNT, LOGARITHM], ids=["counts", "logarithms"])
def test_numbers_from_0_have_no_interval_below(codec: TargetCodec) -> None:
    known = Scores.of([np.full(20, 3.0)])
    low, high = interval(codec, np.array([1, 5], np.float32), known, 0.9)
    np.testing.assert_allclose([low, high], [[0, 2], [4, 8]], atol=1e-6)


def test_sets_of_classes_hold_what_is_probable_enough_and_always_the_answer() -> None:
    shares = np.array([[0.7, 0.2, 0.1], [0.34, 0.33, 0.33], [0.5, 0.45, 0.05]], np.float32)
    said = THREE.decode(shares)
    known = Scores.of([np.full(20, 0.6)])
    assert bare_set(said, known, 0.9).tolist() == [
        [True, False, False],
        [False, False, False],
        [True, True, False],
    ]
    assert answer_set("multiclass", said, known, 0.9)[1].tolist() == [True, False, False]
    assert score("multiclass", said, np.array([0, 1, 2])).values[:, 0] == pytest.approx(
        [0.3, 0.67, 0.95]
    )


def test_of_two_classes_either_may_be_right() -> None:
    said = TWO.decode(np.array([0.9, 0.55, 0.1], np.float32))
    known = score("binary", said, np.array([1.0, 0.0, 0.0], np.float32))
    assert known.values[:, 0] == pytest.approx([0.1, 0.1, 0.55], abs=1e-6)
    wide = answer_set("binary", said, Scores.of([np.full(20, 0.55)]), 0.9)
    assert wide.tolist() == [[False, True], [True, True], [True, False]]


def test_labels_are_held_as_often_as_rows_have_them() -> None:
    rng = np.random.default_rng(3)
    true = (rng.random((4_000, 2)) < (0.5, 0.1)).astype(np.float32)
    shares = np.clip(0.3 * true + rng.random((4_000, 2)) * 0.6, 0, 1).astype(np.float32)
    known = score("multilabel", LABELS.decode(shares[:2_000]), true[:2_000])
    assert known.rows.tolist() == true[:2_000].sum(axis=0).tolist()
    held = answer_set("multilabel", LABELS.decode(shares[2_000:]), known, 0.9)
    for label in range(2):
        of = true[2_000:, label] > 0.5
        assert held[of, label].mean() == pytest.approx(0.9, abs=0.05)
        assert held[~of, label].mean() < 0.8


def test_answers_that_are_no_numbers_count_as_infinitely_far_off() -> None:
    said = NUMBER.decode(np.array([np.nan, 1.0], np.float32))
    assert score("regression", said, np.array([0.0, 0.0])).values[:, 0].tolist() == [1, np.inf]
