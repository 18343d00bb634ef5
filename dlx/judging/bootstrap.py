"""How far a score could move with other units of the same kind, by drawing them: Efron (1979)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from ..metrics.base import Places, Values
from ..seeds import derive
from .intervals import LEVEL, Interval

DRAWS = 300


@dataclass(frozen=True)
class Draws:
    """Units drawn with replacement, as many as there are: the same ones whoever goes through them.

    So the scores of two answers to the same units, subtracted, are the differences of a paired
    bootstrap.

    Attributes:
        units: how many there are.
        stream: what the draws derive from; of another name they are others.
        many: how often units are drawn.
        block: units that are drawn together, as they follow each other in `order`; 1: each alone.
        order: the units from the earliest to the latest, where blocks are drawn.
    """

    units: int
    stream: str = "bootstrap"
    many: int = DRAWS
    block: int = 1
    order: Places | None = None

    def __iter__(self) -> Iterator[Places]:
        for draw in range(self.many):
            source = torch.Generator().manual_seed(derive(0, self.stream, draw))
            yield self._draw(source)

    def _draw(self, source: torch.Generator) -> Places:
        """As many units as there are; of blocks the last is cut, and time goes round in a circle.

        So every unit is in as many blocks as any other (Politis and Romano, 1992).
        """
        many = math.ceil(self.units / self.block)
        drawn: Places = torch.randint(self.units, (many,), generator=source).numpy()
        if self.order is None:
            return drawn
        places = (drawn[:, None] + np.arange(self.block)) % self.units
        found: Places = self.order[places.ravel()[: self.units]]
        return found


def middle(values: Values) -> Interval | None:
    """The middle 95 % of some values; None where one is no number, or all are the same."""
    if not np.isfinite(values).all():
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return (float(low), float(high)) if low < high else None
