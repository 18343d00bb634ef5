"""What copies of an environment have just played, and what each action was worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..seeds import derive
from ..sources.batches import Batch, Part
from ..sources.environment import Copies
from ..sources.held import HeldDense
from ..state import State, join_states, part_of

Numbers = npt.NDArray[np.float32]


@dataclass
class Rollout:
    """So many steps of each copy; arrays are (steps, copies, ...).

    Attributes:
        observations: before each action.
        actions: what was done.
        rewards: for it.
        following: after it; of an episode that ended, its last observation.
        terminated: whether nothing follows.
        ended: whether the episode ended here, in whatever way.
    """

    observations: Numbers
    actions: npt.NDArray[np.int64]
    rewards: Numbers
    following: Numbers
    terminated: npt.NDArray[np.bool_]
    ended: npt.NDArray[np.bool_]


def collect(
    copies: Copies, steps: int, act: Callable[[Numbers, int], npt.NDArray[np.int64]]
) -> Rollout:
    """Plays so many steps in each copy.

    Args:
        copies: they go on from where they stand.
        steps: of each.
        act: observations and which step it is, from 0 -> an action for each copy.
    """
    many, shape = len(copies), copies.observations.shape[1:]
    found = Rollout(
        np.empty((steps, many, *shape), np.float32),
        np.empty((steps, many), np.int64),
        np.empty((steps, many), np.float32),
        np.empty((steps, many, *shape), np.float32),
        np.empty((steps, many), np.bool_),
        np.empty((steps, many), np.bool_),
    )
    for step in range(steps):
        found.observations[step] = copies.observations
        found.actions[step] = act(copies.observations, step)
        moved = copies.step(found.actions[step])
        found.rewards[step], found.following[step] = moved.rewards, moved.following
        found.terminated[step], found.ended[step] = moved.terminated, moved.ended
    return found


def advantages(
    rewards: Numbers,
    values: Numbers,
    following: Numbers,
    ended: npt.NDArray[np.bool_],
    discount: float,
    share: float,
) -> Numbers:
    """Generalised advantage estimation (Schulman and others, 2016, arXiv:1506.02438, equation 16).

    Args:
        rewards: (steps, copies).
        values: of what was seen before each action.
        following: of what was seen after it; 0 where nothing follows.
        ended: whether the episode ended there, so that what comes later is of another.
        discount: of a reward one step later.
        share: lambda: 0 trusts the values, 1 the returns.
    """
    misses = rewards + np.float32(discount) * following - values
    kept = np.where(ended, np.float32(0), np.float32(discount * share))
    found, later = np.empty_like(misses), np.zeros_like(misses[0])
    for step in range(len(misses) - 1, -1, -1):
        later = misses[step] + kept[step] * later
        found[step] = later
    return found


class Player(Protocol):
    """A learner that can play a rollout."""

    def play(self, copies: Copies) -> Part:
        """Plays, and says what each action was worth."""


class RolloutSource:
    """Batches of what was just played: each rollout several times over, then the next is played.

    What is played next depends on the weights as they are then, so that an epoch's batches are a
    function of where the training stands, and the rollout under way is a part of the state.

    Args:
        learner: plays.
        copies: of the environment.
        rollouts: an epoch.
        rows: of a rollout.
        passes: over each rollout.
        batch_size: rows of a batch; the last of a pass may be smaller.
        seed: what the order of rows derives from.
        device: where rollouts lie.
    """

    def __init__(
        self,
        learner: Player,
        copies: Copies,
        rollouts: int,
        rows: int,
        passes: int,
        batch_size: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self._each = -(-rows // batch_size)
        self.steps = rollouts * passes * self._each
        self._learner, self._copies, self._rollouts = learner, copies, rollouts
        self._passes, self._batch_size, self._seed = passes, batch_size, seed
        self._device, self._played = device, None

    _played: Part | None

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        """The batches of an epoch; those of a rollout are drawn anew in each pass over it."""
        whole = self._passes * self._each
        for place in range(skip // whole, self._rollouts):
            seen = max(0, skip - place * whole)
            if not seen:
                self._played = self._learner.play(self._copies)
            assert self._played is not None
            for again in range(seen // self._each, self._passes):
                key = derive(self._seed, "minibatches", number, place, again)
                left_out = max(0, seen - again * self._each)
                order = torch.Generator().manual_seed(key)
                yield from self._played.iterate_shuffled(self._batch_size, order, left_out)

    def probe(self) -> Batch:
        """The first rows of the last rollout; of one that is played for it, where there is none."""
        if self._played is None:
            self._played = self._learner.play(self._copies)
        return self._played.batch(0, min(self._batch_size, len(self._played)))

    def state(self) -> State:
        """The rollout under way, and the copies."""
        return join_states({"copies": self._copies.state(), "played": pack_part(self._played)})

    def restore(self, state: State) -> None:
        """Puts back what `state` gave; the episodes under way are played again."""
        self._copies.restore(part_of(state, "copies"))
        self._played = unpack_part(part_of(state, "played"), self._device)


def make_rows(inputs: dict[str, Tensor], targets: dict[str, Tensor]) -> Part:
    """Rows that were played, to be cut into batches; all have as many."""
    first = next(iter(inputs.values()))
    numbers = torch.arange(first.shape[0], device=first.device)
    return Part({name: HeldDense(one) for name, one in inputs.items()}, targets, numbers)


def pack_part(part: Part | None) -> State:
    """The rows of a part as a state; none of None."""
    if part is None:
        return State()
    inputs = {f"inputs/{n}": one for n, one in part.inputs.items() if isinstance(one, Tensor)}
    return State({**inputs, **{f"targets/{name}": one for name, one in part.targets.items()}})


def unpack_part(state: State, device: torch.device) -> Part | None:
    """What `pack_part` was given."""
    if not state.tensors:
        return None
    sides: dict[str, dict[str, Tensor]] = {"inputs": {}, "targets": {}}
    for name, one in state.tensors.items():
        side, _, key = name.partition("/")
        sides[side][key] = one.to(device)
    return make_rows(sides["inputs"], sides["targets"])
