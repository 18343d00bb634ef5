"""Where the batches of a training come from."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from ..seeds import derive
from ..state import State
from .batches import Batch, Part


class Change(Protocol):
    """What is made of training rows in an epoch, before they are cut into batches."""

    def __call__(self, part: Part, epoch: int) -> Part:
        """Some training rows as an epoch sees them; the same whoever asks, in whichever part."""
        ...


class Source(Protocol):
    """Gives the batches of an epoch; the same epoch gives the same batches, whoever asks.

    Attributes:
        steps: batches an epoch.
    """

    steps: int

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        """The batches of an epoch.

        Args:
            number: of the epoch, from 0.
            skip: how many of its batches are left out, as they were seen before.
        """
        ...

    def probe(self) -> Batch:
        """A batch to try weights on, that no epoch misses."""
        ...

    def state(self) -> State:
        """What the next batch depends on, beside the numbers of epoch and step."""
        ...

    def restore(self, state: State) -> None:
        """Puts back what `state` gave."""
        ...


class RowSource:
    """The rows of a part, in an order that seed, fold and epoch give.

    Each comes once an epoch; or rows are drawn with replacement, each with its own chance, or as
    many as make a number of batches.

    Args:
        part: the samples.
        batch_size: samples a batch; the last of an epoch may be smaller.
        seed: what the order derives from.
        fold: number of the fold.
        change: what is made of the rows of an epoch, as pictures are augmented.
        chances: of each row to be the next that is drawn; None: all the same.
        steps: batches an epoch, of rows drawn with replacement; None: as many as the rows make.
        alike: whether rows of a batch are of about one length, where rows differ in length.
    """

    def __init__(
        self,
        part: Part,
        batch_size: int,
        seed: int,
        fold: int = 0,
        change: Change | None = None,
        chances: npt.NDArray[np.float64] | None = None,
        steps: int | None = None,
        alike: bool = False,
    ) -> None:
        self.steps = -(-len(part) // batch_size) if steps is None else steps
        self._draws = None if steps is None else steps * batch_size
        self._part, self._batch_size = part, batch_size
        self._seed, self._fold, self._change = seed, fold, change
        self._chances = None if chances is None else torch.from_numpy(chances)
        self._lengths = part.lengths if alike else None

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, in its order, without the first `skip`."""
        once = self._chances is None and self._draws is None
        purpose = "shuffle" if once else "sample"
        order = torch.Generator().manual_seed(derive(self._seed, purpose, self._fold, number))
        change = None if self._change is None else partial(self._change, epoch=number)
        how = skip, change, self._chances, self._draws, self._lengths
        return self._part.iterate_shuffled(self._batch_size, order, *how)

    def probe(self) -> Batch:
        """The first rows, as they are."""
        return next(self._part.in_order(self._batch_size))

    def state(self) -> State:
        """Nothing: seed, fold, epoch and step give everything."""
        return State()

    def restore(self, state: State) -> None:
        """Puts nothing back."""
