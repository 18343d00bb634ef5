"""A score taken apart into what each row adds to it, from `predictions.csv`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .read import Run, get

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """What each row adds.

    Attributes:
        how: which score it is, and how its classes are averaged.
        sums: of each row, (rows, kinds); a score is a function of their sums over rows.
        score: that function: from (draws, kinds) to (draws,).
        decided: whether a row is simply right or wrong, as the first kind says.
    """

    how: str
    sums: Values
    score: Callable[[Values], Values]
    decided: bool = False


def rows_of(run: Run, name: str, value: float | None) -> Rows | None:
    """The rows of a score; None where they do not give the value that the run has recorded.

    Args:
        run: the run.
        name: the score's name, as in "test/accuracy" or "test/age/mae".
        value: the score as it was recorded.
    """
    target, _, measure = name.partition("/")[2].rpartition("/")
    problems = get(run.report, "problem", dict)
    target = target or next(iter(problems), "")
    columns = run.predictions_of(target)
    problem = get(problems, target, dict)
    if not columns or not problem or value is None:
        return None
    classes = [str(one) for one in get(problem, "classes", list)]
    kind = get(problem, "type", str)
    if kind == "binary" and classes and get(problem, "positive", str) == classes[0]:
        classes.reverse()  # the second is the positive one
    try:
        for found in _recipes(kind, measure, classes, columns["true"], columns["predicted"]):
            again = found.score(found.sums.sum(axis=0)[None])[0]
            if math.isclose(again, value, rel_tol=1e-4, abs_tol=1e-6):
                return found
    except ValueError:  # a cell is no number
        return None
    return None


def _recipes(
    kind: str, measure: str, classes: Sequence[str], true: Sequence[str], predicted: Sequence[str]
) -> Iterator[Rows]:
    """Every way in which a score of this name may have been made."""
    if measure == "accuracy":
        yield _accuracy(kind, classes, true, predicted)
    elif measure in ("precision", "recall", "f1"):
        counts = _counts(kind, classes, true, predicted)
        for average in ("macro", "micro"):
            yield _per_class(measure, average, counts)
    elif measure in ("mae", "mse", "rmse"):
        yield _error(measure, _numbers(true), _numbers(predicted))
    elif measure == "r2":
        yield _r2(_numbers(true), _numbers(predicted))


def _accuracy(
    kind: str, classes: Sequence[str], true: Sequence[str], predicted: Sequence[str]
) -> Rows:
    several = kind == "multilabel"
    pairs = list(zip(true, predicted, strict=True))
    if several:
        labels = [(set(t.split("|")) - {""}, set(p.split("|")) - {""}) for t, p in pairs]
        right = [float(len(classes) - len(t ^ p)) for t, p in labels]
    else:
        right = [float(t == p) for t, p in pairs]
    each = float(len(classes)) if several else 1.0
    sums = np.stack([np.array(right), np.full(len(right), each)], axis=1)
    return Rows("accuracy", sums, lambda s: s[:, 0] / s[:, 1], decided=not several)


def _counts(
    kind: str, classes: Sequence[str], true: Sequence[str], predicted: Sequence[str]
) -> Values:
    """Hit, predicted and there, of each row and class: (rows, 3, classes)."""
    shown = list(classes[1:] if kind == "binary" else classes)

    def mark(cells: Sequence[str]) -> npt.NDArray[np.bool_]:
        sets = [set(c.split("|")) if kind == "multilabel" else {c} for c in cells]
        # a class whose name a spreadsheet would take for a formula stands behind an apostrophe
        return np.array([[name in s or f"'{name}" in s for name in shown] for s in sets])

    said, there = mark(predicted), mark(true)
    return np.stack([said & there, said, there], axis=1).astype(np.float64)


def _per_class(measure: str, average: str, counts: Values) -> Rows:
    """Precision, recall or F1, as `dlx.metrics` defines them."""
    if average == "micro":
        counts = counts.sum(axis=2, keepdims=True)
    rows, _, classes = counts.shape

    def score(sums: Values) -> Values:
        hit, said, there = np.moveaxis(sums.reshape(len(sums), 3, classes), 1, 0)
        over = {"precision": said, "recall": there, "f1": (said + there) / 2}[measure]
        seen = (said > 0) | (there > 0)
        each = np.divide(hit, over, out=np.zeros_like(hit), where=over > 0)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(seen, each, 0.0).sum(axis=1) / seen.sum(axis=1))

    return Rows(f"{average} {measure}", counts.reshape(rows, 3 * classes), score)


def _numbers(cells: Sequence[str]) -> Values:
    return np.array([[float(one) for one in cell.split("|")] for cell in cells])


def _error(measure: str, true: Values, predicted: Values) -> Rows:
    moved = predicted - true
    errors = np.abs(moved) if measure == "mae" else moved**2
    sums = np.stack([errors.mean(axis=1), np.ones(len(errors))], axis=1)

    def score(sums: Values) -> Values:
        mean = sums[:, 0] / sums[:, 1]
        return np.sqrt(mean) if measure == "rmse" else mean

    return Rows(measure, sums, score)


def _r2(true: Values, predicted: Values) -> Rows:
    """1 - squared errors by squared distances from the mean, averaged over the outputs."""
    moved = true - true[:1]
    one = np.ones((len(true), 1))
    sums = np.concatenate([one, moved, moved**2, (predicted - true) ** 2], axis=1)
    outputs = true.shape[1]

    def score(sums: Values) -> Values:
        count, rest = sums[:, :1], sums[:, 1:].reshape(len(sums), 3, outputs)
        spread = rest[:, 1] - rest[:, 0] ** 2 / count
        defined = spread > 0
        with np.errstate(invalid="ignore", divide="ignore"):
            each = np.where(defined, 1 - rest[:, 2] / spread, 0.0)
            return np.asarray(each.sum(axis=1) / defined.sum(axis=1))

    return Rows("r2", sums, score)
