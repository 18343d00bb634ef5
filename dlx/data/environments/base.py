"""What every environment has, whoever made it, and whether it is a function of its seed."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...config.fields import import_code
from ...config.specs.environments import Environment as Options
from ...errors import Problem, UsageError

Seen = npt.NDArray[np.float32]
"""An observation."""
TRIED = 200
"""Steps, at most, of the episode that is played twice."""


@dataclass(frozen=True)
class Actions:
    """What can be done in an environment.

    Attributes:
        count: of the actions of which one is chosen; 0 where an action is numbers.
        told: the space in words, as in "1 number from -2 to 2".
        names: of the actions, where they have any.
    """

    count: int
    told: str
    names: tuple[str, ...] = ()

    def name(self, action: int) -> str:
        """An action by its name, else by its number."""
        return self.names[action] if self.names else str(action)


class Step(NamedTuple):
    """What an action led to.

    Attributes:
        seen: the observation after it.
        reward: for it.
        terminated: whether the episode has come to its end, so that nothing follows.
        truncated: whether it is cut off here, though something would follow.
    """

    seen: Seen
    reward: float
    terminated: bool
    truncated: bool


class Environment(ABC):
    """One copy of an environment, which plays an episode after the other.

    Attributes:
        name: as messages tell it.
        shape: of an observation, in float32.
        actions: what can be done.
        limit: steps after which whoever plays cuts an episode off.
        threshold: the return from which on it counts as solved; None where none is known.
    """

    name: str
    shape: tuple[int, ...]
    actions: Actions
    limit: int
    threshold: float | None = None

    @abstractmethod
    def reset(self, seed: int) -> Seen:
        """Begins the episode of a seed; the same seed and actions give the same episode."""

    @abstractmethod
    def step(self, action: int) -> Step:
        """Acts once."""

    def start(self, action: int) -> None:  # noqa: B027
        """Lets what takes long begin, where another process does it: `step` follows."""

    def draw(self) -> npt.NDArray[np.uint8] | None:
        """How it stands now, (3, height, width); None where it cannot be drawn."""
        return None

    def potential(self) -> float | None:
        """How far it is on the way to what pays, from about 0 to about 1; None where nobody knows.

        Rewards in training may be shaped by it (Ng, Harada and Russell, 1999).
        """
        return None

    def best_action(self) -> int | None:
        """What is best to do now; None where that is not known."""
        return None


def make(options: Options) -> Environment:
    """A fresh copy of an environment.

    Raises:
        UsageError: it is not there, cannot be observed as numbers, or may never end.
    """
    made: Environment = import_code(options.maker)(options)
    return made


def require_choice(environment: Environment, who: str) -> int:
    """How many actions there are to choose from.

    Raises:
        UsageError: an action is something else.
    """
    if not environment.actions.count:
        what = f"{who} acts by choosing one of several actions, but {environment.name} wants "
        accepted = "an environment with a Discrete action space"
        hint = "dataset.environment=CartPole-v1"
        raise UsageError(
            Problem(what + environment.actions.told, "dataset.environment", accepted, hint)
        )
    return environment.actions.count


def find_unsteadiness(options: Options) -> str:
    """How an environment is not a function of its seed; "" where the same episode came twice.

    The first episode is played with actions drawn at random, in a copy of its own, and then once
    more in another that has played before.
    """
    first, other = make(options), make(options)
    if not first.actions.count:
        return ""  # no learner will have it
    draws = random.Random(0)  # noqa: S311 - not for secrets
    actions = [draws.randrange(first.actions.count) for _ in range(min(TRIED, first.limit))]
    played = _play(first, actions)
    other.reset(1)
    for action in actions[:3]:
        if (moved := other.step(action)).terminated or moved.truncated:
            break
    for step, (one, two) in enumerate(zip(played, _play(other, actions), strict=False)):
        if one != two:
            return f"{first.name} is not a function of its seed: played twice with the same " + (
                f"actions, the episode of seed 0 is another at step {step}"
            )
    return ""


def _play(environment: Environment, actions: list[int]) -> list[bytes]:
    """The episode of seed 0: the bits of each observation, of its reward, and whether it ended."""
    found = [environment.reset(0).tobytes()]
    for action in actions:
        seen, reward, terminated, truncated = environment.step(action)
        found.append(seen.tobytes() + np.array([reward, terminated, truncated], float).tobytes())
        if terminated or truncated:
            break
    return found
