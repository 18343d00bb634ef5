"""What a step of a learner means; the loop knows batches, steps and epochs only."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from ..optimizers.named import Optimizers
from ..sources.batches import Batch
from ..state import State
from .meters import Meters


class Learner:
    """Base of all learners.

    Args:
        networks: all that is kept as weights, by name.
    """

    def __init__(self, networks: Mapping[str, nn.Module]) -> None:
        self.networks = nn.ModuleDict(networks)

    @property
    def module(self) -> nn.Module:
        """What the names of weights are relative to: the only network, or all of them."""
        return self.networks if len(self.networks) > 1 else next(iter(self.networks.values()))

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return next(self.networks.parameters()).device

    def groups(self) -> dict[str, list[Parameter]]:
        """The parameters of each optimizer, by its name; of each network, where not overridden."""
        return {name: list(one.parameters()) for name, one in self.networks.items()}

    def penalty(self, group: str) -> Tensor | None:  # noqa: ARG002 - one interface for all
        """What is added to the objective of an optimizer, whatever the batch; None for nothing."""
        return None

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The mean losses of a batch by name, the objective first.

        A learner with several optimizers gives those that must be numbers for it to go on.
        """
        raise NotImplementedError

    def step(self, batch: Batch, optimizers: Optimizers, meters: Meters) -> None:
        """One step of the run: moves weights by `optimizers.step`, and tells the meters."""
        raise NotImplementedError

    def done(self) -> str:
        """Why to stop after the epoch; "" to go on."""
        return ""

    def state(self) -> State:
        """The weights, and whatever else the next step depends on."""
        return State(dict(self.module.state_dict()))

    def restore(self, state: State) -> None:
        """Puts back what `state` gave.

        Raises:
            RuntimeError: they are another model's.
        """
        self.module.load_state_dict(dict(state.tensors))


class OneLoss(Learner):
    """A learner that moves one network by one objective: of it, only `losses` is written."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__({"model": model})
        self.model = model

    def compute(self, batch: Batch) -> tuple[dict[str, Tensor], Mapping[str, Tensor]]:
        """The losses of a batch, and the outputs that metrics are taken of, by target."""
        return self.losses(batch), {}

    def step(self, batch: Batch, optimizers: Optimizers, meters: Meters) -> None:
        """Moves the weights once; the meters are told when that is done."""
        told: list[tuple[Batch, dict[str, Tensor], Mapping[str, Tensor]]] = []

        def closure(micro: Batch) -> dict[str, Tensor]:
            losses, outputs = self.compute(micro)
            told.append((micro, losses, outputs))
            return losses

        optimizers.step("model", batch, closure)
        for micro, losses, outputs in told:
            meters.update(micro, losses, outputs)
