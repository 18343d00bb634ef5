"""Sums over an epoch: losses and metrics of every target of one part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..config.fields import Chosen
from ..metrics import Metric
from ..sources.batches import Batch
from ..state import State
from .heads import Head


class Meters:
    """Losses and metrics of one part ("train", "val" or "test"), by name.

    Args:
        part: first part of the scores' names.
        heads: the targets.
        chosen: metrics by target and name.
        device: of the batches.

    Attributes:
        sums: of each loss over all samples it was told of, by name.
    """

    def __init__(
        self,
        part: str,
        heads: Sequence[Head],
        chosen: Mapping[str, Mapping[str, Chosen]],
        device: torch.device | None = None,
    ) -> None:
        self.part = part
        self._device = device
        self._several = len(heads) > 1
        self.metrics: list[tuple[str, Head, Metric]] = [
            (self._prefix(head.name) + name, head, _make_metric(c, head))
            for head in heads
            for name, c in chosen[head.name].items()
        ]
        self.reset()

    def _prefix(self, target: str) -> str:
        return f"{self.part}/{target}/" if self._several else f"{self.part}/"

    def reset(self) -> None:
        """Forgets everything."""
        self._pending: list[tuple[int, dict[str, Tensor]]] = []
        self._rows: dict[str, int] = {}
        self.sums: dict[str, float] = {}
        for _, _, metric in self.metrics:
            metric.reset()

    def update(
        self, batch: Batch, losses: Mapping[str, Tensor], outputs: Mapping[str, Tensor]
    ) -> None:
        """Adds one batch; nothing is fetched from the device yet.

        Args:
            batch: the samples.
            losses: their mean losses by name, the objective first.
            outputs: logits by target, which the metrics are of.
        """
        self._pending.append((batch.rows, {name: one.detach() for name, one in losses.items()}))
        if self.metrics:
            with torch.no_grad():
                for _, head, metric in self.metrics:
                    answers = head.answers(outputs[head.name].detach())
                    metric.update(answers, batch.targets[head.name])

    def fetch(self) -> dict[str, list[float]]:
        """Takes the losses off the device; returns those not taken before, by name.

        The objective is the one that is told first. Each loss is a mean over the batches it was
        told of.
        """
        found: dict[str, list[float]] = {name: [] for name in self.sums}
        for rows, losses in self._pending:
            for name, loss in losses.items():
                value = loss.item()
                self._rows[name] = self._rows.get(name, 0) + rows
                self.sums[name] = self.sums.get(name, 0.0) + rows * value
                found.setdefault(name, []).append(value)
        self._pending.clear()
        return found

    def running_loss(self) -> float | None:
        """The mean loss of what has been fetched so far, None before anything has."""
        return next((total / self._rows[name] for name, total in self.sums.items()), None)

    def state(self) -> State:
        """What was added since `reset`, to go on from: tensors of the metrics, and sums."""
        self.fetch()
        tensors = {
            f"{name}:{key}": value
            for name, _, metric in self.metrics
            for key, value in metric.state_dict().items()
        }
        return State(tensors, {"rows": {**self._rows}, "sums": [*self.sums.items()]})

    def restore(self, state: State) -> None:
        """Puts back what `state` gave, on the device of the batches to come."""
        self.reset()
        self._rows, self.sums = dict(state.facts["rows"]), dict(state.facts["sums"])
        tensors = {name: value.to(self._device) for name, value in state.tensors.items()}
        for name, _, metric in self.metrics:
            own = {k.rpartition(":")[2]: v for k, v in tensors.items() if k.startswith(f"{name}:")}
            metric.load_state_dict(own)

    def scores(self) -> dict[str, float]:
        """Means over all samples added, by name as in "val/loss" or "val/age/mae"."""
        self.fetch()
        found = {f"{self.part}/{n}": total / self._rows[n] for n, total in self.sums.items()}
        for name, _, metric in self.metrics:
            found[name] = metric.compute()
        return found


def _make_metric(chosen: Chosen, head: Head) -> Metric:
    metric: Metric = chosen.load()(chosen.options, head.problem, head.outputs)
    metric.positive = head.positive
    return metric
