"""Supervised learning: one model, one or several targets, a weighted sum of their losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..models.inputs import MultiHot

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


class Supervised:
    """The objective of supervised learning: the losses' weighted sum, and a penalty on weights.

    Args:
        model: maps inputs by name to logits by target, and names its `hidden_kernels`.
        heads: what is learned, a head a target.
        l1: factor of the kernels' absolute sum.
        l2: factor of the kernels' sum of squares.
    """

    def __init__(self, model: nn.Module, heads: tuple[Head, ...], l1: float, l2: float) -> None:
        self.model = model
        self.heads = heads
        self._l1, self._l2 = l1, l2
        self._kernels: list[Tensor] = model.hidden_kernels() if l1 or l2 else []  # type: ignore[operator]

    def loss(
        self, inputs: Mapping[str, Tensor | MultiHot], targets: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor], list[Tensor]]:
        """The mean loss of a batch without the penalty, the logits, and each head's loss."""
        logits: dict[str, Tensor] = self.model(inputs)
        if len(self.heads) == 1:  # no sum, no weight: one step in ten thousand counts
            head = self.heads[0]
            loss = head.loss(logits[head.name], targets[head.name])
            return loss, logits, [loss]
        losses = [head.loss(logits[head.name], targets[head.name]) for head in self.heads]
        weighted = [head.weight * loss for head, loss in zip(self.heads, losses, strict=True)]
        return torch.stack(weighted).sum(), logits, losses

    def penalty(self) -> Tensor | None:
        """What L1 and L2 add to the objective; None where neither is asked for."""
        if not self._kernels:
            return None
        terms: list[Tensor] = []
        if self._l1:
            terms.extend(self._l1 * kernel.abs().sum() for kernel in self._kernels)
        if self._l2:
            terms.extend(self._l2 * kernel.square().sum() for kernel in self._kernels)
        return torch.stack(terms).sum()
