"""Metrics of distance between numbers. In unit regression the sigmoid of a logit predicts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from ..data.targets import find_median
from ..losses import pinball
from ..problem import PROBLEMS
from .base import Metric, Sums, mean_of_defined, widest_dtype


def _predictions(metric: Metric, logits: Tensor) -> Tensor:
    """What the logits predict. A sigmoid in single precision would depend on the batch's size."""
    logits = logits.detach()
    if metric.quantiles:
        place = find_median(metric.quantiles)
        return logits.sort(dim=1).values[:, place : place + 1]
    if PROBLEMS[metric.problem].activation in ("sigmoid", "exp"):
        logits = logits.to(widest_dtype(logits))
        return logits.sigmoid() if PROBLEMS[metric.problem].bounded else logits.exp()
    return logits


class _Difference(Sums):
    """A function of the mean of each error, over samples and outputs."""

    def update(self, logits: Tensor, target: Tensor) -> None:
        """Takes in a batch without waiting for its device; no gradient is kept."""
        predicted = _predictions(self, logits).view_as(target)
        self._add(self._errors(predicted - target).sum(dtype=widest_dtype(target)), target.numel())

    _errors: Callable[[Tensor], Tensor]
    """What is averaged of the differences."""

    def compute(self) -> float:
        """The mean; nan before the first batch."""
        return math.nan if self.sums is None else float(self.sums) / self.count


class MAE(_Difference):
    """Mean absolute error."""

    _errors = staticmethod(torch.abs)


class MSE(_Difference):
    """Mean squared error."""

    _errors = staticmethod(torch.square)


class RMSE(MSE):
    """Root of the mean squared error."""

    def compute(self) -> float:
        """The root of the mean; nan before the first batch."""
        return math.sqrt(super().compute())


class R2(Sums):
    """1 - squared errors / squared distances of the targets from their mean; 1 is perfect.

    Of several outputs the mean is taken, leaving out those whose targets are all equal: their
    score is not defined.
    """

    first: Tensor | None

    def reset(self) -> None:
        """Forgets every batch."""
        super().reset()
        self.first = None

    def update(self, logits: Tensor, target: Tensor) -> None:
        """Takes in a batch without waiting for its device; no gradient is kept."""
        predicted = _predictions(self, logits)
        truth = target.view_as(predicted).to(widest_dtype(target))
        if self.first is None:
            self.first = truth[0].clone()
        # sums of squares lose digits far from zero: count from the first target instead
        moved = truth - self.first
        errors = predicted - truth
        parts = [moved.sum(dim=0), moved.square().sum(dim=0), errors.square().sum(dim=0)]
        self._add(torch.stack(parts), target.shape[0])

    def compute(self) -> float:
        """The score; nan before the second sample, or if every output's targets are equal."""
        if self.sums is None:
            return math.nan
        return mean_of_defined(self._score(*column) for column in self.sums.t().tolist())

    def _score(self, moved: float, squares: float, errors: float) -> float:
        spread = squares - moved**2 / self.count
        return 1 - errors / spread if spread > 0 else math.nan

    def state_dict(self) -> dict[str, Tensor]:
        """What was taken in, to go on from in the middle of an epoch; empty after `reset`."""
        first = {} if self.first is None else {"first": self.first}
        return {**super().state_dict(), **first}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Puts back what `state_dict` gave."""
        super().load_state_dict(state)
        self.first = state.get("first")


class Pinball(Sums):
    """Mean over rows and quantiles of q e where an answer is e too low, (1 - q) e too high."""

    def update(self, logits: Tensor, target: Tensor) -> None:
        """Takes in a batch without waiting for its device; no gradient is kept."""
        answers = logits.detach().sort(dim=1).values
        each = pinball(answers, target, self.quantiles)
        self._add(each.sum(dtype=widest_dtype(each)), each.numel())

    def compute(self) -> float:
        """The mean; nan before the first batch."""
        return math.nan if self.sums is None else float(self.sums) / self.count
