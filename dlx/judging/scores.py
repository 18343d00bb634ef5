"""Scores, ready to be shown, and the part that they are of."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from .facts import Facts
from .intervals import Interval


@dataclass(frozen=True)
class Baseline:
    """The best of the simple answers under one metric."""

    name: str
    value: float


@dataclass(frozen=True)
class Beside:
    """One of the simple answers under a metric, and its kind as of an `Estimate`."""

    name: str
    kind: str
    value: float


@dataclass(frozen=True)
class Score:
    """One score, ready to be shown.

    Attributes:
        name: as in "test/accuracy".
        value: the score.
        direction: "max" or "min".
        baseline: the best simple answer under the same metric; None where none is defined.
        interval: 95 % interval, for the metric that is judged by.
        beside: every simple answer under the same metric that has a value.
    """

    name: str
    value: float
    direction: str
    baseline: Baseline | None = None
    interval: Interval | None = None
    beside: tuple[Beside, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As `report.json` holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Judged:
    """What a model is worth on a part.

    Attributes:
        part: "val" or "test".
        scores: the judged one first, the loss last.
        facts: `baselines` and `power` of the judged score, as `report.json` holds them.
        decided: whether the judged score is the share of units that are right.
    """

    part: str
    scores: tuple[Score, ...]
    facts: Facts = field(default_factory=Facts)
    decided: bool = False
