"""Targets: do they pose the problem that was declared, and as what does a loss take them?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..config.names import listed, nearest
from ..errors import Problem, UsageError
from ..problem import PROBLEMS
from .samples import Rows, Samples

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class EncodedTarget:
    """A target ready for a loss.

    Attributes:
        values: float32 (rows,) or (rows, k), or int64 class ids (rows,) for multiclass.
        outputs: how many numbers a model gives for it.
        classes: names of its classes or labels; empty for numbers.
    """

    values: Array
    outputs: int
    classes: tuple[str, ...]


def encode(samples: Samples, name: str, problem: str) -> EncodedTarget:
    """Checks a target column against its problem and encodes it.

    Raises:
        UsageError: the values contradict the problem: three classes declared binary, several
            labels a row declared single-label, values outside [0, 1], holes.
    """
    column = samples.columns[name]
    assert isinstance(column, np.ndarray)
    _check_whole(column, name)
    classes = samples.classes.get(name, ())
    if not PROBLEMS[problem].classes:
        return _encode_numbers(column, name, problem)
    if PROBLEMS[problem].answer == "labels":
        if column.ndim != 2:
            raise _contradiction(name, problem, "each row has one label", "multiclass")
        _check_values(column, name, np.isin(column, (0, 1)), "0 or 1 for each label")
        return EncodedTarget(column.astype(np.float32), column.shape[1], classes)
    if column.ndim != 1:
        raise _contradiction(name, problem, "each row has several labels", "multilabel")
    ids = column.astype(np.int64)
    _check_values(column, name, (ids == column) & (ids >= 0), "class ids: whole numbers from 0")
    count = max(len(classes), int(ids.max(initial=0)) + 1)
    names = classes or tuple(str(i) for i in range(count))
    if problem == "multiclass":
        _check_values(column, name, ids < len(names), f"class ids below {len(names)}")
        return EncodedTarget(ids, count, names)
    if count != 2:
        raise _contradiction(name, problem, f"there are {count} classes", "multiclass")
    return EncodedTarget(ids.astype(np.float32), 1, names)


def positive_of(name: str, asked: str, target: EncodedTarget) -> int:
    """Which of a target's two classes is the positive one, by name; "": the second.

    Raises:
        UsageError: it has no such class.
    """
    if asked and asked not in target.classes:
        near = nearest(asked, target.classes)
        raise UsageError(
            Problem(
                f"`targets.{name}.positive` is {asked}, but there is no such class",
                accepted=listed(target.classes),
                hint=f"targets.{name}.positive={near or target.classes[-1]}",
            )
        )
    return target.classes.index(asked) if asked else 1


def _encode_numbers(column: Array, name: str, problem: str) -> EncodedTarget:
    values = column.astype(np.float32)
    row = PROBLEMS[problem]
    if row.answer == "numbers":
        if values.ndim != 2:
            raise _contradiction(name, problem, "each row has one number", "regression")
        return EncodedTarget(values, values.shape[1], ())
    if values.ndim != 1:
        raise _contradiction(name, problem, "each row has several numbers", "vector_regression")
    if row.bounded and (values.min() < 0 or values.max() > 1):
        found = f"its values go from {values.min():g} to {values.max():g}"
        raise _contradiction(name, problem, found, "regression")
    return EncodedTarget(values, 1, ())


def _check_whole(column: Array, name: str) -> None:
    if len(column) == 0:
        raise UsageError(Problem(f"target {name} has no rows"))
    bad = ~np.isfinite(column.astype(np.float64)).reshape(len(column), -1).all(axis=1)
    if bad.any():
        raise UsageError(
            Problem(
                f"target {name} has {int(bad.sum()):,} rows without a finite number",
                f"first in row {int(np.flatnonzero(bad)[0])}",
                "a value in every row",
            )
        )


def _check_values(column: Array, name: str, right: npt.NDArray[np.bool_], accepted: str) -> None:
    if not right.all():
        place = tuple(np.argwhere(~right)[0])
        raise UsageError(
            Problem(
                (f"target {name} contains {column[place]:g}"), f"first in row {place[0]}", accepted
            )
        )


def _contradiction(name: str, problem: str, found: str, other: str) -> UsageError:
    return UsageError(
        Problem(
            f"target {name} is declared {PROBLEMS[problem].title}, but {found}",
            f"targets.{name}.problem",
            hint=f"targets.{name}.problem={other}",
        )
    )


def class_counts(values: Array, classes: tuple[str, ...], rows: Rows) -> dict[str, int]:
    """How many of some rows belong to each class (or bear each label)."""
    mine = values[rows]
    if mine.ndim == 2:
        counts = mine.sum(axis=0).astype(np.int64)
    else:
        counts = np.bincount(mine.astype(np.int64), minlength=len(classes))
    return {name: int(count) for name, count in zip(classes, counts, strict=True)}
