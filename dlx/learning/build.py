"""Putting together what a config names: the learner, and the optimizers that move it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch.optim import Optimizer

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
