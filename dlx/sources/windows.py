"""Windows over a series on the device: the series once, its stretches gathered batch by batch."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

from ..data.columns import Window
from .held import as_tensor


class HeldWindows:
    """Rows that are stretches of one series.

    Args:
        series: shape (steps, features).
        ends: the step that each row ends with, (rows,).
        offsets: how far before it each step of a row lies, (length,).
    """

    def __init__(self, series: Tensor, ends: Tensor, offsets: Tensor) -> None:
        self.series, self.ends, self.offsets = series, ends, offsets

    @classmethod
    def hold(cls, column: Window, device: torch.device) -> Self:
        """Moves a column to the device, and of its series what lies between its first and last."""
        ends = column.ends
        first = int(ends.min()) - column.behind if len(ends) else 0
        series = column.series[first : int(ends.max(initial=-1)) + 1]
        parts = (series, ends - first, column.offsets)
        return cls(*(as_tensor(part, device) for part in parts))

    @property
    def nbytes(self) -> int:
        """Bytes of what `take` gathers, which is where the rows lie."""
        return self.ends.numel() * self.ends.element_size()

    def take(self, rows: Tensor) -> Self:
        """These rows, in this order, of the same series."""
        return type(self)(self.series, self.ends.index_select(0, rows), self.offsets)

    def batch(self, start: int, stop: int) -> Tensor:
        """Consecutive rows written out, (rows, length, features)."""
        places = self.ends[start:stop, None] - self.offsets
        rows = self.series.index_select(0, places.reshape(-1))
        return rows.view(*places.shape, self.series.shape[1])
