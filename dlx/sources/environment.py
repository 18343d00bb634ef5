"""Copies of an environment that play side by side, and whole episodes for those who judge.

An episode is its environment, its seed and its actions: that is all that a checkpoint holds of one
under way, and going on plays it again up to there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ..data.environments import Environment
from ..data.environments.base import Seen
from ..errors import Problem, RunError
from ..interrupts import check
from ..seeds import derive
from ..state import State

Choices = npt.NDArray[np.int64]
Act = Callable[[Seen, Choices], Choices]
"""Observations (copies, ...) and a number of each of these moments -> an action for each."""
SLOTS = 32
"""Episodes, at most, that are played side by side to be judged."""
_SEEDS, _MOMENTS = 2**31, 32


def episode_seed(seed: int, purpose: str, copy: int, number: int) -> int:
    """The seed of an episode: of a run's seed, "train", "val" or "test", a copy, and a count."""
    return derive(seed, "episode", purpose, copy, number) % _SEEDS


@dataclass
class Moved:
    """What the actions of all copies led to.

    Attributes:
        rewards: (copies,).
        following: the observation after each action, which is the last of an episode that ended.
        terminated: whether nothing follows, (copies,).
        truncated: whether the episode was cut off, though something would follow, (copies,).
    """

    rewards: npt.NDArray[np.float32]
    following: Seen
    terminated: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]

    @property
    def ended(self) -> npt.NDArray[np.bool_]:
        """Whether the episode has ended, in whatever way."""
        return self.terminated | self.truncated


class Copies:
    """Copies of an environment, each of which plays one training episode after the other.

    Args:
        environments: a copy each.
        seed: of the run.
        steady: whether an episode is a function of its seed; else none can be gone on with.
        shaping: weight of the growth of their potential, which is added to rewards.
        discount: what the potential counts one step later.

    Attributes:
        observations: what each copy sees now, (copies, ...).
        steps: that all copies have made together.
        finished: return and length of the episodes that ended last, in order; see `KEPT`.
    """

    KEPT = 100

    def __init__(
        self,
        environments: Sequence[Environment],
        seed: int,
        steady: bool = True,
        shaping: float = 0.0,
        discount: float = 1.0,
    ) -> None:
        self.environments = list(environments)
        self._seed, self._steady = seed, steady
        self._shaping, self._discount = shaping, discount
        self._elsewhere = waits(environments)
        self.steps = 0
        self.finished: list[tuple[float, int]] = []
        many = len(self.environments)
        self._numbers, self._returns = [0] * many, [0.0] * many
        self._taken: list[list[int]] = [[] for _ in range(many)]
        self.observations = np.zeros((many, *self.environments[0].shape), np.float32)
        for copy in range(many):
            self._begin(copy, 0)

    def __len__(self) -> int:
        return len(self.environments)

    def _begin(self, copy: int, number: int) -> None:
        """Begins an episode of a copy."""
        self._numbers[copy], self._returns[copy], self._taken[copy] = number, 0.0, []
        seed = episode_seed(self._seed, "train", copy, number)
        self.observations[copy] = self.environments[copy].reset(seed)

    def step(self, actions: Choices, playing: Sequence[int] | None = None) -> Moved:
        """Acts once in each copy; where an episode ends, the next begins.

        Args:
            actions: one for each.
            playing: the copies that act, where others wait; what comes of it is told of them alone.

        Raises:
            RunError: an observation or a reward is not finite.
        """
        acting = range(len(self)) if playing is None else playing
        before = self._potentials(acting)
        rewards = np.empty(len(acting), np.float32)
        following = np.empty((len(acting), *self.observations.shape[1:]), np.float32)
        ends = np.zeros((2, len(acting)), np.bool_)
        chosen = [*zip(acting, actions.tolist(), strict=True)]
        for copy, action in chosen if self._elsewhere else ():
            self.environments[copy].start(action)
        for place, (copy, action) in enumerate(chosen):
            self._taken[copy].append(action)
            seen, reward, terminated, truncated = self.environments[copy].step(action)
            following[place], rewards[place] = seen, reward
            self._returns[copy] += reward
            if not terminated:
                late = len(self._taken[copy]) >= self.environments[copy].limit
                ends[1, place] = truncated or late
            ends[0, place] = terminated
        if not (np.isfinite(rewards).all() and np.isfinite(following).all()):
            self._refuse(acting, rewards, following)
        if self._shaping:  # an end is worth nothing more, or the way to it would count
            later = np.where(ends[0], 0, self._discount * self._potentials(acting))
            rewards += (self._shaping * (later - before)).astype(np.float32)
        self.steps += len(acting)
        self._see(following, playing)
        for place in np.flatnonzero(ends.any(0)).tolist():
            copy = acting[place]
            self.finished.append((self._returns[copy], len(self._taken[copy])))
            self._begin(copy, self._numbers[copy] + 1)
        del self.finished[: -self.KEPT]
        return Moved(rewards, following, ends[0], ends[1])

    def _see(self, following: Seen, playing: Sequence[int] | None) -> None:
        """Takes what the copies that acted see now; who has the old observations keeps them."""
        if playing is None:
            self.observations = following.copy()
        else:
            self.observations = self.observations.copy()
            self.observations[playing] = following

    def _potentials(self, acting: Sequence[int]) -> npt.NDArray[np.float64]:
        """Of copies as they stand; 0 where none is asked for."""
        if not self._shaping:
            return np.zeros(len(acting))
        return np.array([self.environments[copy].potential() or 0.0 for copy in acting])

    def _refuse(
        self, acting: Sequence[int], rewards: npt.NDArray[np.float32], following: Seen
    ) -> None:
        broken = ~np.isfinite(following.reshape(len(rewards), -1)).all(1) | ~np.isfinite(rewards)
        place = int(np.flatnonzero(broken)[0])
        copy = acting[place]
        seed = episode_seed(self._seed, "train", copy, self._numbers[copy])
        step = len(self._taken[copy])
        environment = self.environments[copy]
        raise RunError(not_finite(environment, seed, step, float(rewards[place]), following[place]))

    def state(self) -> State:
        """The actions of the episodes under way, and what they have led to."""
        actions = np.array([action for taken in self._taken for action in taken], np.int64)
        tensors = {
            "actions": torch.from_numpy(actions),
            "observations": torch.from_numpy(self.observations.copy()),
        }
        facts = {
            "numbers": list(self._numbers),
            "lengths": [len(taken) for taken in self._taken],
            "finished": [list(one) for one in self.finished],
            "steps": self.steps,
        }
        return State(tensors, facts)

    def restore(self, state: State) -> None:
        """Plays the episodes under way again; where none is a function of its seed, begins others.

        Raises:
            RunError: one has come to another observation than before.
        """
        facts, actions = state.facts, state.tensors["actions"].tolist()
        self.steps = facts["steps"]
        self.finished = [(float(one), int(many)) for one, many in facts["finished"]]
        before = state.tensors["observations"].numpy()
        for copy, (number, length) in enumerate(
            zip(facts["numbers"], facts["lengths"], strict=True)
        ):
            if not self._steady:
                self._begin(copy, number + 1)
                continue
            check()
            self._begin(copy, number)
            self._replay(copy, actions[:length])
            del actions[:length]
            if self.observations[copy].tobytes() != before[copy].tobytes():
                raise RunError(self._differs(copy))

    def _replay(self, copy: int, actions: list[int]) -> None:
        for action in actions:
            seen, reward, _, _ = self.environments[copy].step(action)
            self._returns[copy] += reward
            self.observations[copy] = seen
        self._taken[copy] = list(actions)

    def _differs(self, copy: int) -> Problem:
        seed = episode_seed(self._seed, "train", copy, self._numbers[copy])
        name, steps = self.environments[copy].name, len(self._taken[copy])
        what = f"the episode of seed {seed} in {name}, played again for {steps:,} steps, has come "
        what += "to another observation than before: this run cannot be gone on with exactly"
        accepted = "an environment that is a function of its seed, in the version of then"
        return Problem(what, f"copy {copy}", accepted, "dlx train again, or install that version")


