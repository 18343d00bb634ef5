"""Differences and their noise: scores taken apart again, exact tests, intervals that cover."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from dlx.config.specs import METRICS
from dlx.judging.intervals import paired_shares
from dlx.report.noise import Noise, compare_with_first
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
    (found,) = compare_with_first([first, second])
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
    low, high = found.interval
    assert found.difference == pytest.approx((won - lost) / 100)
    assert low < found.difference < high
    assert (low > 0 or high < 0) == (exact.pvalue < 0.05)
    assert found.larger is bool(exact.pvalue < 0.05)
    assert found.better is (None if won == lost else won > lost)
    assert found.method == (
        f"McNemar's exact test, only run 2 right on {won}, only run 1 right on {lost} of 100 rows"
    )


def test_in_words() -> None:
    all_right, none_right = classifier([True] * 20), classifier([False] * 20)
    assert only(none_right, all_right).verdict == "better: significant at 95 %"
    assert only(all_right, none_right).verdict == "worse: significant at 95 %"
    assert only(all_right, all_right).verdict == "no difference"
    nearly = classifier([True] * 19 + [False])
    assert only(nearly, all_right).verdict == "not significant at 95 %"
    unknown = classifier([True] * 10)
    assert only(unknown, none_right).verdict == "worse; its uncertainty is not known"


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


def test_rows_in_time_are_drawn_in_blocks_as_long_as_either_run_says() -> None:
    """What one spell of 600 rows shows may be luck, of numbers and of right rows."""
    truth, spell = np.zeros(600), np.arange(600) // 30 == 3
    noise = RNG.normal(0, 0.1, 600)
    first = regression(truth + 1 + noise, truth)
    second = regression(truth + np.where(spell, 0.0, 1) + noise, truth)
    assert only(first, second).larger
    first.report["block"], second.report["block"] = 40, 70

    found = only(first, second)

    assert not found.larger
    assert found.method == "paired bootstrap over 600 rows in time, in blocks of 70"
    pairs = [classifier([bool(one) for one in right]) for right in (spell & False, spell)]
    exact = only(*pairs)
    for run in pairs:
        run.report["protocol"] = {"name": "chronological"}  # as older versions wrote it
    alike = only(*pairs)
    assert exact.larger
    assert not alike.larger
    assert alike.method.startswith("paired bootstrap over 600 rows in time, in blocks of ")


def test_two_of_a_kind_are_not_significant_nineteen_times_in_twenty() -> None:
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


@pytest.mark.parametrize("changed", [{"dataset": "e"}, {"sample": True}, {"digest": "2"}])
def test_scores_of_other_data_have_no_verdict(changed: dict[str, Any]) -> None:
    right = [True] * 10 + [False] * 10
    data = {"dataset": "d", "digest": "1", "split_digest": "1", **changed}
    other = classifier([True] * 20, data=data)
    if "digest" in changed:  # the same rows of a dataset that was read otherwise do compare
        assert only(classifier(right), other).method.startswith("McNemar's")
        moved = {**other.predictions, "row": tuple(map(str, range(1, 21)))}
        other = Run(other.report, predictions=moved)
    assert compare_with_first([classifier(right), other]) == []


def test_scores_of_other_targets_or_goals_have_no_verdict() -> None:
    one = classifier([True] * 20)
    other = classifier([False] * 20, problem={"z": {"type": "binary", "classes": ["a", "b"]}})
    assert compare_with_first([one, other]) == []
    turned = classifier([False] * 20)
    turned.report["scores"][0]["direction"] = "min"
    assert compare_with_first([one, turned]) == []


def seeded(units: int, seed: int, right: Sequence[bool]) -> Run:
    """A run of a setting under a seed."""
    return classifier(
        right, config=f"model: {{units: [{units}]}}\nseed: {seed}\nrun: {{root: {seed}}}"
    )


def rows_right(many: int) -> list[bool]:
    return [True] * many + [False] * (100 - many)


def test_runs_of_one_setting_are_compared_together_seed_by_seed() -> None:
    small = [seeded(16, seed, rows_right(60 + 10 * seed)) for seed in range(3)]
    large = [seeded(64, seed, rows_right(64 + 10 * seed)) for seed in (2, 0, 1)]

    (found,) = compare_with_first([small[0], large[0], small[1], large[1], small[2], large[2]])

    assert (found.against, found.runs) == ((1, 3, 5), (2, 4, 6))
    assert found.label == "2, 4, 6"
    assert found.difference == pytest.approx(0.04)  # each seed's own, however far seeds lie apart
    assert found.interval == pytest.approx(paired_shares(4, 0, 100))
    assert found.method == (
        "3 pairs of runs: Student's t over seeds, combined with the interval over rows"
    )


def test_seeds_and_rows_are_both_in_the_interval_of_settings() -> None:
    small = [seeded(16, seed, rows_right(60)) for seed in range(3)]
    large = [seeded(64, seed, rows_right(70 + 5 * seed)) for seed in range(3)]
    (found,) = compare_with_first([*small, *large])

    rows = [np.subtract(paired_shares(many, 0, 100), many / 100) for many in (10, 15, 20)]
    down, up = (math.sqrt(sum(one[end] ** 2 for one in rows) / 3) for end in (0, 1))
    half = 4.302653 * 0.05 / math.sqrt(3)
    expected = (0.15 - math.hypot(down, half), 0.15 + math.hypot(up, half))
    assert found.interval == pytest.approx(expected, rel=1e-5)


def test_settings_of_other_seeds_are_compared_by_their_means() -> None:
    small = [seeded(16, seed, rows_right(60 + seed)) for seed in range(2)]
    large = [seeded(64, seed, rows_right(70 + seed)) for seed in range(5, 8)]
    (found,) = compare_with_first([*small, *large])
    assert found.difference == pytest.approx(0.76 - 0.605)
    (alone,) = compare_with_first([small[0], *large])
    assert (alone.against, alone.runs) == ((1,), (2, 3, 4))
    assert alone.difference == pytest.approx(0.16)


def test_seeds_of_one_setting_alone_are_held_against_the_first() -> None:
    found = compare_with_first([seeded(16, seed, rows_right(60 + seed)) for seed in range(3)])
    assert [(one.against, one.runs) for one in found] == [((1,), (2,)), ((1,), (3,))]


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
    assert found.verdict == "not significant at 95 %"
    assert only(first, in_folds([2.0, 4.5, 3.5, 4.0], "2")).method == ""
    assert only(first, in_folds([2.0, 4.5])).method == ""
    assert only(first, first).verdict == "no difference"


def test_shares_over_folds_that_agree_by_luck_are_not_significant() -> None:
    def judged(values: Sequence[float]) -> Run:
        folds = [{"scores": {"val/accuracy": v}, "rows": {"train": 107, "val": 35}} for v in values]
        mean = float(np.mean(values))
        return Run(
            {
                "answer": {"score": "val/accuracy"},
                "scores": [{"name": "val/accuracy", "value": mean, "direction": "max"}],
                "problem": {"y": {"type": "multiclass"}},
                "folds": folds,
                "data": {"digest": "1", "split_digest": "1"},
            }
        )

    first = judged([0.90, 0.91, 0.92, 0.93])
    for ahead in ([0.01] * 4, [0.01, 0.01, 0.01, 0.0101]):
        found = only(
            first,
            judged([v + more for v, more in zip([0.9, 0.91, 0.92, 0.93], ahead, strict=True)]),
        )
        assert found.verdict == "not significant at 95 %"
        assert found.interval is not None
        assert found.interval[0] < 0 < found.interval[1]


@pytest.mark.parametrize("value", [None, math.nan, "x", True])
def test_a_score_that_is_no_number_is_not_compared(value: object) -> None:
    report = {"answer": {"score": "val/mae"}, "scores": [{"name": "val/mae", "value": value}]}
    assert compare_with_first([in_folds([1.0, 2.0]), Run(report)]) == []
    assert compare_with_first([Run({}), Run({})]) == []


def test_a_score_with_an_interval_of_its_own_is_compared_beside_the_judged_one() -> None:
    def clustered(value: float, interval: list[float] | None) -> Run:
        run = a_run("multiclass", {"true": ["a"] * 9}, NAMES, name="test/silhouette")
        more = {"name": "test/adjusted_rand", "value": value, "direction": "max"}
        scores = [*run.report["scores"], {**more, "interval": interval}]
        return replace(run, report={**run.report, "scores": scores})

    first, second = clustered(0.4, [0.35, 0.45]), clustered(0.6, [0.55, 0.65])
    *_, found = compare_with_first([first, second])

    assert (found.score, found.difference) == ("test/adjusted_rand", pytest.approx(0.2))
    assert found.larger
    scores = [one.score for one in compare_with_first([first, clustered(0.6, None)])]
    assert scores == ["test/silhouette"]
