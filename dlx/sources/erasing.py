"""Rectangles of pictures erased."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..config.specs import augment as specs
from .draws import Draw, Draws, draw_uniform
from .shades import Shade, Shades


class Erase:
    """A rectangle of each picture that has one.

    Args:
        options: of its component.
    """

    def __init__(self, options: Any) -> None:
        self.options: specs.Erase = options

    def mask(self, draw: Draw, size: tuple[int, int]) -> Tensor:
        """Which pixels are erased, (rows, height, width).

        A ratio of height and width is drawn between the least and 1, or its inverse; where the
        rectangle would be longer than the picture, it is as long.
        """
        options, (height, width) = self.options, size
        area = draw("area") * (options.largest - options.smallest) + options.smallest
        ratio = draw("ratio") * (1 - options.ratio) + options.ratio
        ratio = torch.where(draw("upright") < 0.5, ratio, 1 / ratio)
        pixels = area * (height * width)
        tall = (pixels * ratio).sqrt().round().clamp(1, height)
        wide = (pixels / ratio).sqrt().round().clamp(1, width)
        top = (draw("top") * (height - tall + 1)).floor()
        left = (draw("left") * (width - wide + 1)).floor()
        found = mark(top, left, top + tall, left + wide, size)
        return found & (draw("chance") < options.chance)[:, None, None]


class Erasing:
    """All that is erased of the pictures of an input.

    Args:
        members: in order, each with the name that it draws by.
        shades: of the pictures.
    """

    def __init__(self, members: Sequence[tuple[str, Erase]], shades: Shades) -> None:
        self._members, self._shades = members, shades

    def __call__(self, pictures: Tensor, draws: Draws) -> Tensor:
        """The pictures, each with what it draws."""
        coloured = pictures.reshape(len(pictures), -1, *pictures.shape[-2:])
        for name, one in self._members:
            draw, size = draws(name), (coloured.shape[-2], coloured.shape[-1])
            mask = one.mask(draw, size).unsqueeze(1)
            filling = fill_with(one.options.fill, coloured, self._shades(), draw)
            coloured = torch.where(mask, filling, coloured)
        return coloured.reshape(pictures.shape)


def fill_with(what: str, pictures: Tensor, shade: Shade, draw: Draw) -> Tensor:
    """What is put in the place of pixels: "black", "grey" or "noise"."""
    dark, width = shade.dark_as(pictures), shade.width_as(pictures)
    if what != "noise":
        return dark + width * (0.5 if what == "grey" else 0.0)
    seeds = (draw("noise") * 2**24).long()[:, None, None, None]
    pixels = torch.arange(pictures[0].numel(), device=pictures.device).view(pictures[0].shape)
    return draw_uniform((seeds << 32) + pixels, 0) * width + dark


def mark(top: Tensor, left: Tensor, bottom: Tensor, right: Tensor, size: Any) -> Tensor:
    """The pixels of a rectangle a row, (rows, height, width): the first are in, the last not."""
    y, x = (torch.arange(side, device=top.device) for side in size)
    down = (y >= top[:, None]) & (y < bottom[:, None])
    across = (x >= left[:, None]) & (x < right[:, None])
    return down[:, :, None] & across[:, None, :]
