"""Colours changed: every pixel by itself, several changes as one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .draws import Draw, Draws
from .shades import Shades

RED_GREEN_BLUE = (0.2989, 0.587, 0.114)
"""Shares in the grey of a pixel, as in ITU-R BT.601 and torchvision; they add up to 0.9999."""

Change = tuple[Tensor | float, Tensor | float, Tensor | float]
"""Of a row: what a pixel is multiplied by, what its grey is, and what is added to both."""


class Colour(ABC):
    """Makes of a pixel x `a x + b grey + c`, with numbers of each row; 0 is black, 1 is white.

    Args:
        options: of its component.
    """

    def __init__(self, options: Any) -> None:
        self.options = options

    @abstractmethod
    def change(self, draw: Draw, mean: Tensor) -> Change:
        """The numbers of each row, (rows,).

        Args:
            draw: what is drawn for each row.
            mean: grey of each row's picture, after the changes that come before this one.
        """

    def factor(self, draw: Draw) -> Tensor:
        """One from 1 less `share`, but at least 0, to 1 and `share`."""
        share: float = self.options.share
        low, high = max(0.0, 1 - share), 1 + share
        return draw("factor") * (high - low) + low


class Brightness(Colour):
    """The distance from black is multiplied."""

    def change(self, draw: Draw, mean: Tensor) -> Change:  # noqa: ARG002 - one interface for all
        """The factor alone."""
        return self.factor(draw), 0.0, 0.0


class Contrast(Colour):
    """The distance from the mean grey is multiplied."""

    def change(self, draw: Draw, mean: Tensor) -> Change:
        """The factor, and what the mean stays by."""
        factor = self.factor(draw)
        return factor, 0.0, (1 - factor) * mean


class Saturation(Colour):
    """The distance from each pixel's grey is multiplied."""

    def change(self, draw: Draw, mean: Tensor) -> Change:  # noqa: ARG002 - one interface for all
        """The factor, and what grey stays by."""
        factor = self.factor(draw)
        return factor, 1 - factor, 0.0


class Recolouring:
    """All colour of an input: one change a pixel, and one cut at black and white after it.

    Args:
        members: in order, each with the name that it draws by.
        shades: of the pictures.
    """

    def __init__(self, members: Sequence[tuple[str, Colour]], shades: Shades) -> None:
        self._members, self._shades = members, shades

    def __call__(self, pictures: Tensor, draws: Draws) -> Tensor:
        """The pictures, each changed as it draws."""
        shade = self._shades()
        coloured = pictures.reshape(len(pictures), -1, *pictures.shape[-2:])
        stretched = shade.stretch(coloured)
        grey, total = _grey_of(stretched)
        own, share, offset = self._join(draws, average(grey.flatten(1)), total)
        found = stretched * own[:, None, None, None]
        found += (grey * share[:, None, None]).add_(offset[:, None, None]).unsqueeze(1)
        return shade.restore(found.clamp_(0, 1)).reshape(pictures.shape)

    def _join(self, draws: Draws, mean: Tensor, total: float) -> tuple[Tensor, Tensor, Tensor]:
        """The changes one after the other, as one; `total` is the grey of white."""
        own, share, offset = torch.ones_like(mean), torch.zeros_like(mean), torch.zeros_like(mean)
        for name, one in self._members:
            a, b, c = one.change(draws(name), mean)
            share = a * share + b * (own + total * share)
            own = a * own
            offset = (a + b * total) * offset + c
            mean = (a + b * total) * mean + c * total
        return own, share, offset


def _grey_of(pictures: Tensor) -> tuple[Tensor, float]:
    """The grey of each pixel, (rows, height, width), and that of white."""
    channels = pictures.shape[1]
    weights = RED_GREEN_BLUE if channels == 3 else (1 / channels,) * channels
    grey = pictures[:, 0] * weights[0]
    for channel in range(1, channels):
        grey.add_(pictures[:, channel], alpha=weights[channel])
    return grey, sum(weights)


def average(values: Tensor) -> Tensor:
    """The mean of each row, (rows, numbers) -> (rows,), added in pairs.

    Sums of torch depend on the number of rows and of threads; these do not.
    """
    many = values.shape[1]
    while (length := values.shape[1]) > 1:
        half = length // 2
        added = values[:, :half] + values[:, half : 2 * half]
        if length % 2:
            added[:, 0] += values[:, -1]
        values = added
    return values[:, 0] / many
