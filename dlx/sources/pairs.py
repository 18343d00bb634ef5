"""Two views of each row, which draw their augmentations by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor

from ..config.schema import Config
from .augment import Augmenter
from .batches import Batch, Inputs, Part
from .fold import FoldData
from .held import HeldDense

_MARK = " again"
"""Behind the name of an input: its second view."""


class Pairs:
    """Makes of rows their first views, and beside each input its second views.

    What is drawn is a function of seed, fold, epoch, row and view.

    Args:
        views: makes the first views, and the second ones.
    """

    def __init__(self, views: Sequence[Augmenter]) -> None:
        self._first, self._second = views

    @classmethod
    def of(cls, config: Config, fold: FoldData, number: int = 0, held: bool = False) -> Self:
        """Those of a config, which augments something.

        Args:
            config: the config.
            fold: whose training rows tell black and white.
            number: of the fold.
            held: those of rows that do not train, which are the same in every epoch.
        """
        names = [f"{'held ' if held else ''}{which}" for which in ("first", "second")]
        made = [Augmenter.of(config, fold, number, name) for name in names]
        return cls([one for one in made if one is not None])

    def __call__(self, part: Part, epoch: int = 0) -> Part:
        """Some rows in two views, as an epoch sees them."""
        first, second = self._first(part, epoch), self._second(part, epoch)
        again = {name + _MARK: one for name, one in second.held.items()}
        return Part({**first.held, **again}, part.targets, part.numbers)

    def look(self, batch: Batch) -> Batch:
        """A batch in two views: its own where it has them, else those of epoch 0."""
        if any(name.endswith(_MARK) for name in batch.inputs):
            return batch
        held = {name: HeldDense(one) for name, one in batch.inputs.items()}  # type: ignore[arg-type]
        return self(Part(held, batch.targets, batch.numbers)).batch(0, batch.rows)


def join_views(batch: Batch) -> Inputs:
    """The inputs of a batch in two views, the first views of all rows before the second ones."""
    found: Inputs = {}
    for name, first in batch.inputs.items():
        if not name.endswith(_MARK):
            second = batch.inputs[name + _MARK]
            assert isinstance(first, Tensor)
            assert isinstance(second, Tensor)
            found[name] = torch.cat([first, second])
    return found
