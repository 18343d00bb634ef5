"""What a model must beat: simple answers, learnt from training targets, on the same rows.

A baseline goes through the same metric as the model (Chollet 2017, 4.5.5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..metrics import AveragePrecision, Metric, RocAuc
from ..problem import PROBLEMS
from ..seeds import derive

Kind = Literal["constant", "naive", "classical"]

GUESSES = 20
"""Draws whose mean score a random answer has: its own luck shall not decide."""

_SURE = 20.0
"""A logit whose probability is 1 in float32."""


@dataclass(frozen=True)
class Baseline:
    """The best of the simple answers under one metric."""

    name: str
    value: float


@dataclass(frozen=True)
class Answer:
    """A simple answer to each of some rows.

    Attributes:
        name: as in "majority".
        kind: constant (or drawn at random), a naive forecast, or a classical model.
        draws: logits (rows, outputs); several where the answer is drawn at random.
    """

    name: str
    kind: Kind
    draws: tuple[Tensor, ...]

    def logits(self, draw: int = 0) -> Tensor:
        """One of the answers; they come round again."""
        return self.draws[draw % len(self.draws)]

    def value(self, metric: Metric, targets: Tensor) -> float:
        """The score, the mean over the draws; nan where it has none. The metric is reset."""
        values = []
        for logits in self.draws:
            metric.reset()
            metric.update(logits, targets)
            values.append(metric.compute())
        return sum(values) / len(values)


def simple_answers(
    metric: Metric,
    train_targets: Tensor,
    targets: Tensor,
    naive: Mapping[str, Tensor] | None = None,
) -> Iterator[Answer]:
    """The answers that need no model, to each of some rows.

    A constant ranks all rows alike, so by definition its ROC-AUC is 0.5 and its average precision
    the share of positives; guesses have the same in expectation, and are left out there.

    Args:
        metric: its problem and outputs say what an answer is.
        train_targets: what the constants are learnt from.
        targets: of the rows.
        naive: forecasts of the rows by name, (rows,) or (rows, outputs).
    """
    shape = (len(targets), metric.outputs)
    for name, row in constant_logits(metric.problem, metric.outputs, train_targets):
        yield Answer(name, "constant", (row.expand(shape),))
    if metric.problem == "multiclass" and not isinstance(metric, (RocAuc, AveragePrecision)):
        yield Answer("shuffled", "constant", _guesses(targets, metric.outputs, shuffled=True))
        yield Answer("uniform", "constant", _guesses(targets, metric.outputs, shuffled=False))
    for name, values in (naive or {}).items():
        forecast = values.to(targets.device).float().reshape(shape)
        if PROBLEMS[metric.problem].bounded:
            forecast = _logit(forecast)
        yield Answer(name, "naive", (forecast,))


def _guesses(targets: Tensor, outputs: int, *, shuffled: bool) -> tuple[Tensor, ...]:
    """Answers drawn at random: the rows' own labels in another order, or any class alike.

    Their expected accuracies are the sum of the squared shares of the classes, and 1 / classes.
    """
    drawn = []
    for draw in range(GUESSES):
        source = torch.Generator().manual_seed(derive(0, "guess", draw))
        logits = torch.rand(len(targets), outputs, generator=source)
        if shuffled:
            order = torch.randperm(len(targets), generator=source)
            chosen = targets.cpu().index_select(0, order)
            logits[torch.arange(len(targets)), chosen] += 1.0
        drawn.append(logits.to(targets.device))
    return tuple(drawn)


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
            yield name, _logit(value) if PROBLEMS[problem].bounded else value


def _median(columns: Tensor) -> Tensor:
    """The middle of each column, (columns,); of an even count the mean of the middle two."""
    ordered = columns.sort(dim=0).values
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _logit(probability: Tensor) -> Tensor:
    return torch.logit(probability).clamp(-_SURE, _SURE)


def best_baseline(metric: Metric, answers: Sequence[Answer], targets: Tensor) -> Baseline | None:
    """The best of some answers under a metric.

    Args:
        metric: what is measured; it is reset.
        answers: to the rows.
        targets: of the rows.

    Returns:
        None where the metric has no value for any of them (ROC-AUC of one class).
    """
    scored = (Baseline(answer.name, answer.value(metric, targets)) for answer in answers)
    found = [one for one in scored if one.value == one.value]
    if not found:
        return None
    pick = max if metric.direction == "max" else min
    return pick(found, key=lambda one: one.value)
