"""Which rows not to answer, and what that is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dlx.data.targets import TargetCodec
from dlx.judging.sureness import ANSWERED, Ranks, confidence, risk_by_share, wrong

THREE = TargetCodec("multiclass", 3, ("a", "b", "c"))
TWO = TargetCodec("binary", 1, ("no", "yes"))
LABELS = TargetCodec("multilabel", 2, ("x", "y"))
NUMBER = TargetCodec("regression", 1)


def test_how_sure_answers_are() -> None:
    two = confidence(TWO, TWO.decode(np.array([0.1, 0.6], np.float32)), None)
    assert two == pytest.approx([0.8, 0.2])
    three = THREE.decode(np.array([[0.2, 0.5, 0.3]], np.float32))
    assert confidence(THREE, three, None) == pytest.approx([0.5])
    rare = replace(TWO, threshold=(0.2,))
    assert confidence(rare, rare.decode(np.array([0.2, 0.6, 0.1])), None) == pytest.approx(
        [0, 0.5, 0.5]
    )
    labels = LABELS.decode(np.array([[0.9, 0.3]], np.float32))
    assert confidence(LABELS, labels, None) == pytest.approx([0.6])
    number = NUMBER.decode(np.array([3.0], np.float32))
    assert confidence(NUMBER, number, None) is None
    assert confidence(NUMBER, number, np.array([2.5])) == pytest.approx([-2.5])


def test_the_threshold_leaves_the_share_below() -> None:
    ranks = Ranks.of(np.random.default_rng(0).permutation(100))
    assert ranks.threshold(0.1) == 10
    assert ranks.threshold(0.0) == -np.inf
    assert ranks.share_below(np.array([10, 10.5, -1, 1_000])).tolist() == [0.1, 0.11, 0, 1]
    many = Ranks.of(np.arange(50_000))
    assert len(many.values) == 1_000
    assert many.threshold(0.1) == pytest.approx(5_000, rel=0.01)


def test_risk_is_that_of_the_surest_rows() -> None:
    sure, off = np.arange(100) / 100, np.zeros(100)
    off[:10] = 1
    risk = dict(zip(ANSWERED, risk_by_share(sure, off), strict=True))
    assert risk[1.0] == pytest.approx(0.1)
    assert risk[0.95] == pytest.approx(5 / 95)
    assert risk[0.9] == 0


def test_rows_that_are_equally_sure_are_in_no_order() -> None:
    off = np.array([0.0] * 5 + [1.0] * 5)
    assert risk_by_share(np.ones(10), off) == pytest.approx([0.5] * len(ANSWERED))


def test_how_wrong_answers_are() -> None:
    three = THREE.decode(np.array([[0.2, 0.5, 0.3], [0.8, 0.1, 0.1]], np.float32))
    assert wrong(three, np.array([1, 1])).tolist() == [0, 1]
    labels = LABELS.decode(np.array([[0.9, 0.3]], np.float32))
    assert wrong(labels, np.array([[1.0, 1.0]])).tolist() == [0.5]
    assert wrong(NUMBER.decode(np.array([3.0])), np.array([1.0])).tolist() == [2]
