"""Putting together what a config names: the learner, and the optimizers that move it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

import torch
from torch.nn import Parameter
from torch.optim import Optimizer

from ..config.learners import optimizer_of
from ..config.names import join_names
from ..config.schema import Config
from ..data.code import is_shipped
from ..data.columns import Input
from ..data.targets import EncodedTarget
from ..errors import Problem, UsageError
from ..optimizers.member import Member
from ..optimizers.named import Optimizers
from ..schedules import Schedule
from .learner import Learner


def build_learner(
    config: Config,
    inputs: Mapping[str, Input],
    targets: Mapping[str, EncodedTarget],
    device: torch.device,
    fold: int = 0,
) -> Learner:
    """The learner that a config names, with starting weights that the seed gives.

    Raises:
        UsageError: the model cannot take these inputs, or is larger than the free memory; or the
            learner's class leaves out what every learner must define.
    """
    learner: type[Learner] = config.learner.load()
    if missing := sorted(getattr(learner, "__abstractmethods__", ())):
        what = f"learner {config.learner.name} does not define {join_names(missing)}"
        hint = "see Learner in dlx/learning/learner.py and docs/plugins.md"
        raise UsageError(Problem(what, "learner.name", hint=hint))
    return learner.build(config, inputs, targets, device, fold)


def build_optimizers(config: Config, learner: Learner, steps: int, mode: str) -> Optimizers:
    """An optimizer with its schedule for each group of a learner's parameters.

    Args:
        config: names the schedule, and the optimizer of each group that has none of its own.
        learner: from `build_learner`.
        steps: optimizer steps an epoch.
        mode: "min" or "max", the direction in which the score that schedules watch improves.
    """
    plan = config.schedule.load()
    names = {id(p): name for name, p in learner.module.named_parameters()}

    def schedule(optimizer: Optimizer) -> Schedule:
        found: Schedule = plan(
            config.schedule.options, optimizer, steps, config.trainer.epochs, mode
        )
        return found

    def member(group: str, parameters: Iterable[Parameter]) -> Member:
        _, chosen = optimizer_of(config, group)
        named = {names[id(p)]: p for p in parameters}
        make = partial(chosen.load(), chosen.options)
        return Member(named, make, schedule, flat=is_shipped(chosen.target))

    members = {group: member(group, found) for group, found in learner.groups().items()}
    return Optimizers(members, config.trainer, learner.device, learner.penalty)
