"""What every metric can do, and the sums that most of them are made of."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor


class Metric(ABC):
    """A score over all batches since `reset`.

    Shapes: logits are (batch, outputs); targets are (batch,) for one answer a sample, int64 class
    ids (batch,) for multiclass, and (batch, outputs) for several labels or numbers a sample.
    """

    positive: int = 1
    """Of two classes the one that precision, recall and their kin are of."""

    def __init__(self, options: Any, problem: str, outputs: int) -> None:
        """Makes a metric that has seen nothing.

        Args:
            options: checked options of this metric.
            problem: a name in the problem table.
            outputs: number of logits a sample.
        """
        self.problem = problem
        self.outputs = outputs
        self.direction: str = options.direction
        self.reset()

    @abstractmethod
    def reset(self) -> None:
        """Forgets every batch."""

    @abstractmethod
    def update(self, logits: Tensor, target: Tensor) -> None:
        """Takes in a batch without waiting for its device; no gradient is kept."""

    @abstractmethod
    def compute(self) -> float:
        """The score of all batches; nan where it is not defined."""

    def right(self, logits: Tensor, target: Tensor) -> Tensor | None:  # noqa: ARG002
        """Which rows are right, (rows,), where the score is their share; None where it is not."""
        return None

    @abstractmethod
    def state_dict(self) -> dict[str, Tensor]:
        """What was taken in, to go on from in the middle of an epoch; empty after `reset`."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Puts back what `state_dict` gave, on the device of the batches to come."""


class Sums(Metric):
    """A metric that is a function of sums over samples, and of their number."""

    sums: Tensor | None
    count: int

    def reset(self) -> None:
        """Forgets every batch."""
        self.sums = None
        self.count = 0

    def _add(self, part: Tensor, count: int) -> None:
        if self.sums is None:
            self.sums = part
        else:
            self.sums += part
        self.count += count

    def state_dict(self) -> dict[str, Tensor]:
        """What was taken in, to go on from in the middle of an epoch; empty after `reset`."""
        if self.sums is None:
            return {}
        return {"sums": self.sums, "count": torch.tensor(self.count)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Puts back what `state_dict` gave."""
        self.reset()
        if state:
            self.sums = state["sums"].clone()
            self.count = int(state["count"])


def wide(values: Tensor) -> torch.dtype:
    """The most exact floating type that the device of these values has."""
    return torch.float32 if values.device.type == "mps" else torch.float64


def mean_of_defined(scores: Iterable[float]) -> float:
    """The mean of the scores that are numbers; nan if none is."""
    defined = [score for score in scores if not math.isnan(score)]
    return sum(defined) / len(defined) if defined else math.nan
