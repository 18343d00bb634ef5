"""Random numbers of rows: functions of a key and a row's number, whatever stands beside it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Draw = Callable[[str], Tensor]
"""What is drawn, by a name -> a number from 0 up to 1 for each row, (rows,)."""
Draws = Callable[[str], Draw]
"""Who draws, by a name -> its own numbers."""

_BITS, _BLOCK = 0xFFFFFFFF, 8192
_FIRST, _SECOND = 0x7FEB352D, 0x846CA68B - 2**32
"""The second is negative, so that no product leaves 64 bits."""


def draw_uniform(rows: Tensor, key: int) -> Tensor:
    """A number from 0 up to 1 for each row: the same on every device, in every order and batch.

    Args:
        rows: numbers of the rows in the dataset, int64.
        key: from `derive`, of what is drawn and when.

    Returns:
        Float32 of the rows' shape, multiples of 2**-24.
    """
    found = _mix((rows & _BITS) ^ (key & _BITS))
    found = _mix(found ^ (rows >> 32 & _BITS) ^ (key >> 32 & _BITS))
    return (found >> 8).float() * 2.0**-24


def _mix(bits: Tensor) -> Tensor:
    """A hash of 32 bits, as int64: Wellons' lowbias32 (2018, nullprogram.com/blog/2018/07/31)."""
    bits = (bits ^ bits >> 16) * _FIRST & _BITS
    bits = (bits ^ bits >> 15) * _SECOND & _BITS
    return bits ^ bits >> 16


class Stream:
    """Numbers from 0 up to 1, one after the other, each a function of a key and its place.

    They are made many at once, as most of what a few would take is the same for all.

    Args:
        key: from `derive`.
    """

    def __init__(self, key: int) -> None:
        self._key, self._first = key, 0
        self._made: npt.NDArray[np.float32] = np.empty(0, np.float32)

    def take(self, start: int, many: int) -> npt.NDArray[np.float32]:
        """So many of them, from a place on."""
        begin = start - self._first
        if begin < 0 or begin + many > len(self._made):
            rows = torch.arange(start, start + max(many, _BLOCK))
            self._made, self._first, begin = draw_uniform(rows, self._key).numpy(), start, 0
        return self._made[begin : begin + many]
