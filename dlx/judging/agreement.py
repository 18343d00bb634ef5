"""How far two groupings of the same rows agree, adjusted for what chance would make them.

A row in no cluster, of the number -1, is a cluster of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..metrics.base import Places, Values
from .bootstrap import Draws
from .evaluation import Estimate, Kind

Groups = npt.NDArray[np.int64]
"""The group of each row, (rows,); -1 stands for none."""
Measure = Callable[[Groups, Groups], float]
_ROUNDING = 1e-12
"""What sums of so many logarithms may be off by."""


def adjusted_rand(one: Groups, other: Groups) -> float:
    """The adjusted Rand index (Hubert and Arabie, 1985): of the same groups 1, by chance 0."""
    joint, mine, theirs = _count(one, other)
    pairs = math.comb(len(one), 2)
    alike, own, others = (float((n * (n - 1) / 2).sum()) for n in (joint, mine, theirs))
    expected = own * others / pairs if pairs else 0.0
    most = (own + others) / 2
    return 1.0 if most == expected else (alike - expected) / (most - expected)


def adjusted_information(one: Groups, other: Groups) -> float:
    """Mutual information, adjusted for chance by its mean over permutations.

    Divided by the mean of both entropies (Vinh, Epps and Bailey, 2010).
    """
    joint, mine, theirs = _count(one, other)
    if len(mine) == len(theirs) == 1 or len(mine) == len(theirs) == len(one):
        return 1.0
    own, others, together = _entropy(mine), _entropy(theirs), _entropy(joint)
    expected = _expected_information(mine, theirs)
    above, below = own + others - together - expected, (own + others) / 2 - expected
    if abs(above) < _ROUNDING * max(1.0, own + others):
        return 0.0
    return above / max(below, _ROUNDING)


def _count(one: Groups, other: Groups) -> tuple[Values, Values, Values]:
    """Rows of each pair of groups that has some, of each group of the one, of the other."""
    mine, theirs = _numbered(one), _numbered(other)
    wide = int(theirs.max(initial=0)) + 1
    pairs, size = mine * wide + theirs, (int(mine.max(initial=0)) + 1) * wide
    few = size <= 4 * len(one) + 1000  # then counting is faster than sorting
    joint = np.bincount(pairs) if few else np.unique(pairs, return_counts=True)[1]
    every = (joint, np.bincount(mine), np.bincount(theirs))
    counts, own, others = (found[found > 0].astype(np.float64) for found in every)
    return counts, own, others


def _numbered(groups: Groups) -> Groups:
    """The same groups, a row in none with a number of its own."""
    none = np.flatnonzero(groups < 0)
    if not len(none):
        return groups
    found = groups.copy()
    found[none] = groups.max(initial=-1) + 1 + np.arange(len(none))
    return found


def _entropy(counts: Values) -> float:
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def _expected_information(mine: Values, theirs: Values) -> float:
    """The mean mutual information of groups of these sizes, over all permutations of the rows.

    Sizes that occur several times are counted once, as often as they occur.
    """
    rows = mine.sum()
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, int(rows) + 1)))])  # of factorials
    found = 0.0
    for a, many in zip(*np.unique(mine, return_counts=True), strict=True):
        for b, others in zip(*np.unique(theirs, return_counts=True), strict=True):
            n = np.arange(max(1, int(a + b - rows)), int(min(a, b)) + 1)
            chance = logs[int(a)] + logs[int(b)] + logs[int(rows - a)] + logs[int(rows - b)]
            chance = chance - logs[int(rows)] - logs[n] - logs[int(a) - n] - logs[int(b) - n]
            chance = chance - logs[int(rows - a - b) + n]
            each = n / rows * np.log(rows * n / (a * b)) * np.exp(chance)
            found += float(many * others * each.sum())
    return found


@dataclass(frozen=True)
class Agreement(Estimate):
    """How far groups agree with others that are known; the mean of several that were drawn.

    A row that is drawn twice agrees with itself, so draws agree more than the rows do; how far they
    lie apart tells how far a score could move, and is told around the score itself.

    Attributes:
        name: as in "random assignment".
        kind: the model's own, or which kind of simpler answer.
        groups: of each row, (draws, rows).
        truth: the known ones, (rows,).
        measure: `adjusted_rand` or `adjusted_information`.
    """

    name: str
    kind: Kind
    groups: Groups
    truth: Groups
    measure: Measure

    @property
    def units(self) -> int:
        """How many rows there are."""
        return len(self.truth)

    def value(self, units: Places | None = None) -> float:
        """The agreement on all or on some of the rows."""
        chosen = slice(None) if units is None else units
        truth = self.truth[chosen]
        return float(np.mean([self.measure(one[chosen], truth) for one in self.groups]))

    def bootstrap(self, drawn: Draws) -> Values:
        """The agreement on each draw of rows, (draws,)."""
        found = np.array([self.value(places) for places in drawn])
        around: Values = found - found.mean() + self.value()
        return around
