"""Metrics of order: they need all scores at once, and are scikit-learn's at the epoch's end."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .base import Metric, Places, Values, mean_of_defined

Column = npt.NDArray[Any]

_BLOCK = 50
"""Draws that are counted together: 50 of 25,000 rows are 10 MB."""


class _Ranking(Metric):
    """A score of each class or label against the rest, and their mean where it is defined.

    Logits are ranked rather than probabilities, which reach 0 and 1 and tie there; the classes of
    a sample compete, so that multiclass scores are softmax shares, in double precision.
    """

    ranks: ClassVar[bool] = True
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
        pairs = self._mark_positive(torch.cat(self.logits), torch.cat(self.targets))
        return mean_of_defined(self._score(label, score) for label, score in pairs)

    def resample(
        self, answers: Sequence[Tensor], target: Tensor, drawn: Iterable[Places]
    ) -> Values:
        """The score of each of several draws of rows, which are sorted once and then counted.

        A class or label has no score in a draw without a positive (or, for ROC-AUC, a negative)
        row; the mean is over those that have one.
        """
        pairs, values = self._mark_positive(answers[0], target), [np.zeros(0)]
        if not pairs:
            return np.array([math.nan for _ in drawn])
        left = iter(drawn)
        while block := list(islice(left, _BLOCK)):
            counts = np.stack([np.bincount(places, minlength=len(target)) for places in block])
            each = np.stack([self._count(*_count_by_score(counts, *pair)) for pair in pairs])
            defined = np.isfinite(each)
            with np.errstate(invalid="ignore"):
                values.append(np.where(defined, each, 0.0).sum(axis=0) / defined.sum(axis=0))
        return np.concatenate(values)

    def _mark_positive(self, logits: Tensor, target: Tensor) -> list[tuple[Column, Column]]:
        """Of each class which rows are positive, and scores that rise with how surely they are.

        There are none where a logit is no number.
        """
        scores, truth = logits.detach().cpu().double(), target.cpu()
        if not scores.isfinite().all():
            return []
        if self.problem == "multiclass":
            scores = scores.softmax(dim=1)
            truth = truth[:, None] == torch.arange(self.outputs)
        labels, ranks = (truth.view_as(scores) > 0).numpy(), scores.numpy()
        if self.problem == "binary" and not self.positive:
            labels, ranks = ~labels, -ranks
        return list(zip(labels.T, ranks.T, strict=True))

    @staticmethod
    @abstractmethod
    def _score(label: Column, score: Column) -> float:
        """The score of one class against the rest; nan where it is not defined."""

    @staticmethod
    @abstractmethod
    def _count(positive: Values, negative: Values) -> Values:
        """The same of each draw, from its rows at each distinct score, highest first."""

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

    @staticmethod
    def _count(positive: Values, negative: Values) -> Values:
        """The share of pairs in which the positive is ranked higher, ties counted half."""
        lower = negative[:, ::-1].cumsum(axis=1)[:, ::-1] - negative / 2
        with np.errstate(invalid="ignore"):
            pairs = positive.sum(axis=1) * negative.sum(axis=1)
            return np.asarray((positive * lower).sum(axis=1) / pairs)


class AveragePrecision(_Ranking):
    """Area under the precision-recall curve, as a sum of steps."""

    @staticmethod
    def _score(label: Column, score: Column) -> float:
        if not label.any():
            return math.nan
        from sklearn.metrics import average_precision_score  # two seconds of import, as above

        return float(average_precision_score(label, score))

    @staticmethod
    def _count(positive: Values, negative: Values) -> Values:
        """The mean over the positives of the precision at their score."""
        found = positive.cumsum(axis=1)
        with np.errstate(invalid="ignore"):
            precision = np.nan_to_num(found / (found + negative.cumsum(axis=1)))
            return np.asarray((positive * precision).sum(axis=1) / positive.sum(axis=1))


def _count_by_score(
    counts: npt.NDArray[np.int64], label: Column, score: Column
) -> tuple[Values, Values]:
    """How many positive and negative rows each draw has at each distinct score, highest first.

    Args:
        counts: how often each row was drawn, (draws, rows).
        label: whether a row is positive, (rows,).
        score: of each row, (rows,).
    """
    order = np.argsort(-score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=np.inf))
    drawn, positive = counts[:, order].astype(np.float64), label[order]
    hits = np.add.reduceat(drawn * positive, starts, axis=1)
    return hits, np.add.reduceat(drawn, starts, axis=1) - hits
