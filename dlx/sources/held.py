"""Columns on the device: a class for each kind of column, named by the column as `held`."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..data.columns import CategoryIds, Column, Dense, Sequence, Sparse
from ..models.inputs import MultiHot, Padded, round_steps

ALIGNED = 64
"""Bytes that the address of a tensor is a multiple of, where torch has made it on a CPU."""


class Held(Protocol):
    """Rows of one column on the device. Never changed: what `batch` gives may be a view."""

    @classmethod
    def hold(cls, column: Any, device: torch.device) -> Held:
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

    def batch(self, start: int, stop: int) -> Tensor | MultiHot | Padded:
        """Consecutive rows, as a model takes them."""
        ...


class Elsewhere(ABC):
    """Base of rows that are not on the device before a block of them is fetched."""

    @property
    @abstractmethod
    def where(self) -> str:
        """Where they are, as in "pictures are ..."."""

    @abstractmethod
    def fetch(self) -> Held:
        """The same rows on the device."""

    @abstractmethod
    def __len__(self) -> int:
        """How many rows there are."""

    @abstractmethod
    def __getitem__(self, rows: Tensor) -> Tensor:
        """Some rows as a model takes them."""


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
    def hold(cls, column: Sequence, device: torch.device) -> Held:  # type: ignore[override]
        """Moves a column to the device; as `HeldRagged` where its rows differ in length."""
        if column.length is None:
            return HeldRagged.hold(column, device)
        return cls(as_tensor(column.rows().astype(np.int64), device))


class HeldCategories(HeldDense):
    """Ids of category columns, int64."""

    @classmethod
    def hold(cls, column: CategoryIds, device: torch.device) -> Self:  # type: ignore[override]
        """Moves a column to the device."""
        return cls(as_tensor(column.ids.astype(np.int64), device))


class HeldRagged:
    """Rows of ids of different length, end to end: nothing fills them before they are in a batch.

    Args:
        ids: of all rows, int32.
        offsets: where each row begins, and the end of the last, int64.
        size: number of distinct ids.
    """

    def __init__(self, ids: Tensor, offsets: Tensor, size: int) -> None:
        self.ids, self.offsets, self.size = ids, offsets, size
        self._marks: MultiHot | None = None
        self._edges: npt.NDArray[np.int64] | None = None

    @classmethod
    def hold(cls, column: Sequence, device: torch.device) -> Self:
        """Moves a column to the device."""
        return cls(
            as_tensor(column.values.astype(np.int32, copy=False), device),
            as_tensor(column.offsets, device),
            column.size,
        )

    @property
    def nbytes(self) -> int:
        """Bytes of the ids."""
        return self.ids.numel() * self.ids.element_size()

    @property
    def edges(self) -> npt.NDArray[np.int64]:
        """The offsets on the host: off the device once, not for every batch."""
        if self._edges is None:
            self._edges = self.offsets.cpu().numpy()
        return self._edges

    def take(self, rows: Tensor) -> Self:
        """These rows, in this order."""
        places, offsets = gather_rows(self.offsets, rows)
        return type(self)(self.ids.index_select(0, places), offsets, self.size)

    def batch(self, start: int, stop: int) -> Padded:
        """Consecutive rows, filled at their ends with 0 to the longest; one without ids is a 0."""
        longest = max(1, int(np.diff(self.edges[start : stop + 1]).max(initial=1)))
        longest = round_steps(longest, self.ids.device)
        first, lengths = self.offsets[start:stop], self.offsets[start : stop + 1].diff()
        steps = torch.arange(longest, device=self.ids.device)
        beyond = steps >= lengths.unsqueeze(1)
        places = (first.unsqueeze(1) + steps).masked_fill_(beyond, 0)
        if not len(self.ids):
            return Padded(torch.zeros_like(places), lengths.clamp(min=1))
        return Padded(self.ids.take(places).long().masked_fill_(beyond, 0), lengths.clamp(min=1))

    @property
    def lengths(self) -> Tensor:
        """Steps of each row, on the host."""
        return torch.from_numpy(np.diff(self.edges)).clamp(min=1)

    def marks(self) -> MultiHot:
        """Which ids each row has, for what reads no order: whole columns are never filled."""
        if self._marks is None:
            lengths = self.offsets.diff()
            rows = torch.arange(len(lengths), device=self.ids.device)
            each = torch.repeat_interleave(rows, lengths, output_size=len(self.ids))
            marks = torch.unique(each * self.size + self.ids)
            ends = torch.bincount(marks // self.size, minlength=len(lengths)).cumsum(0)
            offsets = torch.cat([ends.new_zeros(1), ends])
            self._marks = MultiHot(marks % self.size, offsets, self.size)
        return self._marks


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
        held = self.rows
        places, offsets = gather_rows(held.offsets, rows)
        weights = None if held.weights is None else held.weights.index_select(0, places)
        indices = held.indices.index_select(0, places)
        return type(self)(MultiHot(indices, offsets, held.size, weights))

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


def gather_rows(offsets: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Where the values of some rows lie that lie end to end, and the offsets of these rows."""
    starts = offsets[:-1].index_select(0, rows)
    lengths = offsets[1:].index_select(0, rows) - starts
    ends = lengths.cumsum(0, dtype=lengths.dtype)
    found = torch.cat([ends.new_zeros(1), ends])
    total = int(ends[-1]) if len(rows) else 0
    places = torch.repeat_interleave(starts - found[:-1], lengths, output_size=total)
    places += torch.arange(total, dtype=places.dtype, device=places.device)
    return places, found


def hold(column: Column, device: torch.device) -> Held:
    """Moves a column to the device, into the class that it names."""
    module, _, attribute = column.held.partition(":")
    kind: type[Held] = getattr(importlib.import_module(module), attribute)
    return kind.hold(column, device)


def as_tensor(array: npt.NDArray[Any], device: torch.device) -> Tensor:
    """An array on the device, in memory of its own where it must not be written.

    On a CPU it is aligned as torch's own tensors are, wherever NumPy put it: products of matrices
    depend on that in the last digit.
    """
    array = np.ascontiguousarray(array)
    if array.flags.writeable and (device.type != "cpu" or array.ctypes.data % ALIGNED == 0):
        return torch.from_numpy(array).to(device)
    found = torch.from_numpy(np.empty(0, array.dtype)).new_empty(array.shape)
    found.numpy()[...] = array
    return found.to(device)
