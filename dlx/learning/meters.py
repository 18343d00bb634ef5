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

_Told = tuple[int, dict[str, Tensor]]
"""Rows, and their mean losses."""


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
        self._pending: list[_Told] = []
        self._steps: list[list[_Told]] = []
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
                    metric.update(answers, batch.main_target(head.name))

    def end_step(self) -> None:
        """What was told since the last call is of one step, in however many parts."""
        if self._pending:
            self._steps.append(self._pending)
            self._pending = []

    def fetch(self) -> dict[str, list[float]]:
        """Takes the losses off the device; returns those of steps not taken before, by name.

        The objective is the one that is told first. Each loss is a mean over the batches it was
        told of; that of a step one over its parts.
        """
        self.end_step()
        found: dict[str, list[float]] = {name: [] for name in self.sums}
        for told in self._steps:
            parts = [(rows, self._add(rows, losses)) for rows, losses in told]
            for name, value in (parts[0][1] if len(parts) == 1 else _mean(parts)).items():
                found.setdefault(name, []).append(value)
        self._steps.clear()
        return found

    def _add(self, rows: int, losses: Mapping[str, Tensor]) -> dict[str, float]:
        """Adds the mean losses of some rows to the sums; their values."""
        values = {name: loss.item() for name, loss in losses.items()}
        for name, value in values.items():
            self._rows[name] = self._rows.get(name, 0) + rows
            self.sums[name] = self.sums.get(name, 0.0) + rows * value
        return values

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


def _mean(parts: Sequence[tuple[int, Mapping[str, float]]]) -> dict[str, float]:
    """Each loss as a mean over the rows of those parts that have it; of one alone its own bits."""
    found = {}
    for name in dict.fromkeys(name for _, values in parts for name in values):
        own = [(rows, values[name]) for rows, values in parts if name in values]
        total = sum(rows for rows, _ in own)
        found[name] = own[0][1] if len(own) == 1 else sum(r * v for r, v in own) / total
    return found


def _make_metric(chosen: Chosen, head: Head) -> Metric:
    metric: Metric = chosen.load()(chosen.options, head.problem, head.outputs)
    metric.positive, metric.quantiles = head.positive, head.quantiles
    return metric
