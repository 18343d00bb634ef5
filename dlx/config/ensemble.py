"""What may be asked of an ensemble: finished runs, of which nothing trains any more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from ..errors import Problem
from ..problem import PROBLEMS
from .files import Where
from .learners import Ability, ScoreSpec, has_validation
from .names import join_names
from .schema import Config
from .supervised import SupervisedSpec

_NAME = re.compile(r"[A-Za-z0-9_]{1,60}")
_PLACE = re.compile(r"((folds|snapshots)/\d{1,6})?")
OPTIMISTIC = "validation scores are optimistic: what each member counts is learnt on these rows"


class EnsembleSpec(SupervisedSpec):
    """Targets and their scores as in supervised learning; how inputs are prepared, members know."""

    uses = ("targets", "protocol", "baseline", "loss", "metrics")
    can: ClassVar[tuple[Ability, ...]] = ("folds", "final", "predict")
    encodes = False

    def scores(self, config: Config) -> dict[str, ScoreSpec]:
        """Those of rows that did not train; those of the members' training are theirs."""
        found = super().scores(config)
        held = {name: one for name, one in found.items() if name.startswith("val/")}
        if not has_validation(config):
            held = {name.replace("train/", "test/"): one for name, one in found.items()}
            return {name: replace(one, each_epoch=False) for name, one in held.items()}
        return held

    def monitor(self, config: Config) -> str | None:  # noqa: ARG002
        """None: there is one epoch, in which what members count is found."""
        return None

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """Whether there are members, and what they count can be learnt."""
        yield from super().check(config, where)
        options, here = config.learner.options, where(("learner", "members"))
        hint = "dlx ensemble RUN RUN"
        if not options.members:
            what = "learner ensemble has no `learner.members`"
            yield Problem(what, here or where(("learner",)), "two finished runs or more", hint)
        for name, member in options.members.items():
            if not _NAME.fullmatch(name):
                what = f"`learner.members` names a member {name!r}"
                yield Problem(what, here, "letters, digits and _")
            if not _PLACE.fullmatch(member.at):
                key = f"learner.members.{name}.at"
                place = where(tuple(key.split(".")))
                yield Problem(f"`{key}` is {member.at}", place, "empty, folds/N or snapshots/N")
        yield from _check_classical(config, where)
        if config.protocol.options.folds and config.final != "only":
            what = "learner ensemble cannot be validated over folds: its members trained on them"
            yield Problem(what, where(("protocol",)), "final=only, or one cut", "final=only")
        if options.weights != "mean" and not has_validation(config):
            what = f"`learner.weights` is {options.weights}, but no rows are held out to learn on"
            place = where(("learner", "weights"))
            yield Problem(what, place, "mean", "learner.weights=mean")

    def notes(self, config: Config) -> list[str]:
        """Which scores learnt weights flatter."""
        told = [OPTIMISTIC] * (config.learner.options.weights != "mean")
        return [*super().notes(config), *told]


def _check_classical(config: Config, where: Where) -> Iterator[Problem]:
    """Whether the classical models can answer the targets, under names of their own."""
    options = config.learner.options
    if options.inputs_of and options.inputs_of not in options.members:
        what = f"`learner.inputs_of` is {options.inputs_of}, which is no member"
        yield Problem(what, where(("learner", "inputs_of")), join_names(options.members))
    for place, name in enumerate(options.classical):
        here = where(("learner", "classical", str(place))) or where(("learner", "classical"))
        if name in options.members or name in options.classical[:place]:
            yield Problem(f"two members are called {name}", here, "names that are all different")
        for target, declared in config.targets.items():
            if declared.problem not in _CAN.get(name, (declared.problem,)):
                what = f"{name} cannot answer target {target}: {PROBLEMS[declared.problem].title}"
                accepted = join_names(PROBLEMS[one].title for one in _CAN[name])
                yield Problem(what, here, accepted, "--with linear")


_CAN = {
    "linear": ("binary", "multiclass", "multilabel", "regression", "vector_regression"),
    "naive_bayes": ("binary", "multiclass"),
    "boosting": ("binary", "multiclass", "regression"),
}
"""The problems that each classical model answers."""
