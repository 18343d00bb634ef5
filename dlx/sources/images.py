"""Pictures on the device: bytes, of which each batch makes numbers."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

from ..data.columns import Image
from .held import as_tensor


class HeldImages:
    """Rows of pictures as bytes.

    Args:
        pixels: uint8 of shape (rows, channels, height, width).
        mean: of each channel, shape (channels, 1, 1).
        std: of each channel, likewise.
    """

    def __init__(self, pixels: Tensor, mean: Tensor, std: Tensor) -> None:
        self.pixels, self._mean, self._std = pixels, mean, std

    @classmethod
    def hold(cls, column: Image, device: torch.device) -> Self:
        """Moves a column to the device."""
        scale = torch.tensor([column.mean, column.std], device=device)[..., None, None]
        return cls(as_tensor(column.pixels, device), scale[0], scale[1])

    @property
    def nbytes(self) -> int:
        """Bytes of the pixels."""
        return self.pixels.numel()

    def take(self, rows: Tensor) -> Self:
        """These rows, in this order."""
        return type(self)(self.pixels.index_select(0, rows), self._mean, self._std)

    def batch(self, start: int, stop: int) -> Tensor:
        """Consecutive rows as numbers."""
        numbers = self.pixels[
            start:stop
        ].float()  # first: 13 times as fast as to subtract from bytes
        return numbers.sub_(self._mean).div_(self._std)
