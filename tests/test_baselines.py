from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    mean_absolute_error,
    mean_squared_error,
    top_k_accuracy_score,
)

from dlx.baselines import Baseline, best_baseline, constant_logits
from dlx.config.specs import METRICS
from dlx.metrics import Metric

RNG = np.random.default_rng(0)


def metric(name: str, problem: str, outputs: int, **options: Any) -> Metric:
    chosen = METRICS.default(name, **options)()
    made: Metric = chosen.load()(chosen.options, problem, outputs)
    return made


def baseline(name: str, problem: str, outputs: int, train: Any, rows: Any, **options: Any) -> Any:
    found = best_baseline(
        metric(name, problem, outputs, **options),
        problem,
        outputs,
        torch.as_tensor(train),
        torch.as_tensor(rows),
    )
    assert found is not None
    return found


def dummy(train: Any, rows: Any, **options: Any) -> Any:
    """What scikit-learn's constant classifier answers."""
    fitted = DummyClassifier(**options).fit(np.zeros((len(train), 1)), train)
    return fitted, np.zeros((len(rows), 1))


@pytest.mark.parametrize("share", [0.1, 0.45, 0.5, 0.55, 0.98])
def test_majority_of_two_classes_is_scikit_learns(share: float) -> None:
    train = (np.arange(200) < 200 * share).astype(np.float32)
    rows = RNG.integers(0, 2, 60).astype(np.float32)
    fitted, empty = dummy(train, rows, strategy="most_frequent")

    found = baseline("accuracy", "binary", 1, train, rows)

    assert found.name == "majority"
    assert found.value == pytest.approx(accuracy_score(rows, fitted.predict(empty)))


@pytest.mark.parametrize("name", ["accuracy", "f1"])
def test_majority_of_many_classes_is_scikit_learns(name: str) -> None:
    train = RNG.choice(5, 300, p=[0.1, 0.2, 0.4, 0.2, 0.1])
    rows = RNG.integers(0, 5, 80)
    fitted, empty = dummy(train, rows, strategy="most_frequent")
    answers = fitted.predict(empty)

    found = baseline(name, "multiclass", 5, train, rows)

    if name == "accuracy":
        expected = accuracy_score(rows, answers)
    else:
        expected = f1_score(rows, answers, average="macro")
    assert found.value == pytest.approx(expected)


def test_the_most_frequent_classes_are_guessed_first() -> None:
    train = np.repeat(np.arange(5), [10, 40, 30, 5, 15])
    rows = RNG.integers(0, 5, 80)
    fitted, empty = dummy(train, rows, strategy="prior")

    found = baseline("top_k_accuracy", "multiclass", 5, train, rows, k=2)

    expected = top_k_accuracy_score(rows, fitted.predict_proba(empty), k=2, labels=range(5))
    assert found.value == pytest.approx(expected)


def test_labels_are_given_their_prevalence() -> None:
    train = (RNG.random((100, 3)) < [0.1, 0.5, 0.9]).astype(np.float32)
    rows = (RNG.random((60, 3)) < [0.2, 0.5, 0.8]).astype(np.float32)

    ranked = baseline("average_precision", "multilabel", 3, train, rows)
    decided = baseline("accuracy", "multilabel", 3, train, rows)

    constant = np.broadcast_to(train.mean(axis=0), rows.shape)
    assert ranked.value == pytest.approx(average_precision_score(rows, constant, average="macro"))
    fitted, empty = dummy(train, rows, strategy="most_frequent")
    assert decided.value == pytest.approx((fitted.predict(empty) == rows).mean())


@pytest.mark.parametrize("count", [101, 100])
@pytest.mark.parametrize(
    ("name", "strategy", "measure"),
    [("mae", "median", mean_absolute_error), ("mse", "mean", mean_squared_error)],
)
def test_numbers_are_scikit_learns(count: int, name: str, strategy: str, measure: Any) -> None:
    train = RNG.lognormal(size=count).astype(np.float32)
    rows = RNG.lognormal(size=50).astype(np.float32)
    fitted = DummyRegressor(strategy=strategy).fit(train[:, None], train)
    expected = measure(rows, fitted.predict(rows[:, None]))

    answers = dict(constant_logits("regression", 1, torch.as_tensor(train)))
    found = baseline(name, "regression", 1, train, rows)

    assert answers[strategy].item() == pytest.approx(float(fitted.constant_[0, 0]), rel=1e-6)
    both = {
        kind: measure(rows, np.full(50, answers[kind].item(), dtype=np.float32))
        for kind in ("median", "mean")
    }
    assert found == Baseline(min(both, key=both.__getitem__), pytest.approx(min(both.values())))
    assert found.value <= expected * (1 + 1e-6)


def test_each_number_of_a_vector_has_its_own_constant() -> None:
    train = RNG.normal([0, 100], 1, (60, 2)).astype(np.float32)
    fitted = DummyRegressor(strategy="median").fit(train, train)

    answers = dict(constant_logits("vector_regression", 2, torch.as_tensor(train)))

    np.testing.assert_allclose(answers["median"].numpy(), fitted.constant_[0], rtol=1e-6)


@pytest.mark.parametrize("train", [[0.2, 0.4, 0.9], [0.0, 0.0, 0.0], [1.0, 1.0]])
def test_constants_between_0_and_1_are_reached_through_the_sigmoid(train: list[float]) -> None:
    rows = [0.1, 0.7]

    found = baseline("mae", "unit_regression", 1, train, rows)

    possible = [np.abs(np.array(rows) - v).mean() for v in (np.median(train), np.mean(train))]
    assert found.value == pytest.approx(min(possible), abs=1e-6)


def test_a_score_that_a_constant_cannot_have_is_none() -> None:
    one_class = torch.zeros(10)

    found = best_baseline(metric("roc_auc", "binary", 1), "binary", 1, one_class, one_class)

    assert found is None


def test_a_constant_ranks_no_better_than_chance() -> None:
    rows = RNG.integers(0, 2, 50).astype(np.float32)

    assert baseline("roc_auc", "binary", 1, rows, rows).value == pytest.approx(0.5)


def test_the_metric_is_used_up_and_clean_for_the_next() -> None:
    one = metric("accuracy", "binary", 1)
    one.update(torch.tensor([[1.0]]), torch.tensor([0.0]))
    rows = torch.tensor([1.0, 1.0, 0.0])

    first = best_baseline(one, "binary", 1, rows, rows)
    second = best_baseline(one, "binary", 1, rows, rows)

    assert first == second == Baseline("majority", pytest.approx(2 / 3))
