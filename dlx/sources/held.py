"""Columns on the device: a class for each kind of column, named by the column as `held`."""

from __future__ import annotations

import importlib
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..data.columns import Column, Dense, Sequence, Sparse
from ..models.inputs import MultiHot


class Held(Protocol):
    """Rows of one column on the device. Never changed: what `batch` gives may be a view."""

    @classmethod
    def hold(cls, column: Any, device: torch.device) -> Self:
        """Moves a column to the device.

        Args:
            column: of the kind that names this class.
            device: where to.
        """
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of the rows; what merely says where they lie is left out."""
        ...

    def take(self, rows: Tensor) -> Self:
        """These rows, in this order."""
        ...

    def batch(self, start: int, stop: int) -> Tensor | MultiHot:
        """Consecutive rows, as a model takes them."""
        ...


class HeldDense:
    """Rows as one tensor.

    Args:
        values: shape (rows, ...).
    """

    def __init__(self, values: Tensor) -> None:
        self.values = values

    @classmethod
    def hold(cls, column: Dense, device: torch.device) -> Self:
        """Moves a column to the device."""
        return cls(as_tensor(column.values, device))

    @property
    def nbytes(self) -> int:
        """Bytes of the rows."""
        return self.values.numel() * self.values.element_size()

    def take(self, rows: Tensor) -> Self:
        """These rows, in this order."""
        return type(self)(self.values.index_select(0, rows))

    def batch(self, start: int, stop: int) -> Tensor:
        """Consecutive rows."""
        return self.values[start:stop]


class HeldIds(HeldDense):
    """Rows of ids of one length, int64."""

    @classmethod
    def hold(cls, column: Sequence, device: torch.device) -> Self:  # type: ignore[override]
        """Moves a column to the device."""
        return cls(as_tensor(column.rows().astype(np.int64), device))


class HeldSparse:
    """Rows of zeros with a few other numbers, as the positions of those.

    Args:
        rows: all of them.
    """

    def __init__(self, rows: MultiHot) -> None:
        self.rows = rows
        self._edges: list[int] = []

    @classmethod
    def hold(cls, column: Sparse, device: torch.device) -> Self:
        """Moves a column to the device."""
        kind = np.int32 if column.offsets[-1] < 2**31 else np.int64
        indices = as_tensor(column.indices.astype(kind), device)
        offsets = as_tensor(column.offsets.astype(kind), device)
        weights = None if column.weights is None else as_tensor(column.weights, device)
        return cls(MultiHot(indices, offsets, column.size, weights))

    @property
    def nbytes(self) -> int:
        """Bytes of the positions and of their weights."""
        return sum(one.nbytes for one in (self.rows.indices, self.rows.weights) if one is not None)

    def take(self, rows: Tensor) -> Self:
        """These rows, in this order."""
        held, size = self.rows, self.rows.size
        starts = held.offsets[:-1].index_select(0, rows)
        lengths = held.offsets[1:].index_select(0, rows) - starts
        ends = lengths.cumsum(0, dtype=lengths.dtype)
        offsets = torch.cat([ends.new_zeros(1), ends])
        total = int(ends[-1]) if len(rows) else 0
        shift = torch.repeat_interleave(starts - offsets[:-1], lengths, output_size=total)
        shift += torch.arange(total, dtype=shift.dtype, device=shift.device)
        weights = None if held.weights is None else held.weights.index_select(0, shift)
        return type(self)(MultiHot(held.indices.index_select(0, shift), offsets, size, weights))

    def batch(self, start: int, stop: int) -> MultiHot:
        """Consecutive rows."""
        if start == 0 and stop == self.rows.len_rows:
            return self.rows
        if not self._edges:  # off the device once, not for every batch
            self._edges = self.rows.offsets.tolist()
        first, last = self._edges[start], self._edges[stop]
        offsets = self.rows.offsets[start : stop + 1] - first
        weights = None if self.rows.weights is None else self.rows.weights[first:last]
        return MultiHot(self.rows.indices[first:last], offsets, self.rows.size, weights)


def hold(column: Column, device: torch.device) -> Held:
    """Moves a column to the device, into the class that it names."""
    module, _, attribute = column.held.partition(":")
    kind: type[Held] = getattr(importlib.import_module(module), attribute)
    return kind.hold(column, device)


def as_tensor(array: npt.NDArray[Any], device: torch.device) -> Tensor:
    """An array on the device, in memory of its own where it must not be written."""
    if not array.flags.writeable:  # mapped from the cache
        array = array.copy()
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)
