"""What may be asked of generative adversarial networks: rows of one input, without targets."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Problem
from .fidelity import check_judge, fidelity_scores
from .files import Where
from .learners import (
    LearnerSpec,
    ModelUse,
    ScoreSpec,
    known_inputs,
    known_size,
)
from .names import join_names
from .schema import Config

_LOSS = "loss of the network, which does not tell how good samples are"


class GanSpec(LearnerSpec):
    """Numbers from 0 to 1; no loss tells how good samples are, so settings are compared by theirs.

    The last weights are kept, as `monitor` is nobody's: of two networks against each other neither
    loss has a best epoch.
    """

    uses = ("prepare", "protocol", "optimizer", "schedule")
    can = ("folds", "final", "accumulate")

    def scores(self, config: Config) -> dict[str, ScoreSpec]:
        """The loss of each network, and how far samples are from rows that do not train."""
        networks = ("train/discriminator", "train/generator")
        found = {name: ScoreSpec("min", meaning=_LOSS) for name in networks}
        return {**found, **fidelity_scores(config)}

    def models(self, config: Config) -> dict[str, ModelUse]:
        """Generator and discriminator."""
        options = config.learner.options
        noise = {"noise": (options.noise,)}
        return {
            "learner.generator": ModelUse(
                options.generator, noise, ("made",), {"made": known_size(config)}
            ),
            "learner.discriminator": ModelUse(
                options.discriminator, known_inputs(config), ("real",), {"real": 1}
            ),
        }

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """Whether there is one input, and nothing takes its numbers out of 0 to 1."""
        yield from check_judge(config, where)
        inputs = config.dataset.options.inputs
        if len(inputs) != 1:
            what = f"learner gan learns from one input, but dataset {config.dataset.name} has "
            yield Problem(what + join_names(inputs), where(("dataset",)), "a dataset of one input")
        for index, step in enumerate(config.prepare.steps):
            if step.name == "standardise":
                what = "learner gan makes numbers from 0 to 1, but standardise makes others"
                hint = "'prepare.steps=[{name: scale}]'"
                yield Problem(what, where(("prepare", "steps", str(index))), "scale", hint)
