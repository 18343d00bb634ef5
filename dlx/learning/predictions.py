"""Predictions as `predictions.csv` holds them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ..data.samples import Rows
from ..data.targets import EncodedTarget
from ..losses import activate
from ..problem import PROBLEMS
from ..runs.files import safe_cell, write_text


def write_predictions(
    file: Path,
    rows: Rows,
    targets: Mapping[str, EncodedTarget],
    problems: Mapping[str, str],
    logits: Mapping[str, Tensor],
) -> None:
    """Writes `predictions.csv`: the row's number, then truth and prediction of each target.

    With classes the probability of the predicted one (of the second, where there are two); with
    several labels that of every class, in the order of the classes.
    """
    columns: dict[str, list[Any]] = {"row": rows.tolist()}
    for name, target in targets.items():
        prefix = f"{name}:" if len(targets) > 1 else ""
        predicted = activate(problems[name], logits[name]).cpu().numpy()
        for label, values in _columns(
            problems[name], target, target.values[rows], predicted
        ).items():
            columns[prefix + label] = values
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    write_text(file, stream.getvalue())


def _columns(
    problem: str, target: EncodedTarget, true: np.ndarray[Any, Any], predicted: np.ndarray[Any, Any]
) -> dict[str, list[Any]]:
    names = [safe_cell(name) for name in target.classes]
    if problem == "multilabel":
        return {
            "true": _labels(true > 0.5, names),
            "predicted": _labels(predicted > 0.5, names),
            "probabilities": ["|".join(f"{p:.6g}" for p in row) for row in predicted.tolist()],
        }
    if not PROBLEMS[problem].classes:
        return {"true": _numbers(true), "predicted": _numbers(predicted)}
    if problem == "binary":
        chosen, probability = (predicted > 0.5).astype(int), predicted
    else:
        chosen, probability = predicted.argmax(axis=1), predicted.max(axis=1)
    return {
        "true": [names[int(i)] for i in true],
        "predicted": [names[int(i)] for i in chosen],
        "probability": [f"{p:.6g}" for p in probability.tolist()],
    }


def _labels(marked: np.ndarray[Any, Any], names: Sequence[str]) -> list[str]:
    return ["|".join(names[int(i)] for i in np.flatnonzero(row)) for row in marked]


def _numbers(values: np.ndarray[Any, Any]) -> list[str]:
    if values.ndim == 1:
        return [f"{v:.7g}" for v in values.tolist()]
    return ["|".join(f"{v:.7g}" for v in row) for row in values.tolist()]
