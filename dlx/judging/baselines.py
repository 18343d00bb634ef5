"""What a model must beat: simple answers, learnt from training targets, on the same rows.

A baseline goes through the same metric as the model (Chollet 2017, 4.5.5).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..losses import activate
from ..metrics import Metric
from ..metrics.base import Places, Values
from ..problem import PROBLEMS
from ..seeds import derive
from .bootstrap import Draws
from .evaluation import Estimate, Kind
from .intervals import unseen
from .links import LEAST

GUESSES = 20
"""Draws whose mean score a random answer has: its own luck shall not decide."""

SWAPS = 20
"""Ways of giving rows another row's answer, whose mean score is taken."""

_SURE = 20.0
"""A logit whose probability is 1 in float32."""


@dataclass(frozen=True)
class Answer(Estimate):
    """An answer to each of some rows, and the metric that it is measured by.

    Attributes:
        name: as in "majority".
        kind: the model's own, constant (or drawn at random), a naive forecast, a classical model.
        metric: what is measured; it is reset each time.
        truth: targets of the rows.
        draws: logits (rows, outputs); several where the answer is drawn at random, whose score is
            the mean over them.
        known: the score, where it was measured batch by batch already.
    """

    name: str
    kind: Kind
    metric: Metric
    truth: Tensor
    draws: Sequence[Tensor]
    known: float | None = None

    @property
    def units(self) -> int:
        """How many rows there are."""
        return len(self.truth)

    def value(self, units: Places | None = None) -> float:
        """The score, of all or of some rows; nan where it is not defined."""
        if units is None and self.known is not None:
            return self.known
        rows = slice(None) if units is None else torch.from_numpy(units).to(self.truth.device)
        found = [self.metric.of(one[rows], self.truth[rows]) for one in self.draws]
        return sum(found) / len(found)

    def bootstrap(self, drawn: Draws) -> Values:
        """The score of each draw of rows, (draws,); nan where it has none."""
        return self.metric.resample(self.draws, self.truth, drawn)

    def right(self) -> Any:
        """Which rows are right, (draws, rows), where the score is their share; else None."""
        found = [self.metric.right(one, self.truth) for one in self.draws]
        known = [one.cpu().numpy() for one in found if one is not None]
        return np.stack(known) if known else None

    def by_unit(self) -> Values:
        """How far each row's answer lies from the truth; of a class, what it lacks to 1."""
        logits, truth = self.draws[0].detach(), self.truth
        found = activate(self.metric.problem, logits).double()
        if self.metric.problem == "multiclass":
            off = 1 - found.gather(1, truth[:, None])
        else:
            off = (found.reshape(len(truth), -1) - truth.reshape(len(truth), -1)).abs()
        each: Values = off.mean(dim=1).cpu().numpy()
        return each

    def flawed_value(self) -> float:
        """The score if as many rows as none of so many may show had another row's answer."""
        many, worse = math.ceil(self.units * unseen(self.units)), []
        logits, truth = self.draws[0], self.truth
        for draw in range(SWAPS):
            source = torch.Generator().manual_seed(derive(0, "unseen", draw))
            other = torch.randperm(self.units, generator=source).to(truth.device)
            differs = (truth != truth[other]).reshape(self.units, -1).any(dim=1)
            chosen = differs.nonzero()[:many, 0]
            swapped = logits.clone()
            swapped[chosen] = logits[other[chosen]]
            worse.append(self.metric.of(swapped, truth))
        return sum(worse) / len(worse)


@dataclass(frozen=True)
class _Guesses(Sequence[Tensor]):
    """Answers drawn at random: the rows' own labels in another order, or any class alike.

    Their expected accuracies are the sum of the squared shares of the classes, and 1 / classes.
    Each is drawn where it is asked for, as all at once may fill the memory.
    """

    targets: Tensor
    outputs: int
    shuffled: bool

    def __len__(self) -> int:
        return GUESSES

    def __getitem__(self, draw: Any) -> Any:
        if draw >= GUESSES:
            raise IndexError(draw)
        targets, source = self.targets, torch.Generator().manual_seed(derive(0, "guess", draw))
        logits = torch.rand(len(targets), self.outputs, generator=source)
        if self.shuffled:
            order = torch.randperm(len(targets), generator=source)
            chosen = targets.cpu().index_select(0, order)
            logits[torch.arange(len(targets)), chosen] += 1.0
        return logits.to(targets.device)


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
    posed = metric.problem, metric.outputs
    for name, row in constant_logits(*posed, train_targets, metric.quantiles):
        yield Answer(name, "constant", metric, targets, (row.expand(shape),))
    if metric.problem == "multiclass" and not metric.ranks:
        for name in ("shuffled", "uniform"):
            guesses = _Guesses(targets, metric.outputs, shuffled=name == "shuffled")
            yield Answer(name, "constant", metric, targets, guesses)
    for name, values in (naive or {}).items():
        forecast = values.to(targets.device).float().reshape(len(targets), -1).expand(shape)
        forecast = _to_outputs(metric.problem, forecast)
        yield Answer(name, "naive", metric, targets, (forecast,))


def constant_logits(
    problem: str, outputs: int, targets: Tensor, quantiles: tuple[float, ...] = ()
) -> Iterator[tuple[str, Tensor]]:
    """The constant answers to a problem, as logits of one row, by name.

    Args:
        problem: type of the problem.
        outputs: numbers that a model gives.
        targets: training targets, from which the constants are learnt.
        quantiles: those of a number that the outputs are.
    """
    if problem == "binary":
        share = targets.float().mean()
        yield "majority", _logit(share).reshape(1)
    elif problem == "multiclass":
        counts = torch.bincount(targets, minlength=outputs).float()
        yield "majority", (counts / counts.sum()).clamp(min=1e-9).log()
    elif problem == "multilabel":
        yield "prevalence", _logit(targets.float().mean(dim=0))
    elif quantiles:
        levels = torch.tensor(quantiles, device=targets.device)
        yield "quantiles", torch.quantile(targets.float(), levels)
    else:
        columns = targets.float().reshape(len(targets), -1)
        for name, value in (("median", _median(columns)), ("mean", columns.mean(0))):
            yield name, _to_outputs(problem, value)


def _median(columns: Tensor) -> Tensor:
    """The middle of each column, (columns,); of an even count the mean of the middle two."""
    ordered = columns.sort(dim=0).values
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _to_outputs(problem: str, numbers: Tensor) -> Tensor:
    """The outputs that stand for some numbers."""
    if PROBLEMS[problem].activation == "exp":
        return numbers.clamp(min=LEAST).log()
    return _logit(numbers) if PROBLEMS[problem].bounded else numbers


def _logit(probability: Tensor) -> Tensor:
    return torch.logit(probability).clamp(-_SURE, _SURE)
