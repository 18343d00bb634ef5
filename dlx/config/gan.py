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
from .specs.learners import Gan

_LOSS = "loss of the network, which does not tell how good samples are"


class GanSpec(LearnerSpec):
    """Numbers from 0 to 1; no loss tells how good samples are, so settings are compared by theirs.

    The last weights are kept, as `monitor` is nobody's: of two networks against each other neither
    loss has a best epoch.
    """

    branch = "generative"
    problem = "new samples"
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
        yield from _check_options(config.learner.options, where)
        inputs = config.dataset.options.inputs
        if len(inputs) != 1:
            what = f"learner gan learns from one input, but dataset {config.dataset.name} has "
            yield Problem(what + join_names(inputs), where(("dataset",)), "a dataset of one input")
        for index, step in enumerate(config.prepare.steps):
            if step.name == "standardise":
                what = "learner gan makes numbers from 0 to 1, but standardise makes others"
                hint = "'prepare.steps=[{name: scale}]'"
                yield Problem(what, where(("prepare", "steps", str(index))), "scale", hint)


def _check_options(options: Gan, where: Where) -> Iterator[Problem]:
    """Labels where the loss has none, and an activation that would act twice."""
    for name in ("label_noise", "label_smoothing"):
        if options.loss == "hinge" and getattr(options, name):
            what = f"`learner.{name}` is {getattr(options, name):g}, but loss hinge has no labels"
            accepted = "learner.loss: cross_entropy, mean_cross_entropy, least_squares"
            yield Problem(what, where(("learner", name)), accepted, f"learner.{name}=0")
    model = options.generator.options
    last = [layers[-1].name for layers in model.stacks().values() if layers][-1:]
    if not getattr(model, "output_layer", True) and last in (["tanh"], ["sigmoid"]):
        what = f"the generator ends with {last[0]}, but `learner.output` makes samples by "
        accepted = "a generator whose last layer is no activation"
        hint = f"leave {last[0]} out"
        yield Problem(what + options.output, where(("learner", "generator")), accepted, hint)
