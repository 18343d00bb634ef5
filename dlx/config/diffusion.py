"""What may be asked of a diffusion model: rows of one input, without targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..errors import Problem
from .fidelity import check_judge, fidelity_scores
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

LEVEL, NOISE = "level", "noise"
"""What the network is fed beside noisy rows, and what it answers."""

_LOSS = "mean squared error of the guessed noise, whose variance is 1, over all noise levels"
_OBJECTIVE = "what training minimises: mean squared error of the {}"


class DiffusionSpec(LearnerSpec):
    """Numbers from 0 to 1; settings are compared by how well noise is guessed.

    Samples are judged at the end, as those of a GAN are.
    """

    branch = "generative"
    problem = "new samples"
    uses = ("prepare", "protocol", "optimizer", "schedule")
    can = ("folds", "final", "accumulate", "diagnose")

    def scores(self, config: Config) -> dict[str, ScoreSpec]:
        """The loss of both sets, whatever the network predicts."""
        predicts, found = config.learner.options.predicts, {}
        if predicts != "noise":
            meaning = _OBJECTIVE.format(predicts)
            found["train/objective"] = ScoreSpec("min", meaning=meaning)
        for part in ("train", "val") if has_validation(config) else ("train",):
            found[f"{part}/loss"] = ScoreSpec("min", judged=part == "val", meaning=_LOSS)
        ends = fidelity_scores(config).items()  # samples take too long to be made in every epoch
        return found | {n: replace(one, judged=False, each_epoch=False) for n, one in ends}

    def monitor(self, config: Config) -> str | None:
        """The loss of the validation set."""
        return "val/loss" if has_validation(config) else None

    def models(self, config: Config) -> dict[str, ModelUse]:
        """The network."""
        options = config.learner.options
        fed = {**known_inputs(config), LEVEL: (options.level,)}
        return {
            "learner.denoiser": ModelUse(
                options.denoiser, fed, (NOISE,), {NOISE: known_size(config)}
            )
        }

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """Whether there is one input, nothing takes its numbers out of 0 to 1, and sizes fit."""
        yield from check_judge(config, where)
        inputs, options = config.dataset.options.inputs, config.learner.options
        given = f"dataset {config.dataset.name}"
        if len(inputs) != 1:
            what = f"learner diffusion learns from one input, but {given} has {join_names(inputs)}"
            yield Problem(what, where(("dataset",)), "a dataset of one input")
        elif inputs[0] == LEVEL:
            what = f"learner diffusion has an input `{LEVEL}` of its own, but so has {given}"
            yield Problem(what, where(("dataset",)), "an input of another name")
        if options.level % 2:
            what, least = f"`learner.level` is {options.level}", options.level + 1
            at = where(("learner", "level"))
            yield Problem(what, at, "an even number", f"learner.level={least}")
        if options.jumps > options.steps:
            what = f"`learner.jumps` is {options.jumps}, but there are {options.steps} steps"
            at, accepted = where(("learner", "jumps")), f"at most {options.steps}"
            yield Problem(what, at, accepted, f"learner.jumps={options.steps}")
        for index, step in enumerate(config.prepare.steps):
            if step.name == "standardise":
                what = "learner diffusion makes numbers from 0 to 1, but standardise makes others"
                hint = "'prepare.steps=[{name: scale}]'"
                yield Problem(what, where(("prepare", "steps", str(index))), "scale", hint)
