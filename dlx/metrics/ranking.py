"""Metrics of order: they need all scores at once, and are scikit-learn's at the epoch's end."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor

from .base import Metric, mean_of_defined

Column = npt.NDArray[Any]


class _Ranking(Metric):
    """A score of each class or label against the rest, and their mean where it is defined.

    Logits are ranked rather than probabilities, which reach 0 and 1 and tie there; the classes of
    a sample compete, so that multiclass scores are softmax shares, in double precision.
    """

    logits: list[Tensor]
    targets: list[Tensor]

    def reset(self) -> None:
        """Forgets every batch."""
        self.logits = []
        self.targets = []

    def update(self, logits: Tensor, target: Tensor) -> None:
        """Keeps a batch on its device; the tensors must not be written to afterwards."""
        self.logits.append(logits.detach())
        self.targets.append(target)

    def compute(self) -> float:
        """The mean over the classes or labels with a score; nan if none has, or a logit is nan."""
        if not self.logits:
            return math.nan
        scores = torch.cat(self.logits).cpu().double()
        truth = torch.cat(self.targets).cpu()
        if not scores.isfinite().all():
            return math.nan
        labels, ranks = marked(self, truth, scores)
        pairs = zip(labels.T, ranks.T, strict=True)
        return mean_of_defined(self._score(label, score) for label, score in pairs)

    @staticmethod
    @abstractmethod
    def _score(label: Column, score: Column) -> float:
        """The score of one class against the rest; nan where it is not defined."""

    def state_dict(self) -> dict[str, Tensor]:
        """What was taken in, to go on from in the middle of an epoch; empty after `reset`."""
        if not self.logits:
            return {}
        return {"logits": torch.cat(self.logits), "targets": torch.cat(self.targets)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Puts back what `state_dict` gave."""
        self.logits = [state["logits"]] if state else []
        self.targets = [state["targets"]] if state else []


class RocAuc(_Ranking):
    """Area under the ROC curve: how likely a positive is ranked above a negative."""

    @staticmethod
    def _score(label: Column, score: Column) -> float:
        if label.all() or not label.any():
            return math.nan
        from sklearn.metrics import roc_auc_score  # two seconds of import, for the end of an epoch

        return float(roc_auc_score(label, score))


class AveragePrecision(_Ranking):
    """Area under the precision-recall curve, as a sum of steps."""

    @staticmethod
    def _score(label: Column, score: Column) -> float:
        if not label.any():
            return math.nan
        from sklearn.metrics import average_precision_score  # two seconds of import, as above

        return float(average_precision_score(label, score))


def marked(metric: Metric, truth: Tensor, scores: Tensor) -> tuple[Column, Column]:
    """Which rows are positive, and scores that rise with how surely they are: (rows, classes)."""
    if metric.problem == "multiclass":
        scores = scores.softmax(dim=1)
        truth = truth[:, None] == torch.arange(metric.outputs)
    labels = (truth.view_as(scores) > 0).numpy()
    if metric.problem == "binary" and not metric.positive:
        return ~labels, -scores.numpy()
    return labels, scores.numpy()
