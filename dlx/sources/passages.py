"""Passages on the device: the text once, its stretches gathered batch by batch."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from torch import Tensor

from ..data.columns import Passages
from .held import as_tensor


class HeldPassages:
    """Rows that are stretches of one text.

    Args:
        series: the number of each token, int32.
        starts: the token that each row begins with, (rows,).
        length: tokens of a row.
    """

    def __init__(self, series: Tensor, starts: Tensor, length: int) -> None:
        self.series, self.starts, self.length = series, starts, length

    @classmethod
    def hold(cls, column: Passages, device: torch.device) -> Self:
        """Moves a column to the device, and of its text what lies between its ends."""
        starts, length = column.starts, column.length + 1
        first = int(starts.min()) if len(starts) else 0
        series = column.series[first : int(starts.max(initial=first)) + length]
        return cls(
            as_tensor(series.astype(np.int32), device), as_tensor(starts - first, device), length
        )

    @property
    def nbytes(self) -> int:
        """Bytes of what `take` gathers, which is where the rows lie."""
        return self.starts.numel() * self.starts.element_size()

    def take(self, rows: Tensor) -> Self:
        """These rows, in this order, of the same text."""
        return type(self)(self.series, self.starts.index_select(0, rows), self.length)

    def batch(self, start: int, stop: int) -> Tensor:
        """Consecutive rows written out, (rows, length), int64."""
        steps = torch.arange(self.length, device=self.starts.device)
        return self.series.take(self.starts[start:stop, None] + steps).long()
