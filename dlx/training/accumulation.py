"""In how many parts a step is computed: as asked, or, where memory runs out, in more and more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from ..errors import Problem, UsageError
from ..learning.learner import Learner
from ..state import State

Change = tuple[int, int]
"""A step, from 1, and in how many micro-batches it and those after it are computed."""


class Accumulation:
    """The number of micro-batches of each step.

    Args:
        asked: a number; "auto" begins with 1, and doubles it where memory runs out, on CUDA only:
            elsewhere a process that has no more memory is ended without being told.
        learner: what is trained.

    Attributes:
        auto: whether it may change.
        changes: where it did, in order.

    Raises:
        UsageError: it may change, and a layer's results would.
    """

    def __init__(self, asked: int | Literal["auto"], learner: Learner) -> None:
        self.auto = asked == "auto"
        self.changes: list[Change] = []
        self._first = 1 if asked == "auto" else asked
        self._grows = self.auto and is_told_of_memory(learner.device)
        if self.auto:
            _require_rows_apart(learner)

    @property
    def note(self) -> str:
        """What a user may not expect of it; "" for nothing."""
        if not self.auto or self._grows:
            return ""
        return "trainer.accumulate is auto, which has an effect on CUDA only: each batch is whole"

    def parts_of(self, step: int) -> int:
        """In how many micro-batches a step is computed, counted from 1."""
        return next((n for first, n in reversed(self.changes) if first <= step), self._first)

    def follow(self, changes: Iterable[Change]) -> None:
        """Takes over where it changed in a training that is to be repeated to the bit."""
        self.changes = list(changes)

    def grow(self, step: int, rows: int) -> bool:
        """Doubles the number from a step on, in which memory ran out.

        Returns:
            Whether it may, and the rows are not single yet.
        """
        parts = self.parts_of(step)
        if not self._grows or parts >= rows:
            return False
        before = [change for change in self.changes if change[0] < step]
        later = [change for change in self.changes if change[0] > step and change[1] > 2 * parts]
        self.changes = [*before, (step, 2 * parts), *later]
        return True

    def state(self) -> State:
        """Where it changed."""
        return State(facts={"changes": [list(change) for change in self.changes]})

    def restore(self, state: State) -> None:
        """Puts back what `state` gave."""
        self.follow((step, parts) for step, parts in state.facts["changes"])


def is_told_of_memory(device: torch.device) -> bool:
    """Whether a process learns that memory has run out, and can free some."""
    return device.type == "cuda"


def _require_rows_apart(learner: Learner) -> None:
    """Refuses layers that compute with the other rows of a micro-batch.

    Raises:
        UsageError: there is one.
    """
    for name, layer in learner.module.named_modules():
        if isinstance(layer, _BatchNorm):
            what = f"`trainer.accumulate` is auto, but layer {name} ({type(layer).__name__}) takes "
            what += "mean and variance over the rows that are computed together"
            accepted = "a number, or a model without batch normalisation"
            raise UsageError(Problem(what, "trainer.accumulate", accepted, "trainer.accumulate=1"))
