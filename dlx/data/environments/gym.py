"""Environments of gymnasium, imported only where one is made; drawn without its pygame."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from ...config.names import find_nearest, join_names
from ...config.specs.environments import Gymnasium
from ...errors import Problem, UsageError
from .base import Actions, Environment, Seen, Step
from .drawing import DRAWINGS

_KEY = "dataset.environment"
_CHECKING = ("TimeLimit", "OrderEnforcing", "PassiveEnvChecker")
"""Wrappers that only watch: limits are kept, and the order of calls is right, without them."""
_GRAVITY = 0.0025
_KNOWN = ("CartPole-v1", "Acrobot-v1", "MountainCar-v0")


class Gym(Environment):
    """One copy of an environment of gymnasium.

    Args:
        options: of the dataset.

    Raises:
        UsageError: it is not there, cannot be observed as numbers, or may never end.
    """

    def __init__(self, options: Gymnasium) -> None:
        self.name, made = options.environment, _make(options.environment)
        spec = made.spec
        self.threshold = None if spec is None else spec.reward_threshold
        limit = options.max_steps or (None if spec is None else spec.max_episode_steps)
        if limit is None:
            what = f"{self.name} states no limit of steps, so an episode may never end"
            hint = "dataset.max_steps=1000"
            raise UsageError(Problem(what, "dataset.max_steps", "a number of steps", hint))
        self.limit = limit
        self._flatten, self.shape = _describe_seen(self.name, made.observation_space)
        self.actions, self._first = _describe_actions(self.name, made.action_space)
        while type(made).__name__ in _CHECKING:
            made = made.env
        self._made = made

    def reset(self, seed: int) -> Seen:
        """Begins the episode of a seed."""
        seen: Seen = self._flatten(self._made.reset(seed=seed)[0])
        return seen

    def step(self, action: int) -> Step:
        """Acts once."""
        seen, reward, terminated, truncated, _ = self._made.step(action + self._first)
        return Step(self._flatten(seen), float(reward), bool(terminated), bool(truncated))

    def draw(self) -> npt.NDArray[np.uint8] | None:
        """How it stands, for those that dlx can draw."""
        drawing = DRAWINGS.get(self.name.partition("-")[0])
        return None if drawing is None else drawing(self._made.unwrapped)

    def potential(self) -> float | None:
        """Of a car between hills its energy, which is what it needs to get up."""
        if not self.name.startswith("MountainCar-"):
            return None
        place, speed = (float(x) for x in self._made.unwrapped.state)
        height = math.sin(3 * place) / 3
        return (_GRAVITY * (height + 1 / 3) + speed * speed / 2) / (2 * _GRAVITY / 3)


def make(options: Gymnasium) -> Gym:
    """A copy of an environment of gymnasium; as `Gym`."""
    return Gym(options)


def _make(name: str) -> Any:
    """An environment with its wrappers.

    Raises:
        UsageError: it is not registered, or needs a package that is not installed.
    """
    import gymnasium
    from gymnasium import error

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return gymnasium.make(name, disable_env_checker=True)
    except (error.DependencyNotInstalled, ImportError) as missing:
        what = f"{name} needs a package that is not installed: {str(missing).rstrip('.')}"
        raise UsageError(Problem(what, _KEY, join_names(_KNOWN))) from None
    except error.Error as refused:
        known = [n for n in gymnasium.registry if "/" not in n]
        near = find_nearest(name, known)
        hint = f"{_KEY}={near or _KNOWN[0]}"
        what = f"gymnasium has no environment {name}"
        if not isinstance(refused, error.UnregisteredEnv):
            what = f"gymnasium cannot make {name}: {str(refused).rstrip('.')}"
        raise UsageError(Problem(what, _KEY, "a name of its registry", hint)) from None


def _describe_seen(name: str, space: Any) -> tuple[Any, tuple[int, ...]]:
    """What makes float32 of an observation, and the shape of that.

    Raises:
        UsageError: it is neither numbers of one shape nor one of several.
    """
    from gymnasium import spaces

    if isinstance(space, spaces.Box):
        return lambda seen: np.asarray(seen, np.float32).ravel(), (int(np.prod(space.shape)),)
    if isinstance(space, spaces.Discrete):
        first, many = int(space.start), int(space.n)
        return lambda seen: _mark(int(seen) - first, many), (many,)
    what = f"{name} is observed as {type(space).__name__}, which dlx cannot read"
    raise UsageError(Problem(what, _KEY, "Box or Discrete", f"{_KEY}={_KNOWN[0]}"))


def _mark(place: int, many: int) -> Seen:
    found = np.zeros(many, np.float32)
    found[place] = 1
    return found


def _describe_actions(name: str, space: Any) -> tuple[Actions, int]:
    """What can be done, and the number of the first action."""
    from gymnasium import spaces

    if isinstance(space, spaces.Discrete):
        told = f"one of {int(space.n)} actions"
        return Actions(int(space.n), told, _NAMES.get(name.partition("-")[0], ())), int(space.start)
    if isinstance(space, spaces.Box):
        many = int(np.prod(space.shape))
        ends = f" from {space.low.min():g} to {space.high.max():g}"
        return Actions(0, f"{many} number{'' if many == 1 else 's'}{ends}"), 0
    return Actions(0, f"an action of {type(space).__name__}"), 0


_NAMES = {
    "CartPole": ("left", "right"),
    "Acrobot": ("back", "nothing", "forth"),
    "MountainCar": ("left", "nothing", "right"),
}
