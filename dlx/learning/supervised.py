"""Supervised learning: one model, one or several targets, a weighted sum of their losses."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..sources.batches import Batch
from .heads import Head
from .learner import OneLoss


class Supervised(OneLoss):
    """The objective of supervised learning: the losses' weighted sum, and a penalty on weights.

    Attributes:
        outputs: the logits by target of each part that was evaluated last, (rows, outputs).

    Args:
        model: maps inputs by name to logits by target, and names its `hidden_kernels`.
        heads: what is learned, a head a target.
        l1: factor of the kernels' absolute sum.
        l2: factor of the kernels' sum of squares.
    """

    def __init__(self, model: nn.Module, heads: tuple[Head, ...], l1: float, l2: float) -> None:
        super().__init__(model)
        self.heads = heads
        self.outputs: dict[str, dict[str, Tensor]] = {}
        self._l1, self._l2 = l1, l2
        self._kernels: list[Tensor] = model.hidden_kernels() if l1 or l2 else []  # type: ignore[operator]

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The mean loss of a batch without the penalty, and of several heads each one's."""
        return self.compute(batch)[0]

    def compute(self, batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The losses of a batch, and the logits by target."""
        logits: dict[str, Tensor] = self.model(batch.inputs)
        targets = batch.targets
        if len(self.heads) == 1:  # no sum, no weight: one step in ten thousand counts
            head = self.heads[0]
            return {"loss": head.loss(logits[head.name], targets[head.name])}, logits
        each = {h.name: h.loss(logits[h.name], targets[h.name]) for h in self.heads}
        weighted = [head.weight * each[head.name] for head in self.heads]
        total = torch.stack(weighted).sum()
        return {"loss": total, **{f"{name}/loss": loss for name, loss in each.items()}}, logits

    def penalty(self, group: str = "model") -> Tensor | None:  # noqa: ARG002
        """What L1 and L2 add to the objective; None where neither is asked for."""
        if not self._kernels:
            return None
        terms: list[Tensor] = []
        if self._l1:
            terms.extend(self._l1 * kernel.abs().sum() for kernel in self._kernels)
        if self._l2:
            terms.extend(self._l2 * kernel.square().sum() for kernel in self._kernels)
        return torch.stack(terms).sum()
