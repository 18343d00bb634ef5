"""How sure answers are, below which sureness not to answer, and what that is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.targets import Answers, TargetCodec

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

KEPT = 1_000
"""Values that are kept of validation rows, evenly by rank."""
ANSWERED = tuple(share / 100 for share in range(100, 0, -5))
"""The shares of rows of which the risk is told."""


@dataclass(frozen=True)
class Ranks:
    """Values of validation rows, the smallest first: what share of them is smaller than another.

    Attributes:
        values: (kept,), float32.
    """

    values: npt.NDArray[np.float32]

    @classmethod
    def of(cls, values: Array) -> Ranks:
        """Those of some rows; every n-th of many."""
        ordered = np.sort(np.asarray(values, np.float32))
        if len(ordered) > KEPT:
            places = np.round(np.linspace(0, len(ordered) - 1, KEPT)).astype(np.int64)
            ordered = ordered[places]
        return cls(ordered)

    @classmethod
    def pool(cls, several: Sequence[Ranks]) -> Ranks:
        """Those of several models, as of the folds of one run, as if they were of one."""
        return cls.of(np.concatenate([one.values for one in several]))

    def share_below(self, values: Array) -> Floats:
        """The share of the rows whose value is smaller, of each value."""
        places = np.searchsorted(self.values, np.asarray(values, np.float32), side="left")
        return np.asarray(places / max(1, len(self.values)), np.float64)

    def threshold(self, share: float) -> float:
        """The value that this share of the rows is below; -infinity for none."""
        place = int(share * len(self.values))
        if place <= 0:
            return -np.inf
        return float(self.values[min(place, len(self.values) - 1)])


def confidence(codec: TargetCodec, said: Answers, distances: Array | None) -> Floats | None:
    """How sure each answer is: the higher, the more. None where nothing tells.

    Of several classes the probability of the most probable one; of two how far theirs are from the
    threshold, which is 0, to certainty, which is 1; of labels the mean of that; of numbers how near
    the row lies to the training rows in feature space.

    Args:
        codec: of the target.
        said: the answers.
        distances: of the rows from the training rows, in feature space.
    """
    if said.probabilities is None:
        return None if distances is None else -np.asarray(distances, np.float64)
    shares = np.asarray(said.probabilities, np.float64)
    if codec.problem == "multiclass":
        return np.asarray(shares.max(axis=1))
    at = np.asarray(codec.threshold or 0.5, np.float64)
    sure = np.where(shares > at, (shares - at) / (1 - at), (at - shares) / at)
    return np.asarray(sure.reshape(len(sure), -1).mean(axis=1))


def wrong(said: Answers, true: Array) -> Floats:
    """How wrong each answer is: of classes 0 or 1, of labels their share, of numbers the error."""
    values, wanted = (np.asarray(a, np.float64).reshape(len(true), -1) for a in (said.values, true))
    if said.probabilities is None:
        return np.asarray(np.abs(values - wanted).mean(axis=1))
    return np.asarray((values != wanted).mean(axis=1))


def risk_by_share(sure: Floats, off: Floats) -> Floats:
    """The mean of `off` over the surest rows, for each of `ANSWERED` (El-Yaniv and Wiener, 2010).

    Rows that are equally sure count their mean, so that their order tells nothing.
    """
    order = np.argsort(-sure, kind="stable")
    _, group, counts = np.unique(-sure[order], return_inverse=True, return_counts=True)
    means = np.bincount(group, off[order]) / counts
    sums = np.cumsum(means[group])
    many = np.maximum(1, np.round(np.array(ANSWERED) * len(sure)).astype(np.int64))
    return np.asarray(sums[many - 1] / many)
