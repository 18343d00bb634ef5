"""What may be asked of an ensemble: finished runs, of which nothing trains any more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from ..errors import Problem
from .files import Where
from .learners import Ability, ScoreSpec, has_validation
from .schema import Config
from .supervised import SupervisedSpec

_NAME = re.compile(r"[A-Za-z0-9_]{1,60}")
_PLACE = re.compile(r"((folds|snapshots)/\d{1,6})?")
OPTIMISTIC = "validation scores are optimistic: what each member counts is learnt on these rows"


class EnsembleSpec(SupervisedSpec):
    """Targets and their scores as in supervised learning; how inputs are prepared, members know."""

    uses = ("targets", "protocol", "baseline", "loss", "metrics")
    can: ClassVar[tuple[Ability, ...]] = ("folds", "final", "predict")

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
