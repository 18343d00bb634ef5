"""Samples on the device, and batches gathered from them by index.

Every dataset of the book fits into memory, so a part is held on the device whole, but for pictures
in files, which are fetched block by block. Rows are gathered in blocks of many batches, and a batch
is a slice of a block: at batch size 1 a gather for each batch would take longer than the step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor

from ..data.columns import Column, Rows
from ..data.threads import one_ahead
from ..models.inputs import MultiHot, Padded
from .held import Elsewhere, Held, HeldRagged, as_tensor, hold
from .order import draw_order, gather_alike

Inputs = dict[str, Tensor | MultiHot | Padded]
Whole = Tensor | MultiHot | Padded | Elsewhere
"""All rows of a column."""

BLOCK_BYTES = 512 * 1024
"""Small enough that a block is still in the processor's cache when its batches are used."""


@dataclass(frozen=True, eq=False)
class Mixed:
    """Rows that other rows are mixed with, in some share.

    Attributes:
        targets: of the other rows, by column.
        shares: by how much each row's own target counts, (rows,).
    """

    targets: dict[str, Tensor]
    shares: Tensor

    def __getitem__(self, rows: slice | Tensor) -> Mixed:
        return Mixed({name: one[rows] for name, one in self.targets.items()}, self.shares[rows])


