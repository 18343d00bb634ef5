"""Scores, ready to be shown, and the part that they are of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from .baselines import Baseline
from .intervals import Interval

Naive = Mapping[str, Mapping[str, npt.NDArray[np.float32]]]
"""Forecasts of the rows of a part by target and name."""


@dataclass(frozen=True)
class Score:
    """One score, ready to be shown.

    Attributes:
        name: as in "test/accuracy".
        value: the score.
        direction: "max" or "min".
        baseline: the best simple answer under the same metric on the same rows.
        interval: 95 % interval, for the metric that is judged by.
    """

    name: str
    value: float
    direction: str
    baseline: Baseline | None = None
    interval: Interval | None = None

    def plain(self) -> dict[str, Any]:
        """As `report.json` holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Judged:
    """A part that the model has been run over.

    Attributes:
        part: "val" or "test".
        scores: the judged one first, the loss last.
        logits: by target, (rows, outputs).
        values: all scores by name.
        facts: `baselines` and `power` of the judged score, as `report.json` holds them.
        decided: whether the judged score is the share of rows that are right.
    """

    part: str
    scores: tuple[Score, ...]
    logits: dict[str, Tensor]
    values: dict[str, float]
    facts: dict[str, Any] = field(default_factory=dict)
    decided: bool = False
