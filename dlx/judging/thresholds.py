"""From which probability on a row is of the second class, or has a label: chosen, not 0.5."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Rule = Literal["best_f1", "best_balanced_accuracy"]
Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]

_EDGE = 1e-6
"""No threshold is nearer to 0 or 1: its logit is a number."""


def choose_thresholds(
    rule: Rule, probabilities: Array, truth: Array, positive: int = 1
) -> tuple[float, ...]:
    """The threshold of each label by which a score is best on some rows.

    It lies in the middle between two probabilities that occur. Of several that are as good the one
    nearest to 0.5 is taken, and 0.5 where no row, or each, has the label.

    Args:
        rule: the score.
        probabilities: of the second class (rows,), or of each label (rows, labels).
        truth: 1 where a row is of that class, or has the label; of the same shape.
        positive: the class that F1 is of, 0 or 1.
    """
    many = len(truth)
    columns = zip(probabilities.reshape(many, -1).T, truth.reshape(many, -1).T, strict=True)
    return tuple(
        _choose(rule, shares.astype(np.float64), one > 0.5, positive) for shares, one in columns
    )


def _choose(rule: Rule, shares: Floats, truth: npt.NDArray[np.bool_], positive: int) -> float:
    if truth.all() or not truth.any():
        return 0.5
    order = np.argsort(shares, kind="stable")
    known, first = np.unique(shares[order], return_index=True)
    middles = (known[1:] + known[:-1]) / 2
    cuts = np.concatenate([[known[0] / 2], middles, [(known[-1] + 1) / 2]])
    cuts = np.clip(cuts, _EDGE, 1 - _EDGE)
    below = np.concatenate([[0], np.cumsum(truth[order])])
    ends = np.append(first, len(truth))  # how many rows lie below each cut
    missed, yes, no = below[ends], int(truth.sum()), int((~truth).sum())
    scores = _SCORES[rule](yes - missed, ends - missed, yes, no, positive)
    best = np.flatnonzero(scores >= scores.max() - 1e-12)
    return float(cuts[best[np.abs(cuts[best] - 0.5).argmin()]])


def _f1(hits: Array, rejected: Array, yes: int, no: int, positive: int) -> Floats:
    """Of the positive class: 2 hits / (predicted + there)."""
    if positive:
        return np.asarray(2 * hits / (hits + (no - rejected) + yes))
    return np.asarray(2 * rejected / (rejected + (yes - hits) + no))


def _balanced(hits: Array, rejected: Array, yes: int, no: int, positive: int) -> Floats:  # noqa: ARG001
    """The mean share of both classes that is right."""
    return np.asarray((hits / yes + rejected / no) / 2)


_SCORES = {"best_f1": _f1, "best_balanced_accuracy": _balanced}
