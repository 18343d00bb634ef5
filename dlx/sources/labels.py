"""Labels of a dataset that judge a learner which never sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from ..data.columns import Array, Dense
from ..data.samples import Samples
from ..data.targets import encode
from ..errors import MethodError, Problem
from .fold import FoldData

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Labels:
    """Labels of some rows.

    Attributes:
        name: of the column that holds them.
        ids: of the classes, (rows,).
        classes: the name of each class.
    """

    name: str
    ids: Ids
    classes: tuple[str, ...]


def labels_of(fold: FoldData, part: str, name: str) -> Labels:
    """The labels of some rows, held back from learning: no batch and no step of it has them.

    Args:
        fold: its rows; the samples of a dataset have all its columns, targets of the config or not.
        part: "train" (in the order of `fold.train`, copies of rows included), "val" or "test".
        name: of the target that holds them.

    Raises:
        UsageError: it holds no classes.
        MethodError: an input is the labels by another name.
    """
    every = _all_labels(fold, name)
    rows = fold.train.numbers.cpu().numpy() if part == "train" else fold.rows_of(part)
    return Labels(name, every.ids[rows], every.classes)


def _all_labels(fold: FoldData, name: str) -> Labels:
    """Those of all rows, which the fold keeps."""
    key = f"labels {name}"
    if key not in fold.learnt:
        found = encode(fold.data.samples, name, "multiclass")
        _refuse_seen(fold.data.samples, name, found.values)
        fold.learnt[key] = Labels(name, found.values, found.classes)
    return cast("Labels", fold.learnt[key])


def _refuse_seen(samples: Samples, name: str, ids: Ids) -> None:
    """Refuses labels that a feature of the inputs tells one by one.

    Raises:
        MethodError: there is such a feature.
    """
    for column in samples.inputs:
        found = samples.columns[column]
        if not isinstance(found, Dense) or found.values.ndim > 2:
            continue
        for place in _same_as(found.values.reshape(len(ids), -1), ids):
            feature = f"{column}.{found.names[place]}" if found.names else f"{column}.{place}"
            what = f"leak: {feature} is {name} by another name, so that the learner sees the labels"
            hint = f"'prepare.steps=[{{name: select, drop: [{found.names[place]}]}}]'"
            raise MethodError(Problem(what, hint=hint if found.names else "leave the feature out"))


def _same_as(values: Array, ids: Ids) -> Ids:
    """The columns that are the same within each class, and in no two classes."""
    order = np.argsort(ids, kind="stable")
    begins = np.flatnonzero(np.diff(ids[order], prepend=-1))
    ordered = values[order]
    low, high = np.minimum.reduceat(ordered, begins), np.maximum.reduceat(ordered, begins)
    steady = np.flatnonzero((low == high).all(axis=0))
    alone = [len(begins) > 1 and len(np.unique(low[:, at])) == len(begins) for at in steady]
    found: Ids = steady[np.asarray(alone, dtype=bool)]
    return found
