"""Gradient-boosted trees on the rows as they were read: what a network on a table must beat.

Grown by scikit-learn from histograms (Ke and others, 2017; Pedregosa et al., 2011), which takes
missing numbers and categories as they are; kept as arrays of nodes (`trees.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..problem import PROBLEMS
from ..seeds import derive
from .links import SURE, to_outputs
from .trees import Grown, Trees

NAME = "gradient boosting"
ROUNDS, PATIENCE = 300, 15
"""Most trees an output, and after how many that do not help the rows beside no more are grown."""
HELD = 4
"""One of so many training rows picks the number of trees, where no validation rows are given."""
CELLS = 20_000_000
"""Most numbers (rows x columns x outputs) that trees are grown on: about a minute."""

Floats = npt.NDArray[np.float64]
Targets = npt.NDArray[Any]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Table:
    """Rows that trees are grown on, or picked by.

    Attributes:
        rows: (rows, columns) float64, NaN where a number is missing; the categories' codes first.
        targets: (rows,) or (rows, outputs).
    """

    rows: Floats
    targets: Targets

    def take(self, places: Any) -> Table:
        """Some of the rows."""
        return Table(self.rows[places], self.targets[places])

    def of_output(self, output: int) -> Table:
        """The same rows, with one column of the targets."""
        return Table(self.rows, self.targets.reshape(len(self.rows), -1)[:, output])


@dataclass(frozen=True)
class Boosted:
    """Trees that are grown, and how.

    Attributes:
        problem: type of the problem.
        trees: they themselves.
        chosen: how many rounds, the rows that they were picked on and that were learnt from.
    """

    problem: str
    trees: Trees
    chosen: dict[str, Any]

    def logits(self, rows: Floats) -> npt.NDArray[np.float32]:
        """Logits, of numbers themselves, (rows, outputs)."""
        return to_outputs(self.problem, self.trees.answer(rows)).astype(np.float32)


def grow(
    problem: str,
    outputs: int,
    train: Table,
    validation: Table | None = None,
    categories: int = 0,
    seed: int = 0,
) -> Boosted:
    """Grows trees on training rows, as many as serve other rows best.

    Their number is picked by log loss (numbers: squared error) on the validation rows; without
    any, on a quarter of the training rows, and then trees are grown on all of them. By one thread,
    so that the same rows give the same bits. Where there are more than `CELLS` numbers, a random
    part of the rows is taken.

    Args:
        problem: type of the problem.
        outputs: numbers that a model gives.
        train: rows to grow on.
        validation: rows to pick the number of trees on.
        categories: how many of the columns, the first ones, are codes of categories.
        seed: of what is drawn.
    """
    from threadpoolctl import threadpool_limits

    most = max(HELD, CELLS // max(1, train.rows.shape[1] * outputs))
    order = np.random.default_rng(derive(seed, "boosting")).permutation(len(train.rows))[:most]
    train = train.take(order)
    where = "validation rows"
    beside, grown_on = validation, train
    if beside is None:
        where, held = "a quarter of the training rows", np.arange(len(order)) % HELD == 0
        beside, grown_on = train.take(held), train.take(~held)
    work = _Work(problem, outputs, categories, derive(seed, "boosting", 1) % 2**32)
    with threadpool_limits(1):
        found, start = work.grow(grown_on, beside.take(slice(most)), train, validation is None)
    trees = Trees.of(found, start)
    chosen = {"rounds": trees.rounds, "picked_on": where, "rows": len(train.rows)}
    return Boosted(problem, trees, chosen)


@dataclass(frozen=True)
class _Work:
    """Grows the trees of one target."""

    problem: str
    outputs: int
    categories: int
    state: int

    def grow(
        self, train: Table, beside: Table, whole: Table, again: bool
    ) -> tuple[list[Grown], Floats]:
        """The trees of all outputs, and what rows begin with."""
        start, found = np.full(self.outputs, -SURE), []
        if self.problem == "multiclass":
            found += self._many(train, beside, whole, again, start)
            return found, start
        for output in range(self.outputs):
            parts = [one.of_output(output) for one in (train, beside, whole)]
            found += self._one(parts, again, start, output)
        return found, start

    def _one(self, parts: Sequence[Table], again: bool, start: Floats, output: int) -> list[Grown]:
        """The trees of a number, or of yes and no; none where all training rows say the same."""
        train, beside, whole = parts
        classes = PROBLEMS[self.problem].classes
        if classes and len(np.unique(whole.targets)) == 1:
            start[output] = SURE if whole.targets[0] > 0.5 else -SURE
            return []
        model = self._fit(train, beside, whole, again)
        if model is None:
            share = whole.targets.mean()
            start[output] = np.log(share / (1 - share)) if classes else share
            return []
        start[output] = float(np.ravel(model.start)[0])
        trees = [together[0] for together in model.trees]
        return [Grown(trees, [output] * len(trees), known=model.known)]

    def _many(
        self, train: Table, beside: Table, whole: Table, again: bool, start: Floats
    ) -> list[Grown]:
        """The trees of all classes; of one that no training row has, surely no."""
        seen = np.unique((whole if again else train).targets)
        model = self._fit(train, beside, whole, again) if len(seen) > 1 else None
        if model is None:
            shares = np.bincount(whole.targets.astype(int), minlength=self.outputs)
            start[:] = np.where(shares > 0, np.log(np.maximum(shares, 1) / len(whole.rows)), -SURE)
            return []
        places = [int(one) for one in model.classes]
        if len(places) == 2:  # of two classes scikit-learn has one number
            trees = [together[0] for together in model.trees]
            half = float(np.ravel(model.start)[0]) / 2
            start[places] = [-half, half]
            signs = zip(places, (-0.5, 0.5), strict=True)
            return [Grown(trees, [place] * len(trees), sign, model.known) for place, sign in signs]
        start[places] = np.ravel(model.start)
        trees = [tree for together in model.trees for tree in together]
        return [Grown(trees, places * len(model.trees), known=model.known)]

    def _fit(self, train: Table, beside: Table, whole: Table, again: bool) -> _Model | None:
        """One model of scikit-learn's; None where nothing can be learnt or picked."""
        classes = PROBLEMS[self.problem].classes
        if classes:
            beside = beside.take(np.isin(beside.targets, np.unique(train.targets)))
        if not len(beside.rows) or (classes and len(np.unique(train.targets)) < 2):
            return None
        first = self._make(max_iter=ROUNDS, early_stopping=True, n_iter_no_change=PATIENCE, tol=0.0)
        first.fit(train.rows, train.targets, X_val=beside.rows, y_val=beside.targets)
        rounds = max(1, int(np.argmax(first.validation_score_)))
        if not again:
            return _Model.of(first, rounds)
        last = self._make(max_iter=rounds, early_stopping=False)
        return _Model.of(last.fit(whole.rows, whole.targets), rounds)

    def _make(self, **options: Any) -> Any:
        from sklearn import ensemble  # 3 s

        name = "Classifier" if PROBLEMS[self.problem].classes else "Regressor"
        told = list(range(self.categories)) if self.categories else None
        make = getattr(ensemble, f"HistGradientBoosting{name}")
        return make(categorical_features=told, random_state=self.state, **options)


@dataclass(frozen=True)
class _Model:
    """What is kept of a model of scikit-learn's."""

    trees: Sequence[Sequence[Any]]
    start: Any
    classes: Sequence[Any]
    known: Sequence[Any]

    @classmethod
    def of(cls, model: Any, rounds: int) -> _Model:
        """The first so many rounds of its trees."""
        classes = getattr(model, "classes_", ())
        return cls(model._predictors[:rounds], model._baseline_prediction, classes, _known(model))


def _known(model: Any) -> list[Any]:
    """The categories of each column that a model of scikit-learn's was fitted to, sorted."""
    if model._preprocessor is None:
        return []
    found = model._preprocessor.named_transformers_["encoder"].categories_
    return [one[~np.isnan(one)] for one in found]
