"""What is done to rows before an encoder reads them, as a function of seed, fold, epoch and row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..config.autoencoder import count_hidden, grid_of
from ..config.specs.learners import Corrupt, Mask
from ..seeds import derive
from ..sources.batches import Part
from ..sources.draws import draw_uniform
from ..sources.held import HeldDense
from ..sources.source import Change

SEEN, HIDDEN = "seen", "hidden"
"""Columns of training rows, after the input's name: what is read of them, and what is not."""
_HALF = 2.0**-25
"""Draws are multiples of twice this: with it added they lie between 0 and 1, both left out."""


def normal_of(uniform: Tensor) -> Tensor:
    """Standard normal numbers of what `draw_uniform` drew, none of them infinite."""
    found: Tensor = torch.special.ndtri(uniform.double() + _HALF)  # float32 would round to 1
    return found.float()


@dataclass(frozen=True)
class Corruption:
    """Noise, lost numbers and hidden patches.

    Attributes:
        corrupt: what is done to each number.
        mask: which part is hidden.
        shape: of a row.
        seed: of the config.
    """

    corrupt: Corrupt
    mask: Mask
    shape: Sequence[int]
    seed: int

    @property
    def patches(self) -> Tensor:
        """The patch that each number of a row lies in, of the row's shape."""
        sides, patch = self.shape[-2:], self.mask.patch
        found = torch.zeros(tuple(sides), dtype=torch.int64)
        for axis, many in enumerate(grid_of(self.shape, patch)):
            places = torch.arange(sides[axis]) // patch
            found = found * many + places.view(-1, *[1] * (len(sides) - 1 - axis))
        return found.expand(tuple(self.shape))

    @property
    def many(self) -> int:
        """Patches of a row."""
        return math.prod(grid_of(self.shape, self.mask.patch))

    @property
    def count(self) -> int:
        """How many of them are hidden."""
        return count_hidden(self.mask.share, self.many) if self.mask.share else 0

    def see(
        self, rows: Tensor, numbers: Tensor, filler: Tensor, when: tuple[int, ...] = ()
    ) -> tuple[Tensor, Tensor | None]:
        """What is read of rows, and which of their numbers are hidden.

        Args:
            rows: of the input.
            numbers: of these rows in the dataset.
            filler: what hidden numbers look like, a row.
            when: fold and epoch, of training rows; of others a row looks the same always.

        Returns:
            Rows like those given, and bools of their shape; None where nothing is hidden.
        """
        seen, corrupt = rows, self.corrupt
        if corrupt.noise:
            drawn = self._draw("noise", numbers, math.prod(self.shape), when)
            seen = seen + corrupt.noise * normal_of(drawn).view_as(rows)
        if corrupt.drop:
            drawn = self._draw("drop", numbers, math.prod(self.shape), when).view_as(rows)
            seen = seen.masked_fill(drawn < corrupt.drop, 0)
        if not self.count:
            return seen, None
        order = self._draw("mask", numbers, self.many, when).argsort(dim=1, stable=True)
        hidden = self._spread(order[:, : self.count])
        return torch.where(hidden, filler.to(seen.dtype), seen), hidden

    def parts(self, rows: Tensor, filler: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Rows of which one part after the other is hidden, so that each number is, as in `see`."""
        order = draw_uniform(torch.arange(self.many), derive(self.seed, "parts")).argsort()
        starts = range(0, self.many, self.count)
        for at in starts:
            chosen = order[(torch.arange(self.count) + at) % self.many].to(rows.device)
            hidden = self._spread(chosen.expand(len(rows), -1))
            yield torch.where(hidden, filler.to(rows.dtype), rows), hidden

    def _draw(self, what: str, rows: Tensor, many: int, when: tuple[int, ...]) -> Tensor:
        """Numbers from 0 up to 1, so many for each row, of its own."""
        places = rows[:, None] * many + torch.arange(many, device=rows.device)
        return draw_uniform(places, derive(self.seed, "corrupt", what, *when))

    def _spread(self, chosen: Tensor) -> Tensor:
        """Patches, (rows, patches chosen), as bools of the rows' shape."""
        found = torch.zeros(len(chosen), self.many, dtype=torch.bool, device=chosen.device)
        found.scatter_(1, chosen, True)
        return found[:, self.patches.to(chosen.device)]


@dataclass(frozen=True)
class Corrupting:
    """What an epoch makes of training rows: columns beside the input, which stays.

    Attributes:
        corruption: what is done to rows.
        name: of the input.
        filler: what hidden numbers look like, a row.
        fold: number of the fold.
        first: what is made of rows before.
    """

    corruption: Corruption
    name: str
    filler: Tensor
    fold: int
    first: Change | None

    def __call__(self, part: Part, epoch: int) -> Part:
        """Some training rows as an epoch sees them."""
        part = part if self.first is None else self.first(part, epoch)
        rows = part.held[self.name].batch(0, len(part))
        assert isinstance(rows, Tensor)
        when = self.fold, epoch
        seen, hidden = self.corruption.see(rows, part.numbers, self.filler, when)
        held = {**part.held, f"{self.name} {SEEN}": HeldDense(seen)}
        if hidden is not None:
            held[f"{self.name} {HIDDEN}"] = HeldDense(hidden)
        return Part(held, part.targets, part.numbers, part.mixed)
