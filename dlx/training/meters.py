"""Sums over an epoch: losses and metrics of every target of one part."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..config.fields import Chosen
from ..learning.supervised import Head
from ..metrics import Metric
from .batches import Batch


class Meters:
    """Losses and metrics of one part ("train", "val" or "test"), by name.

    Args:
        part: first part of the scores' names.
        heads: the targets.
        chosen: metrics by target and name.
    """

    def __init__(
        self, part: str, heads: Sequence[Head], chosen: Mapping[str, Mapping[str, Chosen]]
    ) -> None:
        self.part = part
        self._several = len(heads) > 1
        self._names = [h.name for h in heads]
        self.metrics: list[tuple[str, str, Metric]] = [
            (
                self._prefix(head.name) + name,
                head.name,
                c.load()(c.options, head.problem, head.outputs),
            )
            for head in heads
            for name, c in chosen[head.name].items()
        ]
        self.reset()

    def _prefix(self, target: str) -> str:
        return f"{self.part}/{target}/" if self._several else f"{self.part}/"

    def reset(self) -> None:
        """Forgets everything."""
        self._pending: list[tuple[int, Tensor, list[Tensor]]] = []
        self._rows = 0
        self._sum = 0.0
        self._sums = [0.0] * len(self._names)
        for _, _, metric in self.metrics:
            metric.reset()

    def update(
        self, batch: Batch, loss: Tensor, logits: Mapping[str, Tensor], losses: Sequence[Tensor]
    ) -> None:
        """Adds one batch; nothing is fetched from the device yet."""
        parts = [one.detach() for one in losses] if self._several else []
        self._pending.append((batch.rows, loss.detach(), parts))
        if self.metrics:
            with torch.no_grad():
                for _, target, metric in self.metrics:
                    metric.update(logits[target].detach(), batch.targets[target])

    def fetch(self) -> float | None:
        """Takes the losses off the device; returns the first that is no finite number."""
        bad = None
        for rows, loss, parts in self._pending:
            value = loss.item()
            if bad is None and not math.isfinite(value):
                bad = value
            self._rows += rows
            self._sum += rows * value
            for index, part in enumerate(parts):
                self._sums[index] += rows * part.item()
        self._pending.clear()
        return bad

    def running_loss(self) -> float | None:
        """The mean loss of what has been fetched so far, None before anything has."""
        return self._sum / self._rows if self._rows else None

    def scores(self) -> dict[str, float]:
        """Means over all samples added, by name as in "val/loss" or "val/age/mae"."""
        self.fetch()
        found = {f"{self.part}/loss": self._sum / self._rows}
        if self._several:
            for name, total in zip(self._names, self._sums, strict=True):
                found[f"{self.part}/{name}/loss"] = total / self._rows
        for name, _, metric in self.metrics:
            found[name] = metric.compute()
        return found
