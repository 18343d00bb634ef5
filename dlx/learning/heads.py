"""What is learned of each target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from ..config.schema import Config
from ..config.supervised import loss_of
from ..data.targets import EncodedTarget
from ..losses import resolve

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


def heads_of(config: Config, targets: Mapping[str, EncodedTarget]) -> tuple[Head, ...]:
    """What is learned for each target of a config."""
    heads = []
    for name, target in config.targets.items():
        loss = resolve(loss_of(config, target), target.problem)
        made = loss.load()(loss.options, target.problem)
        codec = targets[name].codec
        heads.append(Head(name, codec.problem, codec.outputs, made, target.weight, codec.positive))
    return tuple(heads)
