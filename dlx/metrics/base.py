"""What every metric can do, and the sums that most of them are made of."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Values = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
"""Numbers of rows, in some order, some more than once."""


class Metric(ABC):
    """A score over all batches since `reset`.

    Shapes: logits are (batch, outputs); targets are (batch,) for one answer a sample, int64 class
    ids (batch,) for multiclass, and (batch, outputs) for several labels or numbers a sample.
    """

    positive: int = 1
    """Of two classes the one that precision, recall and their kin are of."""

    quantiles: tuple[float, ...] = ()
    """Those that answers are, an output each; the one nearest to the median is the number."""

    ranks: ClassVar[bool] = False
    """Whether only the order of the answers counts, so that a guess is expected to score what a
    constant does."""

    def __init__(self, options: Any, problem: str, outputs: int) -> None:
        """Makes a metric that has seen nothing.

        Args:
            options: checked options of this metric.
            problem: a name in the problem table.
            outputs: number of logits a sample.
        """
        self.problem = problem
        self.outputs = outputs
        self.direction: Literal["min", "max"] = options.direction
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

    def of(self, logits: Tensor, target: Tensor) -> float:
        """The score of these rows alone; nan where it is not defined. The metric is reset."""
        self.reset()
        self.update(logits, target)
        return self.compute()

    def resample(
        self, answers: Sequence[Tensor], target: Tensor, drawn: Iterable[Places]
    ) -> Values:
        """The score of each of several draws of rows; the metric is reset.

        Args:
            answers: logits of all rows; of several, each draw takes the next, round and round.
            target: of all rows.
            drawn: the rows of each draw.

        Returns:
            One score a draw; nan where it has none.
        """
        values = []
        for draw, places in enumerate(drawn):
            rows = torch.from_numpy(places).to(target.device)
            logits = answers[draw % len(answers)]
            values.append(self.of(logits.index_select(0, rows), target.index_select(0, rows)))
        return np.array(values)

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


def widest_dtype(values: Tensor) -> torch.dtype:
    """The most exact floating type that the device of these values has."""
    return torch.float32 if values.device.type == "mps" else torch.float64


def mean_of_defined(scores: Iterable[float]) -> float:
    """The mean of the scores that are numbers; nan if none is."""
    defined = [score for score in scores if not math.isnan(score)]
    return sum(defined) / len(defined) if defined else math.nan
