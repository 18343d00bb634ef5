"""How far a score could move with other rows of the same kind: by Wilson (1927) or Efron (1979)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..metrics import AveragePrecision, Metric, RocAuc
from ..metrics.ranking import marked
from ..seeds import derive
from .intervals import LEVEL, Interval, unseen, wilson

DRAWS = 300
SWAPS = 20
"""Ways of giving rows another row's answer, whose mean score is taken."""

Values = npt.NDArray[np.float64]


def interval_of(metric: Metric, logits: Tensor, targets: Tensor) -> Interval | None:
    """The 95 % interval of a score for other rows of the same kind.

    Where a row is simply right or wrong, Wilson's; else the middle of the bootstrap. Where no
    draw differs, as when every answer is perfect, the score goes as far as it would if as many
    rows as none of so many may show were given another row's answer.

    Args:
        metric: what is measured; it is reset.
        logits: of the rows, (rows, outputs).
        targets: of the rows.

    Returns:
        Lower and upper bound, or None where the score has no value for some draw, or nothing can
        be told: of a single row, or of answers that are all the same.
    """
    right = metric.right(logits, targets)
    if right is not None:
        return wilson(int(right.sum()), len(right))
    found = replicates(metric, lambda _: logits, targets)
    if np.isfinite(found).all() and np.ptp(found) == 0:
        return _unseen_errors(metric, logits, targets, float(found[0]))
    return middle(found)


def _unseen_errors(
    metric: Metric, logits: Tensor, targets: Tensor, value: float
) -> Interval | None:
    """From a score that no row moves to what it would be, had some rows another row's answer."""
    rows = len(targets)
    many, worse = math.ceil(rows * unseen(rows)), []
    for draw in range(SWAPS):
        source = torch.Generator().manual_seed(derive(0, "unseen", draw))
        other = torch.randperm(rows, generator=source).to(targets.device)
        differs = (targets != targets[other]).reshape(rows, -1).any(dim=1)
        chosen = differs.nonzero()[:many, 0]
        swapped = logits.clone()
        swapped[chosen] = logits[other[chosen]]
        metric.reset()
        metric.update(swapped, targets)
        worse.append(metric.compute())
    far = sum(worse) / len(worse)
    return (min(value, far), max(value, far)) if math.isfinite(far) and far != value else None


def middle(values: Values) -> Interval | None:
    """The middle 95 % of some values; None where one is no number, or all are the same."""
    if not np.isfinite(values).all():
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return (float(low), float(high)) if low < high else None


def replicates(
    metric: Metric, logits: Callable[[int], Tensor], targets: Tensor, draws: int = DRAWS
) -> Values:
    """A score on rows drawn with replacement; the same draws whatever is measured.

    So the values of two answers to the same rows, subtracted, are the differences of a paired
    bootstrap.

    Args:
        metric: what is measured; it is reset.
        logits: of the rows for a draw, (rows, outputs).
        targets: of the rows.
        draws: how many samples of rows are drawn.

    Returns:
        One score a draw, (draws,); nan where it has none.
    """
    if isinstance(metric, (RocAuc, AveragePrecision)):
        return _ranked(metric, logits(0), targets, draws)
    values = []
    for draw, chosen in enumerate(_drawn_rows(len(targets), draws)):
        rows = chosen.to(targets.device)
        metric.reset()
        metric.update(logits(draw).index_select(0, rows), targets.index_select(0, rows))
        values.append(metric.compute())
    return np.array(values)


def _drawn_rows(rows: int, draws: int) -> Iterator[Tensor]:
    for draw in range(draws):
        source = torch.Generator().manual_seed(derive(0, "bootstrap", draw))
        yield torch.randint(rows, (rows,), generator=source)


def _ranked(
    metric: RocAuc | AveragePrecision, logits: Tensor, targets: Tensor, draws: int
) -> Values:
    """The same for a score of order, where the rows are sorted once and then counted.

    A class or label has no score in a draw without a positive (or, for ROC-AUC, a negative) row;
    the mean is over those that have one, as in the metric.
    """
    scores, truth = logits.detach().cpu().double(), targets.cpu()
    if not scores.isfinite().all():
        return np.full(draws, np.nan)
    labels, ranks = marked(metric, truth, scores)
    measure = _auc if isinstance(metric, RocAuc) else _average_precision
    rows = len(targets)
    values = np.empty(draws)
    drawn = _drawn_rows(rows, draws)
    for start in range(0, draws, _BLOCK):
        block = list(islice(drawn, _BLOCK))
        counts = np.stack([np.bincount(chosen, minlength=rows) for chosen in block])
        each = np.stack(
            [
                measure(*_by_score(counts, label, score))
                for label, score in zip(labels.T, ranks.T, strict=True)
            ]
        )
        defined = np.isfinite(each)
        sums = np.where(defined, each, 0.0).sum(axis=0)
        with np.errstate(invalid="ignore"):
            values[start : start + len(block)] = sums / defined.sum(axis=0)
    return values


_BLOCK = 50
"""Draws that are counted together: 50 of 25,000 rows are 10 MB."""


def _by_score(
    counts: npt.NDArray[np.int64], label: npt.NDArray[np.bool_], score: Values
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


def _auc(positive: Values, negative: Values) -> Values:
    """The share of pairs in which the positive is ranked higher, ties counted half."""
    lower = negative[:, ::-1].cumsum(axis=1)[:, ::-1] - negative / 2
    with np.errstate(invalid="ignore"):
        pairs = positive.sum(axis=1) * negative.sum(axis=1)
        return np.asarray((positive * lower).sum(axis=1) / pairs)


def _average_precision(positive: Values, negative: Values) -> Values:
    """The mean over the positives of the precision at their score."""
    found = positive.cumsum(axis=1)
    with np.errstate(invalid="ignore"):
        precision = np.nan_to_num(found / (found + negative.cumsum(axis=1)))
        return np.asarray((positive * precision).sum(axis=1) / positive.sum(axis=1))
