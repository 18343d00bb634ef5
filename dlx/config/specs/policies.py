"""Learners of what to do in an environment (reinforcement learning)."""

from __future__ import annotations

from dataclasses import dataclass

from ..fields import Chosen, option
from .learner import Learner
from .models import MODELS
from .optimizers import OPTIMIZERS


@dataclass(frozen=True, kw_only=True)
class Policy(Learner):
    """What every learner of a policy has."""

    steps_per_epoch: int = option(
        8192, "steps of the environment an epoch, those of all copies added, at least", ge=1
    )
    discount: float = option(
        0.99, "what a reward counts one step later", gt=0, le=1, aliases=("gamma",)
    )
    validation_episodes: int = option(
        20, "episodes played after each epoch, of seeds that are for this alone", ge=1
    )
    test_episodes: int = option(
        100, "episodes played at the end, of seeds that are for this alone", ge=1
    )
    shaping: float = option(
        0.0,
        "weight of the environment's potential: its growth is added to rewards in training, which "
        "changes no best policy; never in episodes that judge; 0: nothing is added",
        ge=0,
    )
    standardise: bool = option(
        False, "observations less their mean by their standard deviation, of those seen in training"
    )


@dataclass(frozen=True, kw_only=True)
class PolicyOptimizers:
    """What moves each network; null: the config's `optimizer`."""

    policy: Chosen | None = option(None, "moves the policy", table=OPTIMIZERS)
    value: Chosen | None = option(None, "moves what tells the value", table=OPTIMIZERS)


@dataclass(frozen=True, kw_only=True)
class ActorCritic(Policy):
    """Options of learners with a policy and a network that tells the value of what is seen."""

    greedy: bool = option(
        True, "play to be judged the likeliest action, not one drawn by its probability"
    )
    value: Chosen | None = option(
        None, "tells the return to come from an observation; null: as `model`", table=MODELS
    )
    optimizers: PolicyOptimizers = option(
        PolicyOptimizers, "an optimizer for each network; null: that of `optimizer`"
    )
    entropy: float = option(
        0.0, "weight of the entropy, which keeps the policy from settling early", ge=0
    )


@dataclass(frozen=True, kw_only=True)
class Ppo(ActorCritic):
    """Proximal policy optimisation: many small steps on what was just played (Schulman, 2017)."""

    spec = "dlx.config.policies:PpoSpec"

    rollout: int = option(
        128, "steps of each copy that are played before the policy is moved", ge=1, unit="steps"
    )
    passes: int = option(
        4, "passes over what was played, in batches of trainer.batch_size", ge=1, aliases=("k",)
    )
    clip: float = option(
        0.2, "how far the probability of an action may move from what it was, as a share", gt=0
    )
    advantage: float = option(
        0.95, "lambda of generalised advantage estimation (Schulman, 2016)", ge=0, le=1
    )
    normalise_advantages: bool = option(
        True, "advantages of a rollout less their mean by their deviation"
    )
    clip_value: float | None = option(
        None, "how far a value may move from what it was; null: as far as it goes", gt=0
    )


@dataclass(frozen=True, kw_only=True)
class Reinforce(ActorCritic):
    """REINFORCE with a baseline: what whole episodes brought moves the policy (Williams, 1992)."""

    spec = "dlx.config.policies:ReinforceSpec"

    episodes: int = option(
        1,
        "whole episodes that each copy plays before the policy is moved once; the value is moved "
        "by the same in batches of trainer.batch_size",
        ge=1,
    )
    normalise_gains: bool = option(
        True, "gains of these episodes less their mean by their deviation", aliases=("normalize",)
    )
