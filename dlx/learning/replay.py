"""The last transitions of an environment, from which those of a step are drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..seeds import derive
from ..sources.batches import Batch
from ..sources.environment import Copies
from ..state import State, join_states, part_of
from .policy import ACTION, OBSERVATION
from .rollouts import make_rows

CHUNK, MOST_CHUNKS = 4096, 64
"""Transitions of a chunk that a checkpoint keeps in one file, and such files at most."""
RETURN, DISCOUNT, FOLLOWING = "return", "discount", "following"


@dataclass(frozen=True)
class Transitions:
    """What followed some observations, a row each.

    Attributes:
        observations: in which something was done.
        actions: what was done.
        returns: discounted rewards of the steps looked ahead.
        discounts: what the value of the last of these steps counts; 0 where the episode was over.
        following: the observation behind them.
    """

    observations: Tensor
    actions: Tensor
    returns: Tensor
    discounts: Tensor
    following: Tensor


class Replay:
    """A ring of transitions of several copies of an environment (Lin, 1992; Mnih and others, 2015).

    Those of one moment stand side by side, so that the next of a copy stands `copies` further on.

    Args:
        capacity: transitions that are kept, rounded down to a whole number of moments.
        copies: of the environment.
        shape: of an observation.
        device: where they lie.
    """

    def __init__(
        self, capacity: int, copies: int, shape: Sequence[int], device: torch.device | None = None
    ) -> None:
        self.copies, self.capacity = copies, max(1, capacity // copies) * copies
        self.added, self.device = 0, device or torch.device("cpu")
        kinds = {
            "observations": (torch.float32, tuple(shape)),
            "actions": (torch.int64, ()),
            "rewards": (torch.float32, ()),
            "following": (torch.float32, tuple(shape)),
            "terminated": (torch.bool, ()),
            "ended": (torch.bool, ()),
        }
        self._kept = {
            name: torch.zeros((self.capacity, *inner), dtype=dtype, device=self.device)
            for name, (dtype, inner) in kinds.items()
        }
        self._chunk = max(CHUNK, -(-self.capacity // MOST_CHUNKS))

    def __len__(self) -> int:
        return min(self.added, self.capacity)

    def add(
        self,
        observations: Tensor,
        actions: Tensor,
        rewards: Tensor,
        following: Tensor,
        terminated: Tensor,
        ended: Tensor,
    ) -> None:
        """Keeps what all copies have just done, in place of the oldest; a row is a copy.

        Args:
            observations: in which they acted.
            actions: what they did.
            rewards: what they got.
            following: what they saw then, before an episode that is over begins anew.
            terminated: whether the environment is over, so that nothing follows.
            ended: whether the episode is, as after so many steps too.
        """
        start = self.added % self.capacity
        told = (observations, actions, rewards, following, terminated, ended)
        for kept, given in zip(self._kept.values(), told, strict=True):
            kept[start : start + self.copies] = given
        self.added += self.copies

    def take(self, numbers: Tensor, steps: int, discount: float) -> Transitions:
        """Some transitions, looked ahead from (Sutton, 1988; van Hasselt and others, 2016).

        Where an episode ends before so many steps, or the newest is reached, fewer are looked at.

        Args:
            numbers: which, from 0 for the oldest; on the CPU.
            steps: looked ahead, at least 1.
            discount: of a reward a step later.
        """
        oldest = self.added % self.capacity if self.added > self.capacity else 0
        numbers = numbers.to(self.device)
        first = (oldest + numbers) % self.capacity
        kept, last = self._kept, first
        returns = kept["rewards"][first]
        factors = torch.full_like(returns, discount)
        going = ~kept["ended"][first] if steps > 1 else None
        for step in range(1, steps):
            assert going is not None
            further = numbers + step * self.copies
            going = going & (further < len(self))
            here = (oldest + further) % self.capacity
            returns = torch.where(going, returns + factors * kept["rewards"][here], returns)
            factors = torch.where(going, factors * discount, factors)
            last = torch.where(going, here, last)
            going = going & ~kept["ended"][here]
        return Transitions(
            kept["observations"][first],
            kept["actions"][first],
            returns,
            torch.where(kept["terminated"][last], 0.0, factors),
            kept["following"][last],
        )

    def state(self) -> State:
        """All of it, in chunks of which few change from one checkpoint to the next."""
        tensors: dict[str, Tensor] = {}
        chunks, many = [], len(self)
        for start in range(0, many, self._chunk):
            end = min(start + self._chunk, many)
            own = {f"{start}/{name}": one[start:end] for name, one in self._kept.items()}
            tensors |= own
            chunks.append([*own])
        return State(tensors, {"added": self.added}, chunks)

    def restore(self, state: State) -> None:
        """Puts back what `state` gave.

        Raises:
            RuntimeError, KeyError: it is of another size.
        """
        self.added = state.facts["added"]
        if len(self) > self.capacity or self.added % self.copies:
            raise RuntimeError("the transitions are not of so many copies")
        for start in range(0, len(self), self._chunk):
            end = min(start + self._chunk, len(self))
            for name, one in self._kept.items():
                one[start:end] = state.tensors[f"{start}/{name}"]


class Explorer(Protocol):
    """A learner that plays, and has transitions kept."""

    def explore(self, copies: Copies, replay: Replay) -> None:
        """Plays on in each copy, and adds what came of it."""


class ReplaySource:
    """Batches drawn from what was played: so many each time after some steps in the copies.

    Args:
        learner: plays.
        copies: of the environment.
        replay: what was played.
        rounds: how often is played, in an epoch.
        draws: batches drawn after each of them.
        batch_size: transitions of a batch, drawn with replacement.
        ahead: steps that are looked ahead, and the discount of each.
        seed: what draws derive from.
    """

    def __init__(
        self,
        learner: Explorer,
        copies: Copies,
        replay: Replay,
        rounds: int,
        draws: int,
        batch_size: int,
        ahead: tuple[int, float],
        seed: int,
    ) -> None:
        self.steps = rounds * draws
        self._learner, self._copies, self._replay = learner, copies, replay
        self._draws, self._batch_size, self._ahead, self._seed = draws, batch_size, ahead, seed
        self._order = torch.Generator()

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        """The batches of an epoch; a batch depends on its number and on what was played."""
        for place in range(skip, self.steps):
            if place % self._draws == 0:
                self._learner.explore(self._copies, self._replay)
            self._order.manual_seed(derive(self._seed, "replay", number, place))
            size = (self._batch_size,)
            yield self._take(torch.randint(len(self._replay), size, generator=self._order))

    def probe(self) -> Batch:
        """The oldest transitions; where there are none yet, some are played."""
        if not len(self._replay):
            self._learner.explore(self._copies, self._replay)
        return self._take(torch.arange(min(self._batch_size, len(self._replay))))

    def _take(self, numbers: Tensor) -> Batch:
        found = self._replay.take(numbers, *self._ahead)
        targets = {
            ACTION: found.actions,
            RETURN: found.returns,
            DISCOUNT: found.discounts,
            FOLLOWING: found.following,
        }
        return make_rows({OBSERVATION: found.observations}, targets).batch(0, len(numbers))

    def state(self) -> State:
        """The copies, and what was played."""
        return join_states({"copies": self._copies.state(), "replay": self._replay.state()})

    def restore(self, state: State) -> None:
        """Puts back what `state` gave; the episodes under way are played again."""
        self._copies.restore(part_of(state, "copies"))
        self._replay.restore(part_of(state, "replay"))
