"""Which features of multi-hot rows speak for each class, as a linear model has learnt it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from torch import nn

from ..data.columns import Rows, Sparse
from ..data.targets import TargetCodec
from ..models.network import Network
from ..problem import PROBLEMS
from ..runs.artifacts import Artifacts
from ..sources.fold import FoldData

SHOWN = 20
"""Features of each class."""
CAPTION = (
    "Of each class the features that speak for it and tell training rows apart the most. Adds: "
    "what a row that has the feature adds to the logit of the class on average; where one of "
    "several classes is right, less the mean of all."
)

Floats = npt.NDArray[np.float64]
COLUMNS = ("speaks for", "feature", "adds", "rows")
Cells = tuple[str, str, float, int]


def leave_heaviest(into: Artifacts, model: nn.Module, fold: FoldData) -> None:
    """Keeps a table of features, if the model is linear in multi-hot rows with names.

    Args:
        into: where to.
        model: whatever was trained.
        fold: what it was trained on.

    Raises:
        RunError: it cannot be written.
    """
    (column, *more) = fold.columns.values()
    if not isinstance(model, Network) or list(model.layers.parameters()):
        return
    if more or not isinstance(column, Sparse) or not column.words:
        return
    found = list(_heaviest(column.take(fold.rows.train), model, fold))
    if found:
        table = dict(zip(COLUMNS, zip(*found, strict=True), strict=True))
        into.table("features", table, title="Features that speak for a class", caption=CAPTION)


def _heaviest(column: Sparse, model: Network, fold: FoldData) -> Iterator[Cells]:
    """A row of the table for each class's heaviest features, the heaviest first."""
    means, rows = _occurrences(column)
    spread = np.sqrt(rows * (len(column) - rows))  # as the standard deviation over all rows
    for (name, target), head in zip(fold.targets.items(), model.heads.values(), strict=True):
        if not PROBLEMS[target.codec.problem].classes:
            continue
        weight = head.get_parameter("weight").detach().cpu().double().numpy()
        prefix = f"{name}: " if len(fold.targets) > 1 else ""
        for label, effects in _effects(weight * means[:, None], target.codec).items():
            order = np.argsort(-effects * spread, kind="stable")[:SHOWN]
            for place in order[effects[order] > 0].tolist():
                yield prefix + label, column.name(place), float(effects[place]), int(rows[place])


def _occurrences(column: Sparse) -> tuple[Floats, Rows]:
    """The mean weight of each position where a row has it, and how many rows do."""
    rows = np.bincount(column.indices, minlength=column.size)
    sums = np.bincount(column.indices, column.weights, column.size)
    return sums / np.maximum(rows, 1), rows


def _effects(logits: Floats, codec: TargetCodec) -> dict[str, Floats]:
    """What each feature adds to the logit of each class."""
    if codec.problem == "binary":
        logits = np.hstack([-logits, logits])
    elif codec.problem == "multiclass":
        logits = logits - logits.mean(axis=1, keepdims=True)
    return dict(zip(codec.classes, logits.T, strict=True))
