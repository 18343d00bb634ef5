"""Arithmetic over folds: mean curves, the epoch they agree on, mean and spread of scores."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

SKIP, FACTOR = 10, 0.9
"""Epochs left out and weight of the past in a smoothed curve (book 3.6)."""

History = Sequence[Mapping[str, float]]
"""The scores of one training, an epoch each."""


def mean_curve(histories: Sequence[History]) -> list[dict[str, float]]:
    """The mean of each score over the folds, epoch by epoch, as far as all of them went."""
    epochs = min(map(len, histories))
    return [
        {name: statistics.fmean(h[e][name] for h in histories) for name in histories[0][e]}
        for e in range(epochs)
    ]


def best_epoch(curve: History, score: str, direction: str) -> int:
    """The epoch, from 1, at which a curve is best; the last one where it never is a number."""
    improvement, best = Improvement(direction), len(curve)
    for epoch, row in enumerate(curve, start=1):
        if improvement.update(row[score]):
            best = epoch
    return best


def summary(
    histories: Sequence[History], epoch: int, ends: Sequence[Mapping[str, float]]
) -> dict[str, dict[str, Any]]:
    """Mean and standard deviation (n - 1) of each validation score over the folds at one epoch.

    Args:
        histories: the epochs of each fold.
        epoch: which one, from 1.
        ends: the scores of each fold's kept weights, of which those are told that no epoch has.
    """
    found = {}
    for name in histories[0][epoch - 1]:
        if name.startswith("val/"):
            found[name] = _tell([history[epoch - 1][name] for history in histories])
    for name in ends[0]:
        if name not in found and all(name in end for end in ends):
            found[name] = {**_tell([end[name] for end in ends]), "kept": True}
    return found


def _tell(each: list[float]) -> dict[str, Any]:
    return {"mean": statistics.fmean(each), "std": spread(each), "each": each}


def spread(values: Sequence[float]) -> float | None:
    """The sample standard deviation; None for a single value, or where one is no number."""
    if len(values) < 2 or not all(map(math.isfinite, values)):
        return None
    return statistics.stdev(values)


def smooth(curve: History, score: str, direction: str) -> dict[str, Any] | None:
    """The book's way to read a noisy mean curve: without its start, exponentially averaged.

    Args:
        curve: the mean over the folds.
        score: which score.
        direction: "min" or "max".

    Returns:
        As the report holds it; None for a curve too short to be smoothed.
    """
    values = [row[score] for row in curve[SKIP:]]
    if len(values) < SKIP or not all(map(math.isfinite, values)):
        return None
    points = [values[0]]
    for value in values[1:]:
        points.append(points[-1] * FACTOR + value * (1 - FACTOR))
    best = min(points) if direction == "min" else max(points)
    return {
        "skip": SKIP,
        "factor": FACTOR,
        "values": points,
        "minimum_epoch": SKIP + 1 + points.index(best),
        "minimum": best,
    }


class Improvement:
    """Tells whether a score is the best so far. A score that is no number never is.

    Args:
        direction: "min" or "max".
        min_delta: smallest change that counts.
    """

    def __init__(self, direction: str, min_delta: float = 0.0) -> None:
        self._sign = 1.0 if direction == "min" else -1.0
        self._min_delta = min_delta
        self.best: float | None = None

    def update(self, score: float) -> bool:
        """Takes the next score; true if it is the best so far."""
        if score != score or score in (float("inf"), float("-inf")):
            return False
        if self.best is None or self._sign * (self.best - score) > self._min_delta:
            self.best = score
            return True
        return False