@dataclass(eq=False, slots=True)  # one for each step: if frozen, making it would take twice as long
class Batch:
    """Some samples: inputs by column, targets by column, all of `rows` rows.

    Attributes:
        part: what they are a slice of; None of a batch made by hand, which cannot be split.
        start: where it begins in there.
        mixed: what rows their inputs are mixed with; None: none.
    """

    inputs: Inputs
    targets: dict[str, Tensor]
    rows: int
    part: Part | None = None
    start: int = 0
    mixed: Mixed | None = None

    @property
    def numbers(self) -> Tensor:
        """Of its rows in the dataset, (rows,); of a batch made by hand they are counted from 0."""
        if self.part is None:
            return torch.arange(self.rows)
        return self.part.numbers[self.start : self.start + self.rows]

    def main_target(self, name: str) -> Tensor:
        """A target of each row; of rows that are mixed that of the larger share."""
        own = self.targets[name]
        if self.mixed is None:
            return own
        larger = self.mixed.shares >= 0.5
        return torch.where(larger.view(-1, *[1] * (own.ndim - 1)), own, self.mixed.targets[name])

    def split(self, parts: int) -> list[Batch]:
        """The samples as micro-batches of nearly equal size, for gradient accumulation."""
        assert self.part is not None
        size, end = -(-self.rows // parts), self.start + self.rows
        return [
            self.part.batch(start, min(start + size, end)) for start in range(self.start, end, size)
        ]


class Part:
    """Samples on the device, in order.

    Args:
        held: column -> its rows.
        targets: column -> tensor of shape (rows, ...).
        numbers: of the rows in the dataset, (rows,).
        mixed: what rows their inputs are mixed with; None: none.
    """

    def __init__(
        self,
        held: Mapping[str, Held],
        targets: Mapping[str, Tensor],
        numbers: Tensor,
        mixed: Mixed | None = None,
    ) -> None:
        self.held = dict(held)
        self.targets = dict(targets)
        self.numbers, self.mixed = numbers, mixed
        self.rows = numbers.shape[0]

    def __len__(self) -> int:
        return self.rows

    @cached_property
    def lengths(self) -> Tensor | None:
        """Steps of each row, those of several inputs added, on the CPU; None: all have the same."""
        found = [held.lengths for held in self.held.values() if isinstance(held, HeldRagged)]
        return torch.stack(found).sum(0) if found else None

    @cached_property
    def by_length(self) -> tuple[Part, Tensor] | None:
        """The rows from the shortest to the longest, and where each of them went.

        None where all have the same length.
        """
        if self.lengths is None:
            return None
        order = self.lengths.argsort(stable=True).to(self.numbers.device)
        return self.take(order), order.argsort()

    @property
    def inputs(self) -> dict[str, Whole]:
        """All rows, as a model takes them; of rows of different length, which ids each has.

        What is elsewhere stays there, and gives what it is asked for.
        """
        return {name: self._whole(held) for name, held in self.held.items()}

    def _whole(self, held: Held) -> Whole:
        if isinstance(held, Elsewhere):
            return held
        return held.marks() if isinstance(held, HeldRagged) else held.batch(0, self.rows)

    def take(self, rows: Tensor) -> Part:
        """These rows, in this order."""
        return Part(
            {name: held.take(rows) for name, held in self.held.items()},
            {name: column.index_select(0, rows) for name, column in self.targets.items()},
            self.numbers.index_select(0, rows),
            self.mixed and self.mixed[rows],
        )

    def batch(self, start: int, stop: int) -> Batch:
        """Consecutive rows."""
        inputs = {name: held.batch(start, stop) for name, held in self.held.items()}
        targets = {name: column[start:stop] for name, column in self.targets.items()}
        mixed = self.mixed and self.mixed[start:stop]
        return Batch(inputs, targets, stop - start, self, start, mixed)

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """Batches of consecutive rows; the last may be smaller."""
        if self.elsewhere:
            for part in self._gather(torch.arange(self.rows), batch_size):
                yield from part.in_order(batch_size)
            return
        for start in range(0, self.rows, batch_size):
            yield self.batch(start, min(start + batch_size, self.rows))

    @cached_property
    def elsewhere(self) -> dict[str, str]:
        """Where those columns lie that have to be fetched before they are computed with."""
        return {name: one.where for name, one in self.held.items() if isinstance(one, Elsewhere)}

    def fetch(self) -> Part:
        """The same rows, all of them on the device."""
        held = {
            name: one.fetch() if isinstance(one, Elsewhere) else one
            for name, one in self.held.items()
        }
        return Part(held, self.targets, self.numbers, self.mixed)

    def _gather(self, order: Tensor, block: int) -> Iterator[Part]:
        """Rows in this order, so many at once; what is elsewhere is fetched a block ahead."""
        blocks = (order[start : start + block] for start in range(0, len(order), block))
        if self.elsewhere:
            return one_ahead(lambda rows: self._take(rows).fetch(), blocks)
        return map(self._take, blocks)

    def _take(self, rows: Tensor) -> Part:
        return self.take(rows.to(self.numbers.device))

    def iterate_shuffled(
        self,
        batch_size: int,
        generator: torch.Generator,
        skip: int = 0,
        change: Callable[[Part], Part] | None = None,
        chances: Tensor | None = None,
        draws: int | None = None,
        lengths: Tensor | None = None,
    ) -> Iterator[Batch]:
        """Batches in an order drawn from the generator (a CPU one), without the first `skip`.

        Args:
            batch_size: rows a batch.
            generator: what is drawn from.
            skip: batches that are left out.
            change: what is made of gathered rows before they are cut into batches.
            chances: of each row to be the next, float64 on the CPU; None: all the same.
            draws: rows that are drawn with replacement; None: as many as there are.
            lengths: of the rows, on the CPU, where those of a batch are to be of about one length.
        """
        order = draw_order(self.rows, generator, chances, draws)
        if lengths is not None:
            order = gather_alike(order, lengths, batch_size, generator)
        row_bytes = max(1, sum(held.nbytes for held in self.held.values()) // self.rows)
        many = max(1, BLOCK_BYTES // (row_bytes * batch_size))
        # Begun where a block begins: a batch must lie where it lay in memory before, as products
        # of matrices depend on how their rows are aligned.
        first, left = divmod(skip, many)
        for part in self._gather(order[first * many * batch_size :], many * batch_size):
            changed = part if change is None else change(part)
            yield from islice(changed.in_order(batch_size), left, None)
            left = 0


def make_part(
    columns: Mapping[str, Column],
    targets: Mapping[str, npt.NDArray[Any]],
    rows: Rows,
    device: torch.device,
    numbers: Rows | None = None,
) -> Part:
    """Moves some rows of prepared columns to the device.

    Args:
        columns: prepared inputs, all rows of the dataset.
        targets: target values as the loss wants them, all rows.
        rows: which rows.
        device: where to.
        numbers: of these rows in the dataset, where some are copies of its rows.
    """
    return Part(
        {name: hold(column.take(rows), device) for name, column in columns.items()},
        {name: as_tensor(column[rows], device) for name, column in targets.items()},
        as_tensor(rows if numbers is None else numbers, device),
    )
