"""Metrics of decisions: the class with the largest logit, or every label whose logit is above 0."""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import Tensor

from ..config.specs import metrics as specs
from ..errors import Problem, UsageError
from .base import Sums, mean_of_defined


class Accuracy(Sums):
    """Share of right decisions; with several labels a sample, each label counts."""

    def update(self, logits: Tensor, target: Tensor) -> None:
        """Takes in a batch without waiting for its device; no gradient is kept."""
        self._add(torch.count_nonzero(self._decisions(logits, target)), target.numel())

    def right(self, logits: Tensor, target: Tensor) -> Tensor | None:
        """Which rows are right, (rows,); None where several labels of a row count."""
        return None if self.problem == "multilabel" else self._decisions(logits, target)

    def _decisions(self, logits: Tensor, target: Tensor) -> Tensor:
        if self.problem == "multiclass":
            return logits.detach().argmax(dim=1) == target
        return (logits.detach().view_as(target) > 0) == target

    def compute(self) -> float:
        """The share of right decisions; nan before the first batch."""
        return math.nan if self.sums is None else int(self.sums) / self.count


class TopKAccuracy(Accuracy):
    """Share of samples whose class is among those with the k largest logits."""

    def __init__(self, options: specs.TopKAccuracy, problem: str, outputs: int) -> None:
        """Makes a metric that has seen nothing.

        Raises:
            UsageError: k guesses cover all classes, so that every sample would be right.
        """
        if options.k >= outputs:
            what = f"k is {options.k}, and there are {outputs} classes: any model would be correct"
            accepted = f"a whole number from 1 to {outputs - 1}"
            hint = "use a smaller k, or the metric accuracy"
            raise UsageError(Problem(what, "metrics.top_k_accuracy.k", accepted, hint))
        super().__init__(options, problem, outputs)
        self.k = options.k

    def _decisions(self, logits: Tensor, target: Tensor) -> Tensor:
        guesses = logits.detach().topk(self.k, dim=1).indices
        return (guesses == target[:, None]).any(dim=1)


class _PerClass(Sums):
    """A score of each class or label, from how often it was hit, predicted and there.

    Of two classes it is that of the positive one. Of more, and of labels, the macro average is
    taken over those that were predicted or there at least once; among these, a share of nothing
    is 0, as in scikit-learn (`labels=` those that occur, `zero_division=0`). Micro adds the counts
    of all classes first.
    """

    def __init__(self, options: specs.Precision, problem: str, outputs: int) -> None:
        super().__init__(options, problem, outputs)
        self.average = options.average

    def update(self, logits: Tensor, target: Tensor) -> None:
        """Takes in a batch without waiting for its device; no gradient is kept."""
        logits = logits.detach()
        if self.problem == "multiclass":
            classes = torch.arange(self.outputs, device=logits.device)
            predicted = logits.argmax(dim=1, keepdim=True) == classes
            there = target[:, None] == classes
        else:
            predicted = logits > 0
            there = target.view_as(logits) > 0
            if self.problem == "binary" and not self.positive:
                predicted, there = ~predicted, ~there
        counts = torch.stack([predicted & there, predicted, there]).sum(dim=1)
        self._add(counts, target.shape[0])

    def compute(self) -> float:
        """The average over classes or labels; nan if none was predicted or there."""
        if self.sums is None:
            return math.nan
        counts = self.sums.sum(dim=1, keepdim=True) if self.average == "micro" else self.sums
        return mean_of_defined(
            self._score(*column) if any(column) else math.nan for column in counts.t().tolist()
        )

    @staticmethod
    @abstractmethod
    def _score(hit: int, predicted: int, there: int) -> float:
        """The score of one class that was predicted or there."""


class Precision(_PerClass):
    """Share of the predicted positives that are right."""

    @staticmethod
    def _score(hit: int, predicted: int, there: int) -> float:  # noqa: ARG004 - one interface
        return hit / predicted if predicted else 0.0


class Recall(_PerClass):
    """Share of the true positives that are found."""

    @staticmethod
    def _score(hit: int, predicted: int, there: int) -> float:  # noqa: ARG004 - one interface
        return hit / there if there else 0.0


class F1(_PerClass):
    """Harmonic mean of precision and recall, 2 hits / (predicted + there)."""

    @staticmethod
    def _score(hit: int, predicted: int, there: int) -> float:
        return 2 * hit / (predicted + there)
