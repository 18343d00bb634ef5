"""Classes that count more or less than their rows: by weights in a loss, or by how often drawn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ..config.names import find_nearest, join_names
from ..errors import Problem, UsageError
from .columns import Rows
from .targets import EncodedTarget

Asked = str | Mapping[str, float]
"""What an option says: "none", "balanced", or a number for each class by its name."""

Floats = npt.NDArray[np.float64]


def check_names(key: str, asked: Asked, classes: tuple[str, ...], whole: bool = False) -> None:
    """Refuses names that no class has.

    Args:
        key: of the option, as in "targets.label.sampling".
        asked: its value.
        classes: names of the target's classes.
        whole: whether every class must be named.

    Raises:
        UsageError: a class is not there, or is missing.
    """
    if isinstance(asked, str):
        return
    for name in asked:
        if name not in classes:
            near = find_nearest(name, classes)
            what = f"`{key}` names {name}, but there is no such class"
            hint = f"did you mean {near}?" if near else ""
            raise UsageError(Problem(what, "", join_names(classes), hint))
    if whole and (missing := [name for name in classes if name not in asked]):
        what = f"`{key}` says nothing of {join_names(missing)}"
        hint = f"{key}.{missing[0]}={min(asked.values(), default=1):g}"
        raise UsageError(Problem(what, "", "a share for every class", hint))


def class_weights(asked: Asked, target: EncodedTarget, rows: Rows) -> tuple[float, ...]:
    """The weight of each class in a loss; empty where none is asked for.

    Of several labels first those of rows that have each, then those of rows that lack it.

    Balanced weights are n / (k * count) for n rows of k classes, as in scikit-learn's
    `compute_class_weight` (King and Zeng, 2001): the mean weight of a row is 1. A class without
    a row keeps 1.

    Args:
        asked: "none", "balanced", or weights by class; one that is not named has 1.
        target: a class a row, or labels.
        rows: those that may be learnt from; one may be there more than once.
    """
    if asked == "none":
        return ()
    if target.values.ndim == 2:
        return _label_weights(asked, target, rows)
    if not isinstance(asked, str):
        return tuple(float(asked.get(name, 1.0)) for name in target.classes)
    counts = _counts(target, rows)
    there = counts > 0
    weights = np.where(there, len(rows) / (there.sum() * np.maximum(counts, 1)), 1.0)
    return tuple(weights.tolist())


def _label_weights(asked: Asked, target: EncodedTarget, rows: Rows) -> tuple[float, ...]:
    """Each label balanced as two classes; a number is the weight of rows that have the label."""
    many = len(target.classes)
    if not isinstance(asked, str):
        return (*(float(asked.get(name, 1.0)) for name in target.classes), *(1.0,) * many)
    present = target.values[rows].sum(axis=0, dtype=np.float64)
    counts = np.stack([present, len(rows) - present])
    whole = (counts > 0).all(axis=0)  # a label that all rows have, or none, is no rare one
    weights = np.where(whole, len(rows) / (2 * np.maximum(counts, 1)), 1.0)
    return tuple(weights.ravel().tolist())


def chances(asked: Asked, target: EncodedTarget, rows: Rows) -> Floats | None:
    """The chance of each row to be the next that is drawn; None where each comes once.

    Args:
        asked: "none", "balanced" (as many rows of each class), or the share of each class.
        target: a class a row.
        rows: those that are drawn from; a class without any is left out.
    """
    if asked == "none":
        return None
    counts = _counts(target, rows)
    shares = np.ones(len(counts))
    if not isinstance(asked, str):
        shares = np.array([asked[name] for name in target.classes], dtype=np.float64)
    each = np.where(counts > 0, shares, 0.0) / np.maximum(counts, 1)
    found: Floats = (each / (each * counts).sum())[target.values[rows].astype(np.int64)]
    return found


def _counts(target: EncodedTarget, rows: Rows) -> npt.NDArray[np.int64]:
    ids = target.values[rows].astype(np.int64)
    return np.bincount(ids, minlength=len(target.classes))
