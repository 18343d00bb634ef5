"""Deep Q-learning: options of the learner `dqn`."""

from __future__ import annotations

from dataclasses import dataclass

from ..fields import option
from .policies import Policy


@dataclass(frozen=True, kw_only=True)
class Dqn(Policy):
    """Deep Q-learning: what each action is worth, from transitions that are kept (Mnih, 2015)."""

    spec = "dlx.config.dqn:DqnSpec"

    buffer: int = option(
        50_000,
        "transitions that are kept, the newest ones",
        ge=1,
        unit="steps",
        aliases=("buffer_size", "replay_size"),
    )
    warm_up: int = option(
        1_000,
        "steps of all copies that are played at random before the first batch is drawn",
        ge=1,
        unit="steps",
        aliases=("learning_starts",),
    )
    play: int = option(
        1,
        "steps of each copy between draws",
        ge=1,
        unit="steps",
        aliases=("train_freq", "train_every"),
    )
    draws: int = option(
        1, "batches that are drawn after that", ge=1, aliases=("gradient_steps", "updates")
    )
    explore_from: float = option(
        1.0, "share of actions that are drawn at random after the warm-up", ge=0, le=1
    )
    explore_to: float = option(
        0.05, "share of them in the end", ge=0, le=1, aliases=("epsilon", "exploration_final_eps")
    )
    explore_steps: int = option(
        10_000, "steps of all copies over which the share falls, evenly", ge=1, unit="steps"
    )
    look_ahead: int = option(
        1, "rewards that are added up before a value is asked for", ge=1, aliases=("n_step",)
    )
    double: bool = option(
        True, "the network that moves chooses the action whose value the older one tells"
    )
    follow_every: int = option(
        100,
        "batches after which the older network follows the one that moves",
        ge=1,
        aliases=("target_update_interval", "target_every"),
    )
    follow_share: float = option(
        1.0, "how far it goes then: 1 takes its place", gt=0, le=1, aliases=("tau", "polyak")
    )
