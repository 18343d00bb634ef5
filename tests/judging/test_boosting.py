"""Boosted trees as arrays: what they answer is what scikit-learn's model answers, to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from dlx.judging.boosting import SURE, Table, grow
from dlx.judging.trees import Grown, Trees

CATEGORIES = 2
GAP = np.nan


def mixed(rows: int = 600) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Two columns of codes and three of numbers, a tenth of it missing; and numbers to tell."""
    draws = np.random.default_rng(0)
    codes = draws.integers(0, 40, (rows, CATEGORIES)).astype(np.float64)
    numbers = draws.normal(size=(rows, 3))
    told = np.nan_to_num(numbers[:, 0]) + (codes[:, 0] % 7 < 3) + 0.1 * draws.normal(size=rows)
    codes[codes == 17] = 16  # a code that nothing has
    table = np.hstack([codes, numbers])
    table[draws.random(table.shape) < 0.1] = GAP
    return table, told


X, Y = mixed()
STRANGE = np.vstack([X, np.full((1, 5), GAP), [[17, 99, 1e9, -1e9, 0]]])
TARGETS: dict[str, tuple[Any, int]] = {
    "regression": (Y, 1),
    "binary": ((Y > 0).astype(float), 1),
    "multiclass": (np.digitize(Y, [-0.5, 0.8]), 3),
}


def scikit(problem: str, **options: Any) -> Any:
    """scikit-learn's model, fitted to all rows."""
    make = HistGradientBoostingRegressor if problem == "regression" else None
    make = make or HistGradientBoostingClassifier
    told = [*range(CATEGORIES)]
    return make(categorical_features=told, early_stopping=False, **options).fit(
        X, TARGETS[problem][0]
    )


@pytest.mark.parametrize("problem", TARGETS)
def test_answers_are_scikit_learns_to_the_bit(problem: str) -> None:
    targets, outputs = TARGETS[problem]
    found = grow(problem, outputs, Table(X, targets), categories=CATEGORIES)
    known = Trees.restore(found.trees.arrays())

    theirs = scikit(problem, max_iter=found.chosen["rounds"])
    asked = theirs.predict if problem == "regression" else theirs.decision_function
    wanted = asked(STRANGE).reshape(len(STRANGE), outputs)

    assert np.array_equal(known.answer(STRANGE), wanted)
    assert np.array_equal(found.logits(STRANGE), wanted.astype(np.float32))
    assert found.chosen["picked_on"] == "a quarter of the training rows"
    assert (known.group >= 0).any()


def test_validation_rows_pick_how_many_trees_there_are() -> None:
    """Noise is learnt by heart, but for what rows beside tell of it."""
    draws = np.random.default_rng(1)
    noise = Table(draws.normal(size=(100, 3)), draws.normal(size=100))
    few = grow("regression", 1, noise, Table(noise.rows[::-1], noise.targets))
    same = grow("regression", 1, noise, noise)
    assert few.chosen["picked_on"] == "validation rows"
    assert few.chosen["rounds"] < 15 < same.chosen["rounds"]


def test_labels_have_trees_of_their_own() -> None:
    labels = np.stack([Y > 0, Y > 0.8, np.zeros(len(Y)), np.ones(len(Y))], axis=1).astype(float)
    found = grow("multilabel", 4, Table(X, labels), categories=CATEGORIES)
    alone = grow("binary", 1, Table(X, labels[:, 1]), categories=CATEGORIES)

    answers = found.trees.answer(X)
    assert np.array_equal(answers[:, 1:2], alone.trees.answer(X))
    assert (answers[:, 2:] == [-SURE, SURE]).all()


@pytest.mark.parametrize("seen", [(0, 2), (1,), (0, 2, 3)])
def test_a_class_without_training_rows_is_surely_none(seen: tuple[int, ...]) -> None:
    targets = np.asarray(seen)[np.arange(len(Y)) % len(seen)]
    answers = grow("multiclass", 4, Table(X, targets), categories=CATEGORIES).trees.answer(X)
    lacking = sorted({0, 1, 2, 3} - set(seen))
    assert answers.shape == (len(X), 4)
    assert (answers[:, lacking].max(axis=1) < answers[:, list(seen)].min(axis=1)).all()


def test_shares_stay_within_0_and_1() -> None:
    shares = 1 / (1 + np.exp(-3 * Y))
    logits = grow("unit_regression", 1, Table(X, shares), categories=CATEGORIES).logits(X)
    assert np.abs(1 / (1 + np.exp(-logits[:, 0])) - shares).mean() < 0.1


def test_the_same_rows_and_seed_give_the_same_bits() -> None:
    one, other = (
        grow("regression", 1, Table(X[:99], Y[:99]), seed=3).trees.arrays() for _ in range(2)
    )
    assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("left", lambda a: a * 0),
        ("right", lambda a: a + len(a)),
        ("root", lambda a: a - 1),
        ("output", lambda a: a + 1),
        ("feature", lambda a: a - 1),
        ("value", lambda a: a[1:]),
        ("group", lambda a: a + 1),
        ("sets", lambda a: a[:, 1:]),
        ("start", lambda a: a[0]),
    ],
)
def test_arrays_that_are_no_trees_are_refused(name: str, change: Any) -> None:
    model = scikit("regression", max_iter=2)
    start = np.ravel(model._baseline_prediction)
    trees = Trees.of([Grown([one for (one,) in model._predictors], [0, 0])], start)
    arrays = trees.arrays()
    with pytest.raises(ValueError, match="arrays that are no boosted trees"):
        Trees.restore({**arrays, name: change(arrays[name])})
    with pytest.raises(ValueError, match=f"boosted trees without {name}"):
        Trees.restore({one: values for one, values in arrays.items() if one != name})
