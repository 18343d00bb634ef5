"""What a model must beat: constant answers, learnt from training targets, on the same rows.

The baseline goes through the same metric as the model (Chollet 2017, 4.5.5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .metrics import Metric

_SURE = 20.0
"""A logit whose probability is 1 in float32."""


@dataclass(frozen=True)
class Baseline:
    """The best of the simple answers under one metric."""

    name: str
    value: float


def constant_logits(problem: str, outputs: int, targets: Tensor) -> Iterator[tuple[str, Tensor]]:
    """The constant answers to a problem, as logits of one row, by name.

    Args:
        problem: type of the problem.
        outputs: numbers that a model gives.
        targets: training targets, from which the constants are learnt.
    """
    if problem == "binary":
        share = targets.float().mean()
        yield "majority", _logit(share).reshape(1)
    elif problem == "multiclass":
        counts = torch.bincount(targets, minlength=outputs).float()
        yield "majority", (counts / counts.sum()).clamp(min=1e-9).log()
    elif problem == "multilabel":
        yield "prevalence", _logit(targets.float().mean(dim=0))
    else:
        columns = targets.float().reshape(len(targets), -1)
        for name, value in (("median", _median(columns)), ("mean", columns.mean(0))):
            yield name, _logit(value) if problem == "unit_regression" else value


def _median(columns: Tensor) -> Tensor:
    """The middle of each column, (columns,); of an even count the mean of the middle two."""
    ordered = columns.sort(dim=0).values
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _logit(probability: Tensor) -> Tensor:
    return torch.logit(probability).clamp(-_SURE, _SURE)


def best_baseline(
    metric: Metric, problem: str, outputs: int, train_targets: Tensor, targets: Tensor
) -> Baseline | None:
    """The best constant answer under a metric on some rows.

    Args:
        metric: what is measured; it is reset.
        problem: type of the problem.
        outputs: numbers that a model gives.
        train_targets: what the constants are learnt from.
        targets: what they are measured against.

    Returns:
        None where the metric has no value for a constant (ROC-AUC of one class).
    """
    found: list[Baseline] = []
    for name, row in constant_logits(problem, outputs, train_targets):
        metric.reset()
        metric.update(row.expand(len(targets), outputs), targets)
        value = metric.compute()
        if value == value:
            found.append(Baseline(name, value))
    if not found:
        return None
    pick = max if metric.direction == "max" else min
    return pick(found, key=lambda b: b.value)
