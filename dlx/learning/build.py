"""Putting together what a config names: the learner, and the optimizers that move it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch.nn import Parameter
from torch.optim import Optimizer

from ..config.learners import optimizer_of
from ..config.names import join_names
from ..config.schema import Config
from ..config.specs.optimizers import Group, groups_of, is_elementwise
from ..data.code import is_shipped
from ..data.columns import Input
from ..data.origins import locate_files
from ..data.targets import EncodedTarget
from ..errors import Problem, UsageError
from ..models.frozen import frozen_groups
from ..optimizers.groups import require_groups, require_trained
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
    return learner.build(locate_files(config), inputs, targets, device, fold)


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
            config.schedule.options, optimizer, steps, max(1, config.trainer.epochs), mode
        )
        return found

    frozen = frozen_groups(learner.module)

    def member(group: str, parameters: Mapping[str, Parameter]) -> Member:
        _, chosen = optimizer_of(config, group)
        make, flat = partial(chosen.load(), chosen.options), is_shipped(chosen.target)
        flat = flat and is_elementwise(chosen)
        return Member(parameters, make, schedule, flat, {**groups_of(chosen), **frozen})

    moved = {
        group: {names[id(p)]: p for p in parameters}
        for group, parameters in learner.groups().items()
    }
    _check_patterns(config, moved, frozen)
    members = {group: member(group, parameters) for group, parameters in moved.items()}
    return Optimizers(members, config.trainer, learner.device, learner.penalty)


def _check_patterns(
    config: Config, moved: Mapping[str, Mapping[str, Parameter]], frozen: Mapping[str, Group]
) -> None:
    """The patterns of each optimizer must match weights that it moves, and leave it some to move.

    Raises:
        UsageError: they do not.
    """
    names: dict[str, list[str]] = {}
    for group, parameters in moved.items():
        key, chosen = optimizer_of(config, group)
        its = group if len(moved) > 1 else ""
        every = {**groups_of(chosen), **frozen}
        require_trained(every, parameters, f"{key}.groups", its)
        names.setdefault(key, []).extend(parameters)
    for group in moved:
        key, chosen = optimizer_of(config, group)
        require_groups(groups_of(chosen), names[key], f"{key}.groups", frozen)
