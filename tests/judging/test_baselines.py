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

from dlx.config.specs import METRICS
from dlx.judging.baselines import Answer, constant_logits, simple_answers
from dlx.judging.evaluation import Evaluation
from dlx.judging.judge import judge
from dlx.judging.scores import Baseline
from dlx.metrics import Metric
from dlx.problem import PROBLEMS

RNG = np.random.default_rng(0)


def metric(name: str, problem: str, outputs: int, **options: Any) -> Metric:
    chosen = METRICS.default(name, **options)()
    made: Metric = chosen.load()(chosen.options, problem, outputs)
    return made


def answers(name: str, problem: str, outputs: int, train: Any, rows: Any, **options: Any) -> Any:
    """The simple answers by name."""
    measure, targets = metric(name, problem, outputs, **options), torch.as_tensor(rows)
    found = simple_answers(measure, torch.as_tensor(train), targets)
    return {answer.name: answer for answer in found}


def value(answer: str, *case: Any, **options: Any) -> float:
    """The score of one of the simple answers."""
    scored: float = answers(*case, **options)[answer].value()
    return scored


def best_of(*found: Answer) -> Baseline | None:
    """The best of some answers."""
    first = found[0]
    evaluation = Evaluation("test/score", first.metric.direction, "row", first, found)
    return judge("test", [evaluation]).scores[0].baseline


def baseline(*case: Any, **options: Any) -> Baseline:
    """The best of the simple answers."""
    best = best_of(*answers(*case, **options).values())
    assert best is not None
    return best


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
    guessed = fitted.predict(empty)

    found = value("majority", name, "multiclass", 5, train, rows)

    if name == "accuracy":
        expected = accuracy_score(rows, guessed)
    else:
        expected = f1_score(rows, guessed, average="macro")
    assert found == pytest.approx(expected)


def test_the_most_frequent_classes_are_guessed_first() -> None:
    train = np.repeat(np.arange(5), [10, 40, 30, 5, 15])
    rows = RNG.integers(0, 5, 80)
    fitted, empty = dummy(train, rows, strategy="prior")

    found = value("majority", "top_k_accuracy", "multiclass", 5, train, rows, k=2)

    expected = top_k_accuracy_score(rows, fitted.predict_proba(empty), k=2, labels=range(5))
    assert found == pytest.approx(expected)


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

    constants = dict(constant_logits("regression", 1, torch.as_tensor(train)))
    found = baseline(name, "regression", 1, train, rows)

    assert constants[strategy].item() == pytest.approx(float(fitted.constant_[0, 0]), rel=1e-6)
    both = {
        kind: measure(rows, np.full(50, constants[kind].item(), dtype=np.float32))
        for kind in ("median", "mean")
    }
    assert found.name == min(both, key=both.__getitem__)
    assert found.value == pytest.approx(min(both.values()))
    assert found.value <= expected * (1 + 1e-6)


def test_each_number_of_a_vector_has_its_own_constant() -> None:
    train = RNG.normal([0, 100], 1, (60, 2)).astype(np.float32)
    fitted = DummyRegressor(strategy="median").fit(train, train)

    constants = dict(constant_logits("vector_regression", 2, torch.as_tensor(train)))

    np.testing.assert_allclose(constants["median"].numpy(), fitted.constant_[0], rtol=1e-6)


@pytest.mark.parametrize("train", [[0.2, 0.4, 0.9], [0.0, 0.0, 0.0], [1.0, 1.0]])
def test_constants_between_0_and_1_are_reached_through_the_sigmoid(train: list[float]) -> None:
    rows = [0.1, 0.7]

    found = baseline("mae", "unit_regression", 1, train, rows)

    possible = [np.abs(np.array(rows) - v).mean() for v in (np.median(train), np.mean(train))]
    assert found.value == pytest.approx(min(possible), abs=1e-6)


def test_a_score_that_a_constant_cannot_have_is_none() -> None:
    one_class = torch.zeros(10)
    found = answers("roc_auc", "binary", 1, one_class, one_class)

    assert best_of(*found.values()) is None


