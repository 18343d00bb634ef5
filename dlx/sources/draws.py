"""Random numbers of rows: functions of a key and a row's number, whatever stands beside it."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Draw = Callable[[str], Tensor]
"""What is drawn, by a name -> a number from 0 up to 1 for each row, (rows,)."""
Draws = Callable[[str], Draw]
"""Who draws, by a name -> its own numbers."""

_BITS = 0xFFFFFFFF
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
