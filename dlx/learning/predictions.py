"""What a model answered, row by row: `predictions.csv`, and its worst errors beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from ..data.samples import Rows, Samples
from ..data.targets import EncodedTarget
from ..losses import activate
from ..problem import PROBLEMS
from ..runs.artifacts import ERRORS, PREDICTIONS, Artifacts
from .worst import worst_errors


def leave_answers(
    into: Artifacts,
    samples: Samples,
    rows: Rows,
    targets: Mapping[str, EncodedTarget],
    problems: Mapping[str, str],
    logits: Mapping[str, Tensor],
) -> None:
    """Keeps the predictions of some rows as a table, and the worst of them as cards.

    Args:
        into: where to.
        samples: the dataset.
        rows: the rows that were predicted, in order.
        targets: encoded targets by name.
        problems: problem type of each.
        logits: of the rows, (rows, outputs) by target.

    Raises:
        RunError: they cannot be written.
    """
    answers = predictions(rows, targets, problems, logits)
    into.table(PREDICTIONS.name, answers, title=PREDICTIONS.title)
    worst = worst_errors(samples, rows, targets, problems, logits)
    into.cards(ERRORS.name, worst, title=ERRORS.title, caption=ERRORS.caption)


def predictions(
    rows: Rows,
    targets: Mapping[str, EncodedTarget],
    problems: Mapping[str, str],
    logits: Mapping[str, Tensor],
) -> dict[str, Sequence[Any]]:
    """Columns: the row's number, then truth and prediction of each target.

    With classes the probability of the predicted one (of the second, where there are two); with
    several labels that of every class, in the order of the classes.
    """
    columns: dict[str, Sequence[Any]] = {"row": rows.tolist()}
    for name, target in targets.items():
        prefix = f"{name}:" if len(targets) > 1 else ""
        predicted = activate(problems[name], logits[name]).cpu().numpy()
        found = _columns(problems[name], target, target.values[rows], predicted)
        columns |= {prefix + label: values for label, values in found.items()}
    return columns


def _columns(
    problem: str, target: EncodedTarget, true: np.ndarray[Any, Any], predicted: np.ndarray[Any, Any]
) -> dict[str, Sequence[Any]]:
    names = target.classes
    if problem == "multilabel":
        marked = (
            [[names[i] for i in np.flatnonzero(row)] for row in on > 0.5]
            for on in (true, predicted)
        )
        probabilities = [[f"{p:.6g}" for p in row] for row in predicted.tolist()]
        return dict(
            zip(("true", "predicted", "probabilities"), (*marked, probabilities), strict=True)
        )
    if not PROBLEMS[problem].classes:
        return {"true": true.tolist(), "predicted": predicted.tolist()}
    if problem == "binary":
        chosen, probability = (predicted > 0.5).astype(int), predicted
    else:
        chosen, probability = predicted.argmax(axis=1), predicted.max(axis=1)
    return {
        "true": [names[int(i)] for i in true],
        "predicted": [names[int(i)] for i in chosen],
        "probability": [f"{p:.6g}" for p in probability.tolist()],
    }
