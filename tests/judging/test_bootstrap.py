from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from dlx.config.specs import METRICS
from dlx.judging.baselines import Answer
from dlx.judging.bootstrap import DRAWS, Draws, middle
from dlx.judging.evaluation import Evaluation
from dlx.judging.intervals import Interval
from dlx.judging.judge import Sample
from dlx.metrics import Metric
from dlx.seeds import derive

RNG = np.random.default_rng(0)


def metric(name: str, problem: str, outputs: int = 1) -> Metric:
    chosen = METRICS.default(name)()
    made: Metric = chosen.load()(chosen.options, problem, outputs)
    return made


def interval_of(measure: Metric, logits: torch.Tensor, truth: torch.Tensor) -> Interval | None:
    """The interval of a model's score."""
    own = Answer("model", "model", measure, truth, (logits,))
    return Sample(Evaluation("val/score", measure.direction, "row", own, (own,))).interval()


def decisions(rows: int, right: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and targets of a binary problem of which this share is right."""
    truth = torch.as_tensor(RNG.integers(0, 2, rows)).float()
    correct = torch.arange(rows) < rows * right
    return torch.where(correct, truth, 1 - truth)[:, None] * 2 - 1, truth


@pytest.mark.parametrize(("rows", "right"), [(50, 0.8), (400, 0.5), (1000, 0.97)])
def test_an_interval_of_accuracy_is_about_the_binomial_one(rows: int, right: float) -> None:
    found = interval_of(metric("accuracy", "binary"), *decisions(rows, right))

    assert found is not None
    low, high = found
    half = 1.96 * math.sqrt(right * (1 - right) / rows)
    assert low < right < high
    assert (high - low) / 2 == pytest.approx(half, rel=0.25)


def test_an_interval_of_the_mean_error_is_about_the_normal_one() -> None:
    errors = torch.as_tensor(RNG.exponential(size=500)).float()

    found = interval_of(metric("mae", "regression"), errors[:, None], torch.zeros(500))

    assert found is not None
    half = 1.96 * errors.std().item() / math.sqrt(500)
    assert found[0] < errors.mean().item() < found[1]
    assert (found[1] - found[0]) / 2 == pytest.approx(half, rel=0.25)


def test_it_is_the_same_every_time() -> None:
    logits, truth = decisions(60, 0.7)
    first = interval_of(metric("f1", "binary"), logits, truth)
    torch.manual_seed(1234)
    torch.rand(5)

    assert interval_of(metric("f1", "binary"), logits, truth) == first


def test_it_draws_nothing_from_torchs_generator() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    interval_of(metric("f1", "binary"), *decisions(20, 0.5))

    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(("right", "bound"), [(0, 1), (1, 0)])
@pytest.mark.parametrize(("name", "problem"), [("accuracy", "multiclass"), ("accuracy", "binary")])
def test_all_right_or_all_wrong_has_an_interval(
    name: str, problem: str, right: int, bound: int
) -> None:
    truth, logits = perfect(problem, 3 if problem == "multiclass" else 1)

    found = interval_of(metric(name, problem, logits.shape[1]), logits if right else -logits, truth)

    assert found is not None
    assert found[1 - bound] == right
    assert abs(found[bound] - right) == pytest.approx(3.8415 / (40 + 3.8415), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "problem", "outputs"),
    [
        *((n, "multiclass", 3) for n in ("f1", "precision", "recall", "roc_auc")),
        *((n, "binary", 1) for n in ("f1", "average_precision", "roc_auc")),
        *((n, "multilabel", 3) for n in ("accuracy", "f1", "average_precision")),
        *((n, "regression", 1) for n in ("mae", "mse", "rmse", "r2")),
        *((n, "vector_regression", 2) for n in ("mae", "r2")),
    ],
)
def test_a_perfect_score_of_any_metric_has_an_interval(
    name: str, problem: str, outputs: int
) -> None:
    truth, logits = perfect(problem, outputs)
    measure = metric(name, problem, outputs)
    measure.update(logits, truth)
    value = measure.compute()

    found = interval_of(measure, logits, truth)

    assert found is not None
    assert value in found
    worse = found[0] if measure.direction == "max" else found[1]
    assert worse != value
    # as much worse as about 4 wrong rows of 40 make it (36 rows: unseen(40) * 40 = 3.5)
    floor = {"mae": 1.0, "mse": 1.5, "rmse": 1.2}.get(name, 0.55)
    assert 0.02 < abs(worse - value) < floor


def perfect(problem: str, outputs: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Targets of 40 rows, and the logits that are right about all of them."""
    source = np.random.default_rng(1)
    if problem == "multiclass":
        ids = torch.as_tensor(source.integers(0, outputs, 40))
        return ids, torch.nn.functional.one_hot(ids, outputs) * 4.0 - 2
    if problem in ("binary", "multilabel"):
        shape = (40,) if problem == "binary" else (40, outputs)
        truth = torch.as_tensor(source.integers(0, 2, shape)).float()
        return truth, truth.reshape(40, -1) * 4 - 2
    shape = (40,) if outputs == 1 else (40, outputs)
    truth = torch.as_tensor(source.normal(size=shape)).float()
    return truth, truth.reshape(40, -1)


def test_a_score_that_some_draws_lack_has_no_interval() -> None:
    truth = torch.tensor([1.0, 0.0, 0.0, 0.0])

    assert interval_of(metric("roc_auc", "binary"), torch.randn(4, 1), truth) is None


def test_one_row_tells_little_and_is_no_error() -> None:
    assert interval_of(metric("accuracy", "binary"), *decisions(1, 1.0)) == pytest.approx(
        (1 / (1 + 3.8415), 1.0), rel=1e-4
    )
    assert interval_of(metric("mae", "regression"), torch.ones(1, 1), torch.zeros(1)) is None


def one_by_one(measure: Metric, logits: torch.Tensor, targets: torch.Tensor) -> list[float]:
    """A score on the drawn rows, each draw measured on its own."""
    values = []
    for draw in range(20):
        source = torch.Generator().manual_seed(derive(0, "bootstrap", draw))
        chosen = torch.randint(len(targets), (len(targets),), generator=source)
        measure.reset()
        measure.update(logits[chosen], targets[chosen])
        values.append(measure.compute())
    return values


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
@pytest.mark.parametrize(
    ("problem", "outputs", "targets"),
    [
        ("binary", 1, RNG.integers(0, 2, 80).astype(np.float32)),
        ("binary", 1, (np.arange(40) == 0).astype(np.float32)),  # no positive in a third of draws
        ("multiclass", 4, RNG.choice(4, 60, p=[0.5, 0.3, 0.18, 0.02])),
        ("multilabel", 3, (RNG.random((50, 3)) < 0.2).astype(np.float32)),
    ],
)
def test_sorting_once_scores_as_the_metric_does(
    name: str, problem: str, outputs: int, targets: Any
) -> None:
    truth = torch.as_tensor(targets)
    logits = (torch.randn(len(truth), outputs) * 3).round() / 3  # some rows tie
    measure = metric(name, problem, outputs)

    found = measure.resample([logits], truth, Draws(len(truth), many=20))

    np.testing.assert_allclose(found, one_by_one(measure, logits, truth), rtol=1e-12)


def test_the_same_rows_are_drawn_for_every_answer() -> None:
    logits, truth = decisions(200, 0.8)
    measure = metric("accuracy", "binary")
    one, other = (measure.resample([given], truth, Draws(200)) for given in (logits, -logits))

    np.testing.assert_allclose(one + other, 1.0)  # what one gets right the other gets wrong


def test_the_middle_of_equal_or_missing_values_is_unknown() -> None:
    assert middle(np.arange(DRAWS, dtype=float)) == pytest.approx((7.475, 291.525))
    assert middle(np.ones(10)) is None
    assert middle(np.array([1.0, np.nan, 2.0])) is None
