"""Scores that are means over units: a bound, a squared error, a loss a word."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..metrics.base import Places, Values
from .bootstrap import Draws
from .evaluation import Estimate, Kind


@dataclass(frozen=True)
class Mean(Estimate):
    """The mean of what each unit has.

    Attributes:
        name: as in "mean picture".
        kind: the model's own, or which kind of simpler answer.
        each: of every unit, (units,).
        known: the mean, where it was measured batch by batch already.
    """

    name: str
    kind: Kind
    each: Values
    known: float | None = None

    @property
    def units(self) -> int:
        """How many units there are."""
        return len(self.each)

    def value(self, units: Places | None = None) -> float:
        """The mean of all or of some units."""
        if units is None and self.known is not None:
            return self.known
        return float(np.mean(self.each if units is None else self.each[units]))

    def bootstrap(self, drawn: Draws) -> Values:
        """The mean of each draw of units, (draws,)."""
        return np.array([self.value(places) for places in drawn])

    def by_unit(self) -> Values:
        """What each unit has."""
        return self.each


@dataclass(frozen=True)
class Ratio(Estimate):
    """What units have together, by how much they have it of: a loss a word, of texts.

    Attributes:
        name: as in "frequency".
        kind: the model's own, or which kind of simpler answer.
        sums: what each unit has, (units,).
        counts: of how many parts, (units,).
    """

    name: str
    kind: Kind
    sums: Values
    counts: Values

    @property
    def units(self) -> int:
        """How many units there are."""
        return len(self.sums)

    def value(self, units: Places | None = None) -> float:
        """The ratio, of all or of some units; nan of no parts."""
        chosen = slice(None) if units is None else units
        many = float(self.counts[chosen].sum())
        return float(self.sums[chosen].sum()) / many if many else float("nan")

    def bootstrap(self, drawn: Draws) -> Values:
        """The ratio of each draw of units, (draws,)."""
        return np.array([self.value(places) for places in drawn])
