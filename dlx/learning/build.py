"""Putting a learner together: the model with its starting weights, the losses, the meters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch.optim import Optimizer

from ..config.schema import Config
from ..config.supervised import loss_of
from ..data.code import is_shipped
from ..data.columns import Input
from ..data.targets import EncodedTarget
from ..losses import resolve
from ..models.init import initialise
from ..optimizers.member import Member
from ..optimizers.named import Optimizers
from ..schedules import Schedule
from ..seeds import derive
from .heads import Head
from .learner import Learner
from .memory import require_weights
from .supervised import Supervised


def builder(
    config: Config, inputs: Mapping[str, Input], targets: Mapping[str, EncodedTarget]
) -> Callable[[], Any]:
    """What builds the model of a config, without starting weights."""
    outputs = {name: target.outputs for name, target in targets.items()}
    return lambda: config.model.load()(config.model.options, dict(inputs), outputs)


def build_learner(
    config: Config,
    inputs: Mapping[str, Input],
    targets: Mapping[str, EncodedTarget],
    device: torch.device,
    fold: int = 0,
) -> Supervised:
    """Builds a fresh model with starting weights that the seed gives, and its objective.

    Raises:
        UsageError: the model cannot take these inputs, or is larger than the free memory.
    """
    build = builder(config, inputs, targets)
    require_weights(config, build, device)
    model = build()

    def generator_for(name: str) -> torch.Generator:
        return torch.Generator().manual_seed(derive(config.seed, "init", fold, name))

    initialise(model, config.model.options.init, generator_for)
    return Supervised(config, model.to(device), heads_of(config, targets))


def build_optimizers(config: Config, learner: Learner, steps: int, mode: str) -> Optimizers:
    """An optimizer with its schedule for each group of a learner's parameters.

    Args:
        config: names the optimizer and the schedule.
        learner: from `build_learner`.
        steps: optimizer steps an epoch.
        mode: "min" or "max", the direction in which the score that schedules watch improves.
    """
    make, plan = config.optimizer.load(), config.schedule.load()
    names = {id(p): name for name, p in learner.module.named_parameters()}

    def schedule(optimizer: Optimizer) -> Schedule:
        found: Schedule = plan(
            config.schedule.options, optimizer, steps, config.trainer.epochs, mode
        )
        return found

    members = {
        group: Member(
            {names[id(p)]: p for p in parameters},
            partial(make, config.optimizer.options),
            schedule,
            flat=is_shipped(config.optimizer.target),
        )
        for group, parameters in learner.groups().items()
    }
    return Optimizers(members, config.trainer, learner.device, learner.penalty)


def heads_of(config: Config, targets: Mapping[str, EncodedTarget]) -> tuple[Head, ...]:
    """What is learned for each target of a config."""
    heads = []
    for name, target in config.targets.items():
        loss = resolve(loss_of(config, target), target.problem)
        made = loss.load()(loss.options, target.problem)
        codec = targets[name].codec
        heads.append(Head(name, codec.problem, codec.outputs, made, target.weight, codec.positive))
    return tuple(heads)
