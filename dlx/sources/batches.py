"""Tensors on the device, and batches gathered from them by index.

Every dataset of the book fits into memory, so a part is held on the device whole. Rows are
gathered in blocks of many batches, and a batch is a slice of a block: at batch size 1 a gather
for each batch would take longer than the step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..data.columns import AnyColumn, IdRows, MultiHotRows, take
from ..data.samples import Rows
from ..models.inputs import Input, MultiHot

BLOCK_BYTES = 512 * 1024
"""Small enough that a block is still in the processor's cache when its batches are used."""


@dataclass(frozen=True)
class Batch:
    """Some samples: inputs by column, targets by column, all of `rows` rows."""

    inputs: dict[str, Tensor | MultiHot]
    targets: dict[str, Tensor]
    rows: int

    def split(self, parts: int) -> list[Batch]:
        """The samples as micro-batches of nearly equal size, for gradient accumulation."""
        size = -(-self.rows // parts)
        return list(Part(self.inputs, self.targets).in_order(size))


class Part:
    """Samples on the device, in order.

    Args:
        inputs: column -> tensor of shape (rows, ...), or multi-hot rows.
        targets: column -> tensor of shape (rows, ...).
    """

    def __init__(
        self, inputs: Mapping[str, Tensor | MultiHot], targets: Mapping[str, Tensor]
    ) -> None:
        self.inputs = dict(inputs)
        self.targets = dict(targets)
        self.rows = next(iter(self.targets.values())).shape[0]

    def __len__(self) -> int:
        return self.rows

    def take(self, rows: Tensor) -> Part:
        """These rows, in this order."""
        return Part(
            {name: _take(column, rows) for name, column in self.inputs.items()},
            {name: column.index_select(0, rows) for name, column in self.targets.items()},
        )

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """Batches of consecutive rows; the last may be smaller."""
        starts = range(0, self.rows, batch_size)
        ends = [min(start + batch_size, self.rows) for start in starts]
        edges = {
            name: column.offsets[[*starts, self.rows]].tolist()
            for name, column in self.inputs.items()
            if isinstance(column, MultiHot)
        }
        for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
            inputs: dict[str, Tensor | MultiHot] = {}
            for name, column in self.inputs.items():
                if isinstance(column, MultiHot):
                    first, last = edges[name][number], edges[name][number + 1]
                    offsets = column.offsets[start : end + 1] - first
                    inputs[name] = MultiHot(column.indices[first:last], offsets, column.size)
                else:
                    inputs[name] = column[start:end]
            targets = {name: column[start:end] for name, column in self.targets.items()}
            yield Batch(inputs, targets, end - start)

    def shuffled(
        self, batch_size: int, generator: torch.Generator, skip: int = 0
    ) -> Iterator[Batch]:
        """Batches in an order drawn from the generator (a CPU one), without the first `skip`."""
        order = torch.randperm(self.rows, generator=generator)
        device = next(iter(self.targets.values())).device
        block = batch_size * max(1, BLOCK_BYTES // (self._row_bytes() * batch_size))
        for start in range(skip * batch_size, self.rows, block):
            rows = order[start : start + block].to(device)
            yield from self.take(rows).in_order(batch_size)

    def _row_bytes(self) -> int:
        total = 0
        for column in self.inputs.values():
            held = column.indices if isinstance(column, MultiHot) else column
            total += held.numel() * held.element_size()
        return max(1, total // self.rows)


def _take(column: Tensor | MultiHot, rows: Tensor) -> Tensor | MultiHot:
    if not isinstance(column, MultiHot):
        return column.index_select(0, rows)
    starts = column.offsets[:-1].index_select(0, rows)
    lengths = column.offsets[1:].index_select(0, rows) - starts
    ends = lengths.cumsum(0, dtype=lengths.dtype)
    offsets = torch.cat([ends.new_zeros(1), ends])
    total = int(ends[-1]) if len(rows) else 0
    shift = torch.repeat_interleave(starts - offsets[:-1], lengths, output_size=total)
    shift += torch.arange(total, dtype=shift.dtype, device=shift.device)
    indices = column.indices.index_select(0, shift)
    return MultiHot(indices, offsets, column.size)


def describe_inputs(columns: Mapping[str, AnyColumn]) -> dict[str, Input]:
    """What a model is told of its inputs before it is built."""
    found = {}
    for name, column in columns.items():
        if isinstance(column, MultiHotRows):
            found[name] = Input("multi_hot", (column.size,))
        elif isinstance(column, IdRows):
            found[name] = Input("ids", column.values.shape[1:], column.ids)
        else:
            assert isinstance(column, np.ndarray)
            found[name] = Input("dense", column.shape[1:])
    return found


def make_part(
    columns: Mapping[str, AnyColumn],
    targets: Mapping[str, npt.NDArray[Any]],
    rows: Rows,
    device: torch.device,
) -> Part:
    """Moves some rows of prepared columns to the device.

    Args:
        columns: prepared inputs, all rows of the dataset.
        targets: target values as the loss wants them, all rows.
        rows: which rows.
        device: where to.
    """
    return Part(
        {name: _to_device(take(column, rows), device) for name, column in columns.items()},
        {name: _tensor(column[rows], device) for name, column in targets.items()},
    )


def _to_device(column: AnyColumn, device: torch.device) -> Tensor | MultiHot:
    if isinstance(column, MultiHotRows):
        values, offsets = column.rows.values, column.rows.offsets
        kind = np.int32 if offsets[-1] < 2**31 else np.int64
        indices = _tensor(values.astype(kind), device)
        return MultiHot(indices, _tensor(offsets.astype(kind), device), column.size)
    if isinstance(column, IdRows):
        return _tensor(column.values.astype(np.int64), device)
    assert isinstance(column, np.ndarray)
    return _tensor(column, device)


def _tensor(array: npt.NDArray[Any], device: torch.device) -> Tensor:
    if not array.flags.writeable:  # mapped from the cache
        array = array.copy()
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)
