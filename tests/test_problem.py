"""The book's table of problem types, and that the rest of dlx agrees with it."""

from __future__ import annotations

from typing import get_args

import pytest

from dlx.config.schema import Target
from dlx.config.specs import DATASETS, LOSSES, METRICS
from dlx.problem import PROBLEMS, Activation, ProblemName


def test_every_problem_has_a_row() -> None:
    assert tuple(PROBLEMS) == get_args(ProblemName)
    assert len({row.title for row in PROBLEMS.values()}) == len(PROBLEMS)


@pytest.mark.parametrize(
    ("problem", "activation", "loss", "metric"),
    [
        # Chollet 2017, table 4.1; metrics as in sections 3.4 to 3.6.
        ("binary", "sigmoid", "binary_cross_entropy", "accuracy"),
        ("multiclass", "softmax", "cross_entropy", "accuracy"),
        ("multilabel", "sigmoid", "binary_cross_entropy", "average_precision"),
        ("regression", "none", "mse", "mae"),
        ("vector_regression", "none", "mse", "mae"),
        ("unit_regression", "sigmoid", "mse", "mae"),
        ("count_regression", "exp", "poisson", "mae"),
        ("quantile_regression", "none", "quantile", "pinball"),
    ],
)
def test_the_books_table(problem: str, activation: str, loss: str, metric: str) -> None:
    row = PROBLEMS[problem]
    assert (row.activation, row.loss, row.metrics[0]) == (activation, loss, metric)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_loss_has_one_value_of_three(problem: str) -> None:
    row = PROBLEMS[problem]
    losses = [row.loss, *row.allowed, *row.refused]
    assert sorted(losses) == sorted(name for name in LOSSES.entries if name != "auto")
    assert all(row.refused.values())


@pytest.mark.parametrize("problem", PROBLEMS)
def test_its_metrics_measure_it(problem: str) -> None:
    row = PROBLEMS[problem]
    assert row.baseline
    assert row.activation in get_args(Activation)
    for metric in row.metrics:
        assert problem in METRICS.default(metric)().options.problems
    fitting = [n for n in METRICS.entries if problem in METRICS.default(n)().options.problems]
    assert ("accuracy" in fitting) is row.classes
    assert ("mae" in fitting) is not row.classes


@pytest.mark.parametrize("name", METRICS.entries)
def test_a_metric_knows_its_problems_and_direction(name: str) -> None:
    options = METRICS.default(name)().options
    assert set(options.problems) <= set(PROBLEMS)
    assert options.direction == ("min" if name in ("mae", "mse", "rmse", "pinball") else "max")


@pytest.mark.parametrize("name", DATASETS.entries)
def test_a_dataset_poses_problems_of_the_table(name: str) -> None:
    options = DATASETS.default(name)().options
    posed = options.pose({"label": "binary"})  # a table offers what the config asks for
    assert bool(posed.targets) is (getattr(options, "kind", "rows") == "rows")
    assert set(options.targets.values()) <= set(PROBLEMS)
    assert not set(options.targets) & set(options.inputs)


def test_a_target_can_declare_each_problem_and_its_activation() -> None:
    for problem, row in PROBLEMS.items():
        target = Target(problem=problem, activation=row.activation)
        assert target.loss.name == "auto"
