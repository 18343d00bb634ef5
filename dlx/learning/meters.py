"""Sums over an epoch: losses and metrics of every target of one part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..config.fields import Chosen
from ..metrics import Metric
from ..sources.batches import Batch
from .supervised import Head


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
            (self._prefix(head.name) + name, head.name, _made(c, head))
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

    def fetch(self) -> list[float]:
        """Takes the losses off the device; returns those not taken before, a batch each."""
        found = []
        for rows, loss, parts in self._pending:
            value = loss.item()
            found.append(value)
            self._rows += rows
            self._sum += rows * value
            for index, part in enumerate(parts):
                self._sums[index] += rows * part.item()
        self._pending.clear()
        return found

    def running_loss(self) -> float | None:
        """The mean loss of what has been fetched so far, None before anything has."""
        return self._sum / self._rows if self._rows else None

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What was added since `reset`, to go on from: tensors of the metrics, and sums."""
        self.fetch()
        tensors = {
            f"{name}:{key}": value
            for name, _, metric in self.metrics
            for key, value in metric.state_dict().items()
        }
        return tensors, {"rows": self._rows, "sum": self._sum, "sums": list(self._sums)}

    def restore(
        self, tensors: Mapping[str, Tensor], sums: Mapping[str, Any], device: torch.device
    ) -> None:
        """Puts back what `state` gave, on the device of the batches to come."""
        self.reset()
        self._rows, self._sum, self._sums = sums["rows"], sums["sum"], list(sums["sums"])
        for name, _, metric in self.metrics:
            own = {k.rpartition(":")[2]: v for k, v in tensors.items() if k.startswith(f"{name}:")}
            metric.load_state_dict({key: value.to(device) for key, value in own.items()})

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


def _made(chosen: Chosen, head: Head) -> Metric:
    metric: Metric = chosen.load()(chosen.options, head.problem, head.outputs)
    metric.positive = head.positive
    return metric
