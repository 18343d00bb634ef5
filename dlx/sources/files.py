"""Pictures whose bytes do not lie on the device before a block of them is asked for."""

from __future__ import annotations

import sys
from typing import Self

import numpy as np
import torch
from torch import Tensor

from ..data.columns import Files
from ..machine import free_memory
from .held import Elsewhere, Held
from .images import HeldImages


class HeldFiles(Elsewhere):
    """Rows of pictures in files.

    Args:
        column: the rows.
        device: where they are wanted.
    """

    def __init__(self, column: Files, device: torch.device) -> None:
        self.column, self.device = column, device

    @classmethod
    def hold(cls, column: Files, device: torch.device) -> Held:
        """All of them on the device, where those of the whole dataset would take little of it."""
        if column.fits_into(_free_on(device)):
            return HeldImages.hold(column.image(), device)
        return cls(column, device)

    @property
    def where(self) -> str:
        """Whether they are decoded, and why not."""
        return self.column.decoded.where

    @property
    def nbytes(self) -> int:
        """Bytes of all of them, decoded."""
        return len(self.column) * int(np.prod(self.column.sizes))

    def take(self, rows: Tensor) -> Self:
        """These rows, in this order; not decoded yet."""
        return type(self)(self.column.take(rows.cpu().numpy()), self.device)

    def fetch(self) -> HeldImages:
        """All rows on the device."""
        return HeldImages.hold(self.column.image(), self.device)

    def batch(self, start: int, stop: int) -> Tensor:
        """Consecutive rows as numbers."""
        return self[torch.arange(start, stop)]

    def __len__(self) -> int:
        return len(self.column)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """Some rows as numbers."""
        return self.take(rows).fetch().batch(0, len(rows))


def _free_on(device: torch.device) -> int:
    """Bytes that are free where pictures are wanted; plenty where that cannot be told."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return free_memory() or sys.maxsize