def waits(environments: Sequence[Environment]) -> bool:
    """Whether other processes play, so that all are to begin before any is waited for."""
    return any(type(one).start is not Environment.start for one in environments)


def not_finite(
    environment: Environment, seed: int, step: int, reward: float, seen: Seen
) -> Problem:
    """The problem of a reward or an observation that is no number."""
    told = f"a reward of {reward:g}"
    if np.isfinite(reward):
        told = f"an observation with {seen[~np.isfinite(seen)][0]:g} in it"
    what = f"{environment.name} gave {told}"
    where = f"episode of seed {seed}, step {step:,}"
    return Problem(what, where, "finite numbers", "mend the environment")


@dataclass(frozen=True)
class Episodes:
    """Whole episodes.

    Attributes:
        seeds: of each.
        returns: the sum of its rewards, (episodes,).
        lengths: its steps, (episodes,).
    """

    seeds: tuple[int, ...]
    returns: npt.NDArray[np.float64]
    lengths: npt.NDArray[np.int64]


def play(
    environments: Sequence[Environment],
    act: Act,
    seeds: Sequence[int],
    watch: Callable[[Environment], None] | None = None,
) -> Episodes:
    """Plays an episode of each seed to its end; the same actions give the same, whoever asks.

    Args:
        environments: copies that play side by side; no more than there are episodes.
        act: chooses the actions. It is always asked for as many; those of a copy that has no
            episode left are not used. A moment's number has the episode's place in its upper bits.
        seeds: of the episodes.
        watch: is shown the copy that plays the first episode, after each of its steps.

    Raises:
        RunError: an observation or a reward is not finite.
        Interrupted: a signal asks to stop.
    """
    playing = list(range(len(environments)))  # the episode of each copy; -1: none is left
    returns, lengths = np.zeros(len(seeds)), np.zeros(len(seeds), np.int64)
    seen = np.stack([one.reset(seeds[place]) for place, one in enumerate(environments)])
    following, elsewhere = len(environments), waits(environments)
    while max(playing) >= 0:
        check()
        places = np.maximum(playing, 0)
        moments = (places << _MOMENTS) + lengths[places]
        chosen = act(seen, moments).tolist()
        for copy, action in enumerate(chosen if elsewhere else ()):
            if playing[copy] >= 0:
                environments[copy].start(action)
        for copy, action in enumerate(chosen):
            episode, one = playing[copy], environments[copy]
            if episode < 0:
                continue
            step = one.step(action)
            seen[copy] = step.seen
            returns[episode] += step.reward
            lengths[episode] += 1
            if not (np.isfinite(step.reward) and np.isfinite(step.seen).all()):
                where = seeds[episode], int(lengths[episode])
                raise RunError(not_finite(one, *where, step.reward, step.seen))
            if watch is not None and not episode:
                watch(one)
            if step.terminated or step.truncated or lengths[episode] >= one.limit:
                playing[copy] = following if following < len(seeds) else -1
                following += 1
                if playing[copy] >= 0:
                    seen[copy] = one.reset(seeds[playing[copy]])
    return Episodes(tuple(seeds), returns, lengths)
