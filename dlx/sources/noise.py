"""Random numbers of rows: a function of seed, purpose and row, however rows are put together."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..data.columns import Rows
from ..seeds import derive

_STEP = np.uint64(0x9E3779B97F4A7C15)
_ROUNDS = ((30, np.uint64(0xBF58476D1CE4E5B9)), (27, np.uint64(0x94D049BB133111EB)))


def normal_rows(seed: int, purpose: str, rows: Rows, numbers: int) -> Tensor:
    """Standard normal numbers, (rows, numbers), float32 on the CPU; each row has its own.

    Counters through the mixer of SplitMix64 (Steele, Lea and Flood, 2014) are uniform numbers, of
    which the inverse of the normal distribution is taken.

    Args:
        seed: of the config.
        purpose: what they are for; of another name they are others.
        rows: numbers of the rows in the dataset.
        numbers: how many each row has.
    """
    key = np.uint64(derive(seed, purpose))
    own = _mix(rows.astype(np.uint64)[:, None] * _STEP + key)
    mixed = _mix(own + np.arange(1, numbers + 1, dtype=np.uint64) * _STEP)
    shares = ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53
    normal: Tensor = torch.special.ndtri(torch.from_numpy(shares))
    return normal.float()


def _mix(counters: np.typing.NDArray[np.uint64]) -> np.typing.NDArray[np.uint64]:
    """Each number as another, in which every bit depends on every bit."""
    for shift, factor in _ROUNDS:
        counters = (counters ^ (counters >> np.uint64(shift))) * factor
    return counters ^ (counters >> np.uint64(31))
