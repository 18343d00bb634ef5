"""What may be asked of deep Q-learning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ..errors import Problem
from .files import Where
from .learners import ModelUse, ScoreSpec, known_inputs
from .policies import PolicySpec
from .schema import Config
from .specs.dqn import Dqn


class DqnSpec(PolicySpec):
    """Batches are drawn from what was played before."""

    can = ("accumulate", "workflow")
    losses: ClassVar[dict[str, ScoreSpec]] = {
        "loss": ScoreSpec(
            "min", meaning="error against values that move, which says little about the return"
        ),
        "value": ScoreSpec(
            "max", meaning="return that it expects of the actions taken, which may be wrong"
        ),
    }

    def models(self, config: Config) -> dict[str, ModelUse]:
        """What tells what each action is worth."""
        return {"model": ModelUse(config.model, known_inputs(config), ("action",))}

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """A buffer that loses the warm-up, and a share that grows."""
        yield from super().check(config, where)
        options, copies = config.learner.options, config.dataset.options.copies
        assert isinstance(options, Dqn)
        least = max(options.warm_up, copies)
        if options.buffer < least:
            told = "steps of the warm-up" if least == options.warm_up else "copies that play"
            what = f"`learner.buffer` keeps {options.buffer:,} transitions, fewer than the "
            here, accepted = where(("learner", "buffer")), f"at least {least}"
            yield Problem(f"{what}{least:,} {told}", here, accepted, f"learner.buffer={least}")
        if options.explore_to > options.explore_from:
            what = f"`learner.explore_to` is {options.explore_to:g}, more than `explore_from`, "
            what += f"which is {options.explore_from:g}: the share falls"
            here, most = where(("learner", "explore_to")), f"{options.explore_from:g}"
            yield Problem(what, here, f"at most {most}", f"learner.explore_to={most}")
