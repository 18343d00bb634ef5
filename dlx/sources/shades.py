"""What black and white are among the numbers of prepared pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from ..data.columns import Column, Numeric, Rows


@dataclass(frozen=True)
class Shade:
    """Black and white of each channel, or of all alike.

    Attributes:
        dark: black, a number a channel or one.
        light: white, likewise.
    """

    dark: tuple[float, ...] = (0.0,)
    light: tuple[float, ...] = (1.0,)

    @classmethod
    def of(cls, column: Column, rows: Rows) -> Self:
        """Those of a prepared column: of bytes 0 and 255, else the ends of the training rows."""
        assert isinstance(column, Numeric)
        dark, light = column.shades(rows)
        return cls(tuple(dark.tolist()), tuple(light.tolist()))

    def dark_as(self, pictures: Tensor) -> Tensor:
        """Black, to be added to pictures."""
        return torch.tensor(self.dark, device=pictures.device)[:, None, None]

    def width_as(self, pictures: Tensor) -> Tensor:
        """White less black, to multiply pictures by; 1 where they are the same."""
        ends = zip(self.dark, self.light, strict=True)
        widths = [light - dark if light > dark else 1.0 for dark, light in ends]
        return torch.tensor(widths, device=pictures.device)[:, None, None]

    def stretch(self, pictures: Tensor) -> Tensor:
        """Pictures from 0 for black to 1 for white."""
        if self == Shade():
            return pictures
        return (pictures - self.dark_as(pictures)).div_(self.width_as(pictures))

    def restore(self, pictures: Tensor) -> Tensor:
        """What `stretch` made, as it was; in place."""
        if self == Shade():
            return pictures
        return pictures.mul_(self.width_as(pictures)).add_(self.dark_as(pictures))


Shades = Callable[[], Shade]
"""Asked only where they are needed, as whole columns may have to be read."""
