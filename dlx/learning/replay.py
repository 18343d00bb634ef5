"""The last transitions of an environment, from which those of a step are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..state import State

CHUNK, MOST_CHUNKS = 4096, 64
"""Transitions of a chunk that a checkpoint keeps in one file, and such files at most."""


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

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.actions)

    def split(self, parts: int) -> list[Transitions]:
        """The same in so many parts of nearly equal size."""
        cut = [one.tensor_split(parts) for one in vars(self).values()]
        return [Transitions(*fields) for fields in zip(*cut, strict=True) if len(fields[0])]


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
        self.added = 0
        kinds = {
            "observations": (torch.float32, tuple(shape)),
            "actions": (torch.int64, ()),
            "rewards": (torch.float32, ()),
            "following": (torch.float32, tuple(shape)),
            "terminated": (torch.bool, ()),
            "ended": (torch.bool, ()),
        }
        self._kept = {
            name: torch.zeros((self.capacity, *inner), dtype=dtype, device=device)
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
            numbers: which, from 0 for the oldest.
            steps: looked ahead, at least 1.
            discount: of a reward a step later.
        """
        oldest = self.added % self.capacity if self.added > self.capacity else 0
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
