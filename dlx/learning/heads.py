"""What is learned of each target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Head:
    """What is learned for one target.

    Attributes:
        name: the target's column.
        problem: its type, a key of `dlx.problem.PROBLEMS`.
        outputs: numbers the model gives for it.
        loss: mean loss from logits (batch, outputs) and targets.
        weight: factor of the loss in the sum.
        positive: of two classes the one that precision and its kin are of, 0 or 1.
    """

    name: str
    problem: str
    outputs: int
    loss: Loss
    weight: float
    positive: int = 1
