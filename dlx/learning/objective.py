"""The loss as a score: of the model, and of the constant answers that it must beat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..judging.baselines import constant_logits
from ..judging.bootstrap import Draws
from ..judging.evaluation import Estimate, Kind
from ..metrics.base import Places, Values
from .heads import Head


@dataclass(frozen=True)
class Objective(Estimate):
    """The loss of answers to each of some rows: over several targets, the weighted sum.

    Attributes:
        name: as in "majority".
        kind: the model's own, or constant.
        heads: the targets.
        truth: of the rows, by target.
        logits: the answers by target, (rows, outputs).
        known: the loss, where it was measured batch by batch already.
    """

    name: str
    kind: Kind
    heads: Sequence[Head]
    truth: Mapping[str, Tensor]
    logits: Mapping[str, Tensor]
    known: float | None = None

    @property
    def units(self) -> int:
        """How many rows there are."""
        return len(self.truth[self.heads[0].name])

    def value(self, units: Places | None = None) -> float:
        """The loss, of all or of some rows."""
        if units is None and self.known is not None:
            return self.known
        rows = slice(None) if units is None else torch.from_numpy(units)
        losses = [h.loss(self.logits[h.name][rows], self.truth[h.name][rows]) for h in self.heads]
        if len(losses) == 1:
            return float(losses[0])
        return sum(h.weight * float(loss) for h, loss in zip(self.heads, losses, strict=True))

    def bootstrap(self, drawn: Draws) -> Values:
        """The loss of each draw of rows, (draws,)."""
        return np.array([self.value(places) for places in drawn])


def _constants(head: Head, targets: Tensor) -> Iterator[tuple[str, Tensor]]:
    return constant_logits(head.problem, head.outputs, targets, head.quantiles)


def constant_objective(
    heads: Sequence[Head], train: Mapping[str, Tensor], truth: Mapping[str, Tensor]
) -> Objective:
    """The loss of the best constant answer to each target; a constant is learnt from training rows.

    Args:
        heads: the targets.
        train: of the training rows, by target.
        truth: of the rows that are judged, by target.
    """
    names, logits = [], {}
    for head in heads:
        targets = truth[head.name]
        constants = [
            (name, head.logits(row).expand(len(targets), head.outputs))
            for name, row in _constants(head, train[head.name])
        ]
        name, logits[head.name] = min(constants, key=lambda one: float(head.loss(one[1], targets)))
        names.append(name)
    return Objective(", ".join(dict.fromkeys(names)), "constant", heads, truth, logits)
