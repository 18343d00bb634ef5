"""Predictions as `predictions.csv` holds them, and the worst of them as `errors.json` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..data.columns import Rows
from ..data.samples import Samples
from ..data.targets import Answers, EncodedTarget
from ..judging.blocks import order_in_time
from ..losses import activate
from ..prepare import Pipeline
from ..runs.artifacts import ERRORS, PREDICTIONS, Artifacts
from .worst import worst_errors


def leave_answers(
    into: Artifacts,
    samples: Samples,
    rows: Rows,
    targets: Mapping[str, EncodedTarget],
    pipeline: Pipeline,
    logits: Mapping[str, Tensor],
) -> None:
    """Keeps the predictions of some rows as a table, and the worst of them as cards.

    Rows in time stand in its order.

    Args:
        into: where to.
        samples: the dataset.
        rows: the rows that were predicted, in order.
        targets: encoded targets by name.
        pipeline: knows what the logits stand for.
        logits: of the rows, (rows, outputs) by target.

    Raises:
        RunError: they cannot be written.
    """
    found = order_in_time(samples, rows)
    if found is not None:  # so that whoever compares two runs knows which rows are neighbours
        rows, order = rows[found.order], torch.from_numpy(found.order)
        logits = {name: one[order.to(one.device)] for name, one in logits.items()}
    activated = {n: activate(targets[n].codec.problem, found) for n, found in logits.items()}
    answers = pipeline.decode({name: found.cpu().numpy() for name, found in activated.items()})
    into.table(PREDICTIONS.name, predictions(rows, targets, answers), title=PREDICTIONS.title)
    worst = worst_errors(samples, rows, targets, logits, answers)
    into.cards(ERRORS.name, worst, title=ERRORS.title, caption=ERRORS.caption)


def predictions(
    rows: Rows, targets: Mapping[str, EncodedTarget], answers: Mapping[str, Answers]
) -> dict[str, Sequence[Any]]:
    """Columns: the row's number, then truth and prediction of each target.

    With classes the probability of the predicted one (of the second, where there are two); with
    several labels that of every class, in the order of the classes.
    """
    columns: dict[str, Sequence[Any]] = {"row": rows.tolist()}
    for name, target in targets.items():
        prefix = f"{name}:" if len(targets) > 1 else ""
        found = _columns(target, rows, answers[name])
        columns |= {prefix + label: values for label, values in found.items()}
    return columns


def _columns(target: EncodedTarget, rows: Rows, answers: Answers) -> dict[str, Sequence[Any]]:
    told: dict[str, Sequence[Any]] = {
        "true": target.codec.name(target.values[rows]),
        "predicted": answers.names,
    }
    shares = answers.probabilities
    if answers.quantiles is not None:
        levels = zip(target.codec.quantiles, answers.quantiles.T.tolist(), strict=True)
        told |= {f"quantile {level:g}": values for level, values in levels}
    if shares is None:
        return told
    if target.codec.problem == "multilabel":
        each = [[f"{share:.6g}" for share in row] for row in shares.tolist()]
        return {**told, "probabilities": each}
    chosen = shares if shares.ndim == 1 else shares.max(axis=1)
    return {**told, "probability": [f"{share:.6g}" for share in chosen.tolist()]}
