"""What may be asked of generative adversarial networks: rows of one input, without targets."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Problem
from .files import Where
from .learners import (
    LearnerSpec,
    ModelUse,
    ScoreSpec,
    has_validation,
    known_inputs,
    known_size,
)
from .names import join_names
from .schema import Config

_LOSS = "loss of the network, which does not tell how good samples are"
_MEANING = "squared Fréchet distance of samples from rows that did not train"


class GanSpec(LearnerSpec):
    """Numbers from 0 to 1; no loss tells how good samples are, so settings are compared by theirs.

    The last weights are kept, as `monitor` is nobody's: of two networks against each other neither
    loss has a best epoch.
    """

    uses = ("prepare", "protocol", "optimizer", "schedule")
    can = ("folds", "final", "accumulate")

    def scores(self, config: Config) -> dict[str, ScoreSpec]:
        """The loss of each network, and how far samples are from rows that do not train."""
        validates = has_validation(config)
        networks = ("train/discriminator", "train/generator")
        found = {name: ScoreSpec("min", meaning=_LOSS) for name in networks}
        held = "val" if validates else "test"
        far = ScoreSpec("min", judged=validates, each_epoch=validates, meaning=_MEANING)
        return {**found, f"{held}/frechet": far}

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
        inputs = config.dataset.options.inputs
        if len(inputs) != 1:
            what = f"learner gan learns from one input, but dataset {config.dataset.name} has "
            yield Problem(what + join_names(inputs), where(("dataset",)), "a dataset of one input")
        for index, step in enumerate(config.prepare.steps):
            if step.name == "standardise":
                what = "learner gan makes numbers from 0 to 1, but standardise makes others"
                hint = "'prepare.steps=[{name: scale}]'"
                yield Problem(what, where(("prepare", "steps", str(index))), "scale", hint)
