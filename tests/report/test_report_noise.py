"""Differences and their noise: scores taken apart again, exact tests, intervals that cover."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from dlx.config.specs import METRICS
from dlx.report.noise import Noise, against_first
from dlx.report.read import Run
from dlx.report.rows import rows_of

RNG = np.random.default_rng(0)
NAMES = ["a", "b", "=c"]
CELLS = ["a", "b", "'=c"]
"""As a file holds them that a spreadsheet may open."""


def score_of(
    name: str, problem: str, outputs: int, logits: np.ndarray, truth: np.ndarray, **options: Any
) -> float:
    """What the training would have recorded."""
    chosen = METRICS.default(name)()
    made = chosen.load()(type(chosen.options)(**options), problem, outputs)
    made.update(torch.as_tensor(logits), torch.as_tensor(truth))
    return float(made.compute())


def a_run(
    kind: str,
    columns: dict[str, Sequence[Any]],
    classes: Sequence[str] = (),
    value: float = 0.5,
    name: str = "test/accuracy",
    **more: Any,
) -> Run:
    """A run that has judged some rows."""
    predictions = {key: tuple(map(str, cells)) for key, cells in columns.items()}
    predictions = {"row": tuple(map(str, range(len(predictions["true"])))), **predictions}
    facts: dict[str, Any] = {
        "answer": {"score": name},
        "scores": [{"name": name, "value": value, "direction": "max"}],
        "problem": {"y": {"type": kind, "classes": list(classes)}},
        "data": {"dataset": "d", "digest": "1", "split_digest": "1"},
    }
    return Run({**facts, **more}, predictions=predictions)


@pytest.mark.parametrize("average", ["macro", "micro"])
@pytest.mark.parametrize("name", ["precision", "recall", "f1", "accuracy"])
class TestClassesTakenApart:
    def options(self, name: str, average: str) -> dict[str, str]:
        return {} if name == "accuracy" else {"average": average}

    def test_multiclass(self, name: str, average: str) -> None:
        logits, truth = RNG.normal(size=(80, 3)), RNG.integers(0, 3, 80)
        value = score_of(name, "multiclass", 3, logits, truth, **self.options(name, average))
        cells = {
            "true": [CELLS[i] for i in truth],
            "predicted": [CELLS[i] for i in logits.argmax(1)],
        }

        found = rows_of(a_run("multiclass", cells, NAMES), f"test/{name}", value)

        assert found is not None
        assert found.score(found.sums.sum(axis=0)[None])[0] == pytest.approx(value)

    def test_binary(self, name: str, average: str) -> None:
        logits, truth = RNG.normal(size=(80, 1)), RNG.integers(0, 2, 80)
        value = score_of(
            name, "binary", 1, logits, truth.astype(float), **self.options(name, average)
        )
        predicted = (logits[:, 0] > 0).astype(int)
        cells = {"true": [NAMES[i] for i in truth], "predicted": [NAMES[i] for i in predicted]}

        assert rows_of(a_run("binary", cells, NAMES[:2]), f"test/{name}", value) is not None

    def test_multilabel(self, name: str, average: str) -> None:
        logits, truth = RNG.normal(size=(80, 3)), RNG.integers(0, 2, (80, 3))
        value = score_of(
            name, "multilabel", 3, logits, truth.astype(float), **self.options(name, average)
        )

        def joined(marks: np.ndarray) -> list[str]:
            return ["|".join(CELLS[int(i)] for i in np.flatnonzero(row)) for row in marks]

        cells = {"true": joined(truth), "predicted": joined(logits > 0)}

        found = rows_of(a_run("multilabel", cells, NAMES), f"test/{name}", value)
        assert found is not None
        assert not found.decided


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("name", ["mae", "mse", "rmse", "r2"])
def test_errors_taken_apart(name: str, outputs: int) -> None:
    logits, truth = RNG.normal(size=(60, outputs)), RNG.normal(size=(60, outputs))
    value = score_of(name, "regression", outputs, logits, truth)
    cells = {
        key: ["|".join(f"{v:.7g}" for v in row) for row in values]
        for key, values in (("true", truth), ("predicted", logits))
    }

    found = rows_of(a_run("regression", cells), f"test/{name}", value)

    assert found is not None
    assert found.score(found.sums.sum(axis=0)[None])[0] == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "value", "cells"),
    [
        ("test/accuracy", 0.7, ["a", "b"]),
        ("test/roc_auc", 0.5, ["a", "b"]),
        ("test/accuracy", None, ["a", "b"]),
        ("test/mae", 0.5, ["a", "b"]),
        ("test/other/accuracy", 0.5, ["a", "b"]),
    ],
)
def test_what_the_rows_do_not_give_is_left(name: str, value: float, cells: list[str]) -> None:
    run = a_run("multiclass", {"true": cells, "predicted": ["a", "a"]}, ["a", "b"])
    assert rows_of(run, name, value) is None


def classifier(right: Sequence[bool], **more: Any) -> Run:
    """A run that was right on these rows."""
    cells = {"true": ["a"] * len(right), "predicted": ["a" if one else "b" for one in right]}
    return a_run("multiclass", cells, ["a", "b"], value=sum(right) / len(right), **more)


def only(first: Run, second: Run) -> Noise:
    (found,) = against_first([first, second])
    return found


@pytest.mark.parametrize(
    ("won", "lost"), [(1, 0), (5, 0), (6, 0), (9, 1), (9, 2), (10, 2), (3, 3), (0, 7), (40, 20)]
)
def test_shares_of_right_rows_go_by_the_exact_test(won: int, lost: int) -> None:
    both = [True] * (100 - won - lost)
    found = only(
        classifier([*both, *[False] * won, *[True] * lost]),
        classifier([*both, *[True] * won, *[False] * lost]),
    )

    exact = binomtest(won, won + lost)
    low, high = exact.proportion_ci(0.95, "exact")
    share = (won + lost) / 100
    assert found.difference == pytest.approx((won - lost) / 100)
    assert found.interval == pytest.approx((share * (2 * low - 1), share * (2 * high - 1)))
    assert found.larger is bool(exact.pvalue < 0.05)
    assert found.better is (None if won == lost else won > lost)
    assert found.method == f"McNemar's exact test, {won} won and {lost} lost of 100 rows"


def test_in_words() -> None:
    all_right, none_right = classifier([True] * 20), classifier([False] * 20)
    assert only(none_right, all_right).verdict == "better: larger than its noise"
    assert only(all_right, none_right).verdict == "worse: larger than its noise"
    assert only(all_right, all_right).verdict == "no difference"
    nearly = classifier([True] * 19 + [False])
    assert only(nearly, all_right).verdict == "within its noise"
    unknown = classifier([True] * 10)
    assert only(unknown, none_right).verdict == "worse; its noise is not known"


def regression(predicted: np.ndarray, truth: np.ndarray, **more: Any) -> Run:
    value = float(np.abs(predicted - truth).mean())
    cells = {"true": truth.tolist(), "predicted": predicted.tolist()}
    run = a_run("regression", cells, value=value, name="test/mae", **more)
    run.report["scores"][0]["direction"] = "min"
    return run


def test_a_paired_bootstrap_is_about_the_interval_of_paired_means() -> None:
    truth = RNG.normal(size=500)
    first, second = (truth + RNG.normal(size=500) * scale for scale in (1.0, 0.9))
    moved = np.abs(second - truth) - np.abs(first - truth)

    found = only(regression(first, truth), regression(second, truth))

    half = 1.96 * moved.std() / math.sqrt(500)
    assert found.difference == pytest.approx(moved.mean(), rel=1e-5)
    assert found.interval == pytest.approx((moved.mean() - half, moved.mean() + half), abs=half / 8)
    assert found.better is bool(moved.mean() < 0)
    assert found.method == "paired bootstrap over 500 rows"
    assert only(regression(first, truth), regression(second, truth)) == found


def test_two_of_a_kind_are_within_their_noise_nineteen_times_in_twenty() -> None:
    wrong = 0
    for _ in range(100):
        truth = RNG.normal(size=80)
        first, second = (truth + RNG.normal(size=80) for _ in range(2))
        wrong += bool(only(regression(first, truth), regression(second, truth)).larger)
    assert wrong <= 12  # more than 12 of 100 at 5 % has a chance of 0.15 %


def test_other_rows_are_not_paired() -> None:
    truth = np.arange(50.0)
    first = regression(truth + 1, truth)
    wide = {"value": 1.0, "direction": "min", "name": "test/mae", "interval": [0.0, 6.0]}
    narrow = {**wide, "value": 9.0, "interval": [5.0, 13.0]}
    second = regression(truth + 9, truth)
    other = {**second.predictions, "row": tuple(map(str, range(1, 51)))}

    found = only(
        Run({**first.report, "scores": [wide]}, predictions=first.predictions),
        Run({**second.report, "scores": [narrow]}, predictions=other),
    )

    assert (found.difference, found.method) == (8.0, "both intervals combined")
    assert found.interval == pytest.approx((3.0, 13.0))
    assert found.larger


@pytest.mark.parametrize("changed", [{"dataset": "e"}, {"sample": True}])
def test_other_data_are_not_paired(changed: dict[str, Any]) -> None:
    right = [True] * 10 + [False] * 10
    data = {"dataset": "d", "digest": "1", "split_digest": "1", **changed}
    assert only(classifier(right), classifier([True] * 20, data=data)).method == ""


def in_folds(values: Sequence[float], cut: str = "1") -> Run:
    folds = [{"scores": {"val/mae": v}, "rows": {"train": 75, "val": 25}} for v in values]
    return Run(
        {
            "answer": {"score": "val/mae"},
            "scores": [{"name": "val/mae", "value": float(np.mean(values)), "direction": "min"}],
            "folds": folds,
            "data": {"digest": "1", "split_digest": cut},
        }
    )


def test_folds_are_paired_and_their_interval_corrected() -> None:
    first, second = in_folds([3.0, 5.0, 4.0, 6.0]), in_folds([2.0, 4.5, 3.5, 4.0])

    found = only(first, second)

    moved = np.array([-1.0, -0.5, -0.5, -2.0])
    half = 3.182446 * math.sqrt((1 / 4 + 1 / 3) * moved.var(ddof=1))
    assert found.interval == pytest.approx((moved.mean() - half, moved.mean() + half), rel=1e-5)
    assert found.method == "corrected t interval over 4 folds, paired"
    assert found.verdict == "within its noise"
    assert only(first, in_folds([2.0, 4.5, 3.5, 4.0], "2")).method == ""
    assert only(first, in_folds([2.0, 4.5])).method == ""
    assert only(first, first).verdict == "no difference"


@pytest.mark.parametrize("value", [None, math.nan, "x", True])
def test_a_score_that_is_no_number_is_not_compared(value: object) -> None:
    report = {"answer": {"score": "val/mae"}, "scores": [{"name": "val/mae", "value": value}]}
    assert against_first([in_folds([1.0, 2.0]), Run(report)]) == []
    assert against_first([Run({}), Run({})]) == []