def test_a_constant_ranks_no_better_than_chance() -> None:
    rows = RNG.integers(0, 2, 50).astype(np.float32)

    assert value("majority", "roc_auc", "binary", 1, rows, rows) == pytest.approx(0.5)
    ranked = value("majority", "average_precision", "binary", 1, rows, rows)
    assert ranked == pytest.approx(rows.mean())


def test_the_metric_is_used_up_and_clean_for_the_next() -> None:
    rows = torch.tensor([1.0, 1.0, 0.0])
    found = answers("accuracy", "binary", 1, rows, rows)
    found["majority"].metric.update(torch.tensor([[1.0]]), torch.tensor([0.0]))

    first, second = (best_of(*found.values()) for _ in range(2))

    assert first == second == Baseline("majority", 2 / 3)


def test_guesses_score_what_they_are_expected_to() -> None:
    shares = np.array([0.5, 0.3, 0.15, 0.05])
    rows = RNG.choice(4, 5000, p=shares)
    case = ("accuracy", "multiclass", 4, rows, rows)

    expected = float((np.bincount(rows) / 5000) @ (np.bincount(rows) / 5000))
    assert value("shuffled", *case) == pytest.approx(expected, abs=0.005)
    assert value("uniform", *case) == pytest.approx(0.25, abs=0.005)
    assert value("uniform", "top_k_accuracy", *case[1:], k=2) == pytest.approx(0.5, abs=0.005)
    assert baseline(*case).name == "majority"


def test_shuffled_labels_are_the_rows_own_in_another_order() -> None:
    rows = RNG.choice(6, 300)
    found = answers("accuracy", "multiclass", 6, rows, rows)

    for draw in (0, 7):
        guesses = found["shuffled"].draws[draw].argmax(dim=1).numpy()
        assert (guesses != rows).any()
        np.testing.assert_array_equal(np.sort(guesses), np.sort(rows))
    assert len(found["shuffled"].draws) == 20


def test_the_largest_of_all_answers_is_to_be_beaten() -> None:
    rows = np.repeat(np.arange(4), 50)

    found = baseline("f1", "multiclass", 4, rows, rows)

    assert found.name in ("shuffled", "uniform")  # a majority never finds the other classes
    assert found.value > value("majority", "f1", "multiclass", 4, rows, rows)


@pytest.mark.parametrize("problem", ["regression", "unit_regression"])
def test_naive_forecasts_go_through_the_same_metric(problem: str) -> None:
    truth = torch.tensor([0.2, 0.5, 0.9])
    forecast = torch.tensor([0.1, 0.6, 0.9])
    measure = metric("mae", problem, 1)

    found = list(simple_answers(measure, truth, truth, {"persistence": forecast}))

    last = found[-1]
    assert [one.name for one in found] == ["median", "mean", "persistence"]
    assert last.kind == "naive"
    assert last.value() == pytest.approx(0.2 / 3, abs=1e-6)


def test_a_forecast_that_is_missing_has_no_score() -> None:
    truth = torch.tensor([0.2, 0.5])
    measure = metric("mae", "regression", 1)
    forecast = torch.tensor([[float("nan")], [0.5]])

    assert best_of(Answer("persistence", "naive", measure, truth, (forecast,))) is None


@pytest.mark.parametrize("problem", PROBLEMS)
def test_each_problem_has_the_baselines_of_the_table(problem: str) -> None:
    several = ("multiclass", "multilabel", "vector_regression", "quantile_regression")
    outputs = 3 if problem in several else 1
    rows = torch.rand(30, 1 if problem == "quantile_regression" else outputs).round().squeeze(1)
    if problem == "multiclass":
        rows = torch.arange(30) % 3
    measure = metric(PROBLEMS[problem].metrics[-1], problem, outputs)
    measure.quantiles = (0.1, 0.5, 0.9) if problem == "quantile_regression" else ()

    names = [answer.name for answer in simple_answers(measure, rows, rows)]

    assert names == list(PROBLEMS[problem].baseline)
