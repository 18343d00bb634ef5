"""A policy and a network that tells the value of what is seen: what PPO and REINFORCE share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..config.schema import Config
from ..config.specs.policies import ActorCritic as Options
from ..data.columns import Input
from ..optimizers.named import Optimizers
from ..sources.batches import Batch
from .meters import Meters
from .networks import build_model, build_named
from .policy import ACTION, OBSERVATION, VALUE, Policy

POLICY = "policy"
_EVEN = 0.01


class ActorCritic(Policy):
    """Base of learners whose policy gives probabilities; two networks, each with an optimizer."""

    @classmethod
    def assemble(
        cls,
        config: Config,
        inputs: Mapping[str, Input],
        actions: int,
        device: torch.device,
        fold: int,
    ) -> dict[str, nn.Module]:
        """The policy by `model`, and the value by `learner.value` or the same."""
        options = config.learner.options
        assert isinstance(options, Options)

        policy = start_even(build_named(config, POLICY, inputs, {ACTION: actions}, device, fold))
        build = build_named if options.value is None else build_model
        return {POLICY: policy, VALUE: build(config, VALUE, inputs, {VALUE: 1}, device, fold)}

    def prefer(self, observations: Tensor) -> Tensor:
        """The logits of the actions."""
        return self.weigh(self.see(observations))

    def weigh(self, seen: Tensor) -> Tensor:
        """The logits of the actions, of observations as networks are fed with them."""
        found: Tensor = self.networks[POLICY]({OBSERVATION: seen})[ACTION]
        return found.float()

    def move(
        self,
        parts: Mapping[str, Callable[[Batch], dict[str, Tensor]]],
        batch: Batch,
        optimizers: Optimizers,
        meters: Meters,
    ) -> None:
        """Moves each network by its own losses, in order; the meters are told when that is done."""
        told: list[tuple[Batch, dict[str, Tensor]]] = []

        def closure(compute: Callable[[Batch], dict[str, Tensor]]) -> Callable[[Batch], Any]:
            def losses(micro: Batch) -> dict[str, Tensor]:
                found = compute(micro)
                if not optimizers.again:
                    told.append((micro, found))
                return found

            return losses

        for name, compute in parts.items():
            optimizers.step(name, batch, closure(compute))
        for micro, found in told:
            meters.update(micro, found, {})

    def tell_value(self, observations: Tensor) -> Tensor:
        """The return that is to come, (rows,)."""
        return self.estimate(self.see(observations))

    def estimate(self, seen: Tensor) -> Tensor:
        """The return that is to come, of observations as networks are fed with them."""
        found: Tensor = self.networks[VALUE]({OBSERVATION: seen})[VALUE]
        return found.float().squeeze(1)


@torch.no_grad()
def start_even(policy: nn.Module) -> nn.Module:
    """Makes the weights of a policy's output layer small, so that all actions are alike at first.

    What to do is then found out rather than presumed (Andrychowicz and others, 2021, 3.2). A model
    whose last layer gives the outputs itself stays as it is.
    """
    heads = getattr(policy, "heads", {})
    for weight in heads[ACTION].parameters() if ACTION in heads else ():
        weight.mul_(_EVEN)
    return policy
