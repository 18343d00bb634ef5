"""A score that is a mean over units: a bound, a squared error."""

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
