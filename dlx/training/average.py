"""Averages of weights: they are validated and kept, while the weights themselves train on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import update_bn

from ..config.specs import averages as specs
from ..learning.learner import Learner
from ..sources.batches import Batch
from ..state import State

Tensors = dict[str, Tensor]
Pass = Callable[[], AbstractContextManager[Iterator[Batch]]]
"""Opens a pass over the training samples as in training; no step misses its random numbers."""


class Average(ABC):
    """An average of a learner's parameters; buffers are those of the weights that train.

    Args:
        options: how it is averaged.
        learner: holds the weights that train, and within `in_place` the averages.
        epochs: of the whole training.

    Attributes:
        updates: how many weights are in it. Before the first it is the weights that train.
        raw: the weights that train, while the learner holds averages; else empty.
    """

    def __init__(self, options: Any, learner: Learner, epochs: int) -> None:
        self.options = options
        self.updates = 0
        self.raw: Tensors = {}
        self._learner, self._module = learner, learner.module
        self._first = options.first_epoch(epochs)
        self._parameters: list[Tensor] = list(self._module.parameters())
        named = self._module.named_parameters(remove_duplicate=False)  # one under two names
        places = {id(p): place for place, p in enumerate(self._parameters)}
        self._places = {name: places[id(p)] for name, p in named}
        self._values: list[Tensor] = []
        self._statistics: Tensors = {}

    @abstractmethod
    def share(self) -> float:
        """By how much of the distance the average moves towards the weights that train."""

    def is_due(self, ends_epoch: bool) -> bool:  # noqa: ARG002 - one interface for all
        """Whether the weights after a step are averaged."""
        return True

    @torch.no_grad()
    def update(self, epoch: int, ends_epoch: bool) -> None:
        """Takes the weights after a step into the average.

        Args:
            epoch: the step's, from 1.
            ends_epoch: whether it is the epoch's last.
        """
        if epoch < self._first or not self.is_due(ends_epoch):
            return
        if self.updates:
            torch._foreach_lerp_(self._values, self._parameters, self.share())
        else:
            self._values = [p.detach().clone() for p in self._parameters]
        self.updates += 1

    def kept(self) -> Tensors:
        """The weights to validate and to keep, by name: the averages once there are any."""
        weights = dict(self._module.state_dict())
        if self.updates:
            weights |= {name: self._values[place] for name, place in self._places.items()}
        return weights | self._statistics

    @contextmanager
    def in_place(self, samples: Pass) -> Iterator[None]:
        """Within it the learner holds the averages; the weights that train come back to the bit.

        Args:
            samples: a pass over the training samples, for statistics that depend on the weights.
        """
        if not self.updates:
            yield
            return
        self.raw = {name: one.clone() for name, one in self._module.state_dict().items()}
        try:
            self._module.load_state_dict(self.kept())
            self._statistics = self.renew_statistics(samples)
            yield
        finally:
            self._module.load_state_dict(self.raw)
            self.raw = {}

    def renew_statistics(self, samples: Pass) -> Tensors:  # noqa: ARG002 - one interface for all
        """The buffers that belong to the averages, by name; none where those that train do."""
        return {}

    def state(self) -> State:
        """What is kept, and of how many weights it is the average."""
        return State(self.kept(), {"updates": self.updates, "statistics": sorted(self._statistics)})

    def restore(self, state: State) -> None:
        """Puts back what `state` gave.

        Raises:
            KeyError: they are another model's.
        """
        self.updates = state.facts["updates"]
        device, names = self._learner.device, {at: name for name, at in self._places.items()}
        self._values = [
            state.tensors[names[at]].to(device, copy=True)
            for at in range(len(self._parameters) if self.updates else 0)
        ]
        self._statistics = {
            name: state.tensors[name].to(device, copy=True) for name in state.facts["statistics"]
        }


class Exponential(Average):
    """Over steps, with less and less of the weights that lie far back."""

    options: specs.EMA

    def share(self) -> float:
        """What the decay leaves; at first more, as in TensorFlow's ExponentialMovingAverage."""
        return 1 - min(self.options.decay, (1 + self.updates) / (10 + self.updates))


class Stochastic(Average):
    """The mean over the weights at the ends of epochs (arXiv:1803.05407)."""

    def share(self) -> float:
        """Each epoch counts alike."""
        return 1 / (self.updates + 1)

    def is_due(self, ends_epoch: bool) -> bool:
        """At the end of an epoch."""
        return ends_epoch

    def renew_statistics(self, samples: Pass) -> Tensors:
        """Those of batch normalisation, of the averages on all training samples.

        No training step ever ran with these weights. Frozen layers keep theirs.
        """
        with samples() as batches:
            norms = {
                name: one
                for name, one in self._module.named_modules(remove_duplicate=False)
                if isinstance(one, _BatchNorm) and one.training and one.track_running_stats
            }
            if norms:
                update_bn(batches, _Forward(norms, self._learner.losses))
        return {
            f"{name}.{key}".lstrip("."): value.clone()
            for name, norm in norms.items()
            for key, value in norm.named_buffers()
        }


class _Forward(nn.Module):
    """The layers whose statistics are to be renewed, and the pass in which they see a batch."""

    def __init__(
        self, norms: Mapping[str, nn.Module], losses: Callable[[Batch], Mapping[str, Tensor]]
    ) -> None:
        super().__init__()
        self.norms = nn.ModuleList(norms.values())
        self._losses = losses

    def forward(self, batch: Batch) -> None:
        """Runs a batch through the networks."""
        self._losses(batch)
