"""What may be asked of learners of a policy: an environment, and episodes of seeds of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ..errors import Problem
from .files import Path, Where
from .learners import LearnerSpec, ModelUse, ScoreSpec, known_inputs
from .names import plural
from .schema import Config
from .specs.averages import is_averaged
from .specs.policies import ActorCritic, Policy, Ppo

RETURN, SOLVED, LENGTH = "return", "solved", "length"
"""Scores of episodes."""
SOLVED_MEANING = "share of the episodes whose return is at least the environment's threshold"
RETURN_MEANING = "mean return of the episodes; a return is the sum of an episode's rewards"
_RECENT = "mean return of the last 100 training episodes, played while the policy still learnt"


class PolicySpec(LearnerSpec):
    """Episodes of an environment; settings are compared by the return of validation episodes.

    What is played to validate, and to test, are episodes of seeds that serve nothing else: no rows
    are held out, and no ledger counts them.

    Attributes:
        losses: each with its direction and what it is of.
    """

    eats = ("environment",)
    uses = ("model", "optimizer", "schedule")
    fresh = "episode"
    branch = "reinforcement"
    problem = "acting"
    losses: ClassVar[dict[str, ScoreSpec]] = {}

    def scores(self, config: Config) -> dict[str, ScoreSpec]:
        """What training tells, and what episodes of seeds of their own bring."""
        found = {f"train/{name}": one for name, one in self.losses.items()}
        found["train/return"] = ScoreSpec("max", meaning=_RECENT)
        found["val/return"] = ScoreSpec("max", judged=True, meaning=RETURN_MEANING)
        if config.dataset.options.states_threshold:
            found["val/solved"] = ScoreSpec("max", each_epoch=False, meaning=SOLVED_MEANING)
        return found

    def monitor(self, config: Config) -> str:  # noqa: ARG002
        """The return of validation episodes."""
        return "val/return"

    def tell_fresh(self, config: Config) -> str:
        """How many episodes."""
        options = config.learner.options
        assert isinstance(options, Policy)
        told = f"{options.validation_episodes:,} validation and {options.test_episodes:,} test "
        return f"{told}episodes of seeds of their own"

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """Options of others that would have no effect."""
        options = config.learner.options
        assert isinstance(options, Policy)
        if config.trainer.steps_per_epoch is not None:
            steps = config.trainer.steps_per_epoch
            what = "`trainer.steps_per_epoch` counts batches of rows, of which learner "
            what += f"{config.learner.name} has none"
            here, hint = where(("trainer", "steps_per_epoch")), f"learner.steps_per_epoch={steps}"
            yield Problem(what, here, "learner.steps_per_epoch", hint)
        trainer = config.trainer
        if trainer.average.name == "swa" and is_averaged(trainer.average, trainer.epochs):
            what = "an average of epochs passes over the batches again, but what was played is gone"
            accepted, here = "trainer.average: none, ema", where(("trainer", "average"))
            yield Problem(what, here, accepted, "trainer.average=none")


class ActorCriticSpec(PolicySpec):
    """A policy, and a network that tells the value."""

    losses: ClassVar[dict[str, ScoreSpec]] = {
        "policy": ScoreSpec(
            "min", meaning="objective of the policy, which says little about the return"
        ),
        "value": ScoreSpec("min", meaning="half the mean squared error of the value"),
        "entropy": ScoreSpec("max", meaning="entropy of the policy's actions, in nats"),
    }

    def models(self, config: Config) -> dict[str, ModelUse]:
        """The policy and the value."""
        options, inputs = config.learner.options, known_inputs(config)
        assert isinstance(options, ActorCritic)
        found = {"model": ModelUse(config.model, inputs, ("action",))}
        if options.value is not None:
            found["learner.value"] = ModelUse(options.value, inputs, ("value",), {"value": 1})
        return found

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """A model that cannot tell the value too, such as a graph with heads of its own."""
        yield from super().check(config, where)
        options, model, inputs = config.learner.options, config.model, known_inputs(config)
        assert isinstance(options, ActorCritic)
        if options.value is not None or [*model.options.check(inputs, ("action",), _nowhere)]:
            return
        if [*model.options.check(inputs, ("value",), _nowhere)]:
            what = f"`learner.value` is null, so that the value has a {model.name} as `model` has, "
            what += "but that is made for actions alone"
            accepted = "a model of its own for the value"
            yield Problem(what, where(("model",)), accepted, "'learner.value={name: mlp}'")


def _nowhere(path: Path) -> str:  # noqa: ARG001 - what is found there is not told
    return ""


class PpoSpec(ActorCriticSpec):
    """Batches are cut from what was just played."""

    can = ("accumulate", "workflow")
    losses: ClassVar[dict[str, ScoreSpec]] = {
        **ActorCriticSpec.losses,
        "clipped": ScoreSpec("min", meaning="share of the actions whose probability was clipped"),
    }

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """A rollout whose advantages have no deviation."""
        yield from super().check(config, where)
        options, copies = config.learner.options, config.dataset.options.copies
        assert isinstance(options, Ppo)
        if options.normalise_advantages and options.rollout * copies == 1:
            what = "`learner.normalise_advantages` is true, but a rollout of 1 step of 1 copy has "
            what += "one advantage, which has no deviation"
            here, accepted = where(("learner", "rollout")), "at least 2, or more copies"
            yield Problem(what, here, accepted, "learner.rollout=128")

    def notes(self, config: Config) -> list[str]:
        """How many steps an epoch really has."""
        options = config.learner.options
        assert isinstance(options, Ppo)
        each = options.rollout * config.dataset.options.copies
        many = -(-options.steps_per_epoch // each)
        if many * each == options.steps_per_epoch:
            return []
        told = f"an epoch is {plural(many, 'rollout')} of {each:,} steps, {many * each:,} together"
        return [f"{told}: learner.steps_per_epoch is {options.steps_per_epoch:,}"]


class ReinforceSpec(ActorCriticSpec):
    """A step is of whole episodes, so that how many an epoch has is not known before."""

    can = ("accumulate", "workflow")

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """Schedules that count the steps of an epoch."""
        yield from super().check(config, where)
        chosen = config.schedule
        accepted = "schedule: constant, step, piecewise, plateau, inverse_time"
        counted, path, hint = "", ("schedule", "name"), "schedule=constant"
        if chosen.options.anneals:
            counted = "all epochs"
        elif getattr(chosen.options, "warmup_epochs", 0.0) > 0:
            counted, path = "`schedule.warmup_epochs`", ("schedule", "warmup_epochs")
            accepted, hint = "0", "schedule.warmup_epochs=0"
        if counted:
            what = f"schedule {chosen.name} sets the rate of each step from the number of steps in "
            what += f"{counted}, which learner reinforce does not know before it has played them"
            yield Problem(what, where(path), accepted, hint)
