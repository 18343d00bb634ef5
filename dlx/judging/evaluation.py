"""No score without what it must beat: an evaluation holds both, or cannot be made."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from ..metrics.base import Places, Values
from .blocks import InTime
from .bootstrap import Draws
from .verdict import DATA, MEMBER

Kind = Literal[
    "model", "constant", "naive", "classical", "boosting", "noise", "start", "data", "member"
]
Direction = Literal["min", "max"]


class Estimate(ABC):
    """A score of somebody: of the model, or of a simpler answer that it must beat.

    What it is a score of are units: rows, windows, episodes, samples, pictures.

    Attributes:
        name: as in "majority".
        kind: "model"; or a constant (or drawn at random), a naive forecast, a classical model,
            boosted trees, which are no simpler than a network, noise in place of what is generated,
            what was there at the start, data themselves, which
            tell how good a score can be and need not be beaten, or a member of an ensemble, which
            is no simpler answer but compared with it.
    """

    name: str
    kind: Kind

    @property
    @abstractmethod
    def units(self) -> int:
        """How many units it is a score of."""

    @abstractmethod
    def value(self, units: Places | None = None) -> float:
        """The score, of all or of some of the units; nan where it is not defined."""

    @abstractmethod
    def bootstrap(self, drawn: Draws) -> Values:
        """The score of each draw of units, (draws,); nan where it has none."""

    def right(self) -> npt.NDArray[np.bool_] | None:
        """Which units are right, (guesses, units), where the score is their share; else None."""
        return None

    def by_unit(self) -> Values | None:
        """What each unit adds to the score, or to one like it, (units,); None where unknown.

        Asked where units follow each other in time: it tells how far they are alike.
        """
        return None

    def flawed_value(self) -> float:
        """The score if as many units as none of so many may show were wrong; nan if unknown.

        Asked where no draw moves the score.
        """
        return math.nan


@dataclass(frozen=True)
class Evaluation:
    """A score of a model, and what it must beat.

    Attributes:
        score: its name, as in "test/accuracy".
        direction: whether it is to be large ("max") or small ("min").
        unit: what it is a score of, in the singular: row, window, episode, sample, picture.
        own: the model's.
        baselines: the simpler answers', of these one at least; and of data themselves.
        paired: whether all are scores of the same units, so that a draw of units is one for all.
        in_time: how the units follow each other; None where they are independent.
        whole: whether its units are all that is judged, so that nothing is uncertain.
        spread: whether its interval is told even where it is not what is judged by.

    Raises:
        ValueError: there is nothing to beat.
    """

    score: str
    direction: Direction
    unit: str
    own: Estimate
    baselines: tuple[Estimate, ...]
    paired: bool = True
    in_time: InTime | None = None
    whole: bool = False
    spread: bool = False

    def __post_init__(self) -> None:
        if all(one.kind in (DATA, MEMBER) for one in self.baselines):
            what = f"{self.score} has no baselines: no score without what it must beat"
            raise ValueError(f"{what} (docs/design.md, Evaluation)")

    def placed_in_time(self, found: InTime | None) -> Self:
        """The same of units that follow each other so; as it is where it is of other units."""
        alike = found is not None and self.paired and self.own.units == len(found.order)
        return replace(self, in_time=found) if alike and self.unit == "row" else self
