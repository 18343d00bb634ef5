"""Pictures moved: a matrix a row says from where its pixels are taken, and all are read once."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from ..config.specs import augment as specs
from .draws import Draw, Draws
from .shades import Shades

Size = tuple[int, int]
"""Height and width, in pixels."""


class Geometry(ABC):
    """Says from where the pixels of a picture are taken.

    Places are pixels from the middle of the picture, x to the right and y downwards.

    Args:
        options: of its component.
    """

    def __init__(self, options: Any) -> None:
        self.options = options

    @abstractmethod
    def matrices(self, draw: Draw, size: Size) -> Tensor:
        """For each row what makes of (x, y, 1) in the new picture that in the old: (rows, 3, 3).

        Args:
            draw: what is drawn for each row.
            size: of the pictures.
        """


class Flip(Geometry):
    """Left and right, or top and bottom, change places half of the time."""

    def matrices(self, draw: Draw, size: Size) -> Tensor:  # noqa: ARG002 - one interface for all
        """1 or -1 for each axis."""
        options: specs.Flip = self.options
        signs = {axis: 1 - 2 * (draw(axis) < 0.5).float() for axis in _axes(options.axis)}
        one = torch.ones_like(next(iter(signs.values())))
        return torch.diag_embed(torch.stack([signs.get("x", one), signs.get("y", one), one], -1))


class Rotate(Geometry):
    """An angle up to the largest, to either side, all equally likely."""

    def matrices(self, draw: Draw, size: Size) -> Tensor:  # noqa: ARG002 - one interface for all
        """Clockwise where the angle is positive."""
        options: specs.Rotate = self.options
        sin, cos = _turn(draw("angle"), options.degrees)
        zero, one = torch.zeros_like(sin), torch.ones_like(sin)
        return _stack((cos, sin, zero), (-sin, cos, zero), (zero, zero, one))


class Shift(Geometry):
    """Shares of width and height up to the largest, to either side, each drawn by itself."""

    def matrices(self, draw: Draw, size: Size) -> Tensor:
        """To the right and downwards where they are positive."""
        options: specs.Shift = self.options
        moved = {
            axis: (1 - 2 * draw(axis)) * (options.share * size[axis == "x"])
            for axis in _axes(options.axis)
        }
        zero = torch.zeros_like(next(iter(moved.values())))
        one = zero + 1
        x, y = moved.get("x", zero), moved.get("y", zero)
        return _stack((one, zero, x), (zero, one, y), (zero, zero, one))


class Shear(Geometry):
    """Columns slide along each other by an angle, as in Keras's `ImageDataGenerator`."""

    def matrices(self, draw: Draw, size: Size) -> Tensor:  # noqa: ARG002 - one interface for all
        """What is level falls to the left where the angle is positive."""
        options: specs.Shear = self.options
        sin, cos = _turn(draw("angle"), options.degrees)
        zero, one = torch.zeros_like(sin), torch.ones_like(sin)
        return _stack((cos, zero, zero), (-sin, one, zero), (zero, zero, one))


class Zoom(Geometry):
    """Width and height divided by numbers about 1, each drawn by itself."""

    def matrices(self, draw: Draw, size: Size) -> Tensor:  # noqa: ARG002 - one interface for all
        """Below 1 a picture grows."""
        options: specs.Zoom = self.options
        x = 1 + (2 * draw("x") - 1) * options.share
        y = x if options.keep_ratio else 1 + (2 * draw("y") - 1) * options.share
        return torch.diag_embed(torch.stack([x, y, torch.ones_like(x)], -1))


class Crop(Geometry):
    """A window at any of the whole places, all equally likely, enlarged to the picture."""

    def matrices(self, draw: Draw, size: Size) -> Tensor:
        """Right and down of the middle where the numbers drawn are large."""
        options: specs.Crop = self.options
        found = {}
        for axis, side in zip("yx", size, strict=True):
            window = options.size or side
            free = side + 2 * options.padding - window
            found[axis] = window / side, (draw(axis) * (free + 1)).floor() - free / 2
        (tall, y), (wide, x) = found["y"], found["x"]
        zero = torch.zeros_like(x)
        return _stack((zero + wide, zero, x), (zero, zero + tall, y), (zero, zero, zero + 1))


class Fill:
    """Moves nothing: says what lies beyond the edge.

    Args:
        options: of its component.
    """

    def __init__(self, options: specs.Fill) -> None:
        self.options = options


class Resampling:
    """All geometry of an input: matrices multiplied, pixels read once.

    Args:
        members: in order, each with the name that it draws by.
        shades: of the pictures.
    """

    def __init__(self, members: Sequence[tuple[str, Geometry | Fill]], shades: Shades) -> None:
        fills = [one.options.beyond for _, one in members if isinstance(one, Fill)]
        self._members = [(name, one) for name, one in members if not isinstance(one, Fill)]
        self._fill, self._shades = (fills or ["edge"])[0], shades
        kinds = [type(one) for _, one in self._members if not getattr(one.options, "size", None)]
        self._whole = Crop in kinds and len(kinds) == len(self._members) and {*kinds} <= _WHOLE

    def __call__(self, pictures: Tensor, draws: Draws) -> Tensor:
        """The pictures, each moved as it draws."""
        size = (pictures.shape[-2], pictures.shape[-1])
        found = [one.matrices(draws(name), size) for name, one in self._members]
        matrix = reduce(compose, found)
        if self._whole:
            return pick(pictures, matrix, self._fill, self._shades)
        if self._fill != "black":
            return move(pictures, matrix, self._fill)
        dark = self._shades().dark_as(pictures)
        return move(pictures - dark, matrix, "zeros").add_(dark)


_WHOLE = {Flip, Crop}
"""What moves whole pixels only, so that where they crop none lies between others."""


def _axes(chosen: str) -> tuple[str, ...]:
    """The axes of an option."""
    return {"horizontal": ("x",), "vertical": ("y",), "both": ("x", "y")}[chosen]


def _turn(drawn: Tensor, degrees: float) -> tuple[Tensor, Tensor]:
    """Sine and cosine of angles up to the largest, to either side, all equally likely."""
    angles = (2 * drawn - 1) * math.radians(degrees)
    if angles.device.type == "cpu":  # whose sines in single precision depend on the place
        return angles.double().sin().float(), angles.double().cos().float()
    return angles.sin(), angles.cos()


def _stack(*rows: tuple[Tensor, ...]) -> Tensor:
    """Matrices of their elements, each of shape (rows,)."""
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def compose(first: Tensor, second: Tensor) -> Tensor:
    """The matrices of two moves in one; a row's do not depend on how many there are."""
    return sum(
        (first[:, :, at, None] * second[:, None, at, :] for at in range(3)),
        start=torch.zeros_like(first),
    )


_PADDING = {"edge": "border", "reflect": "reflection", "zeros": "zeros"}


def move(pictures: Tensor, matrices: Tensor, fill: str = "edge") -> Tensor:
    """Pictures whose pixels are taken from other places, between pixels in proportion.

    Args:
        pictures: (rows, height, width) or (rows, channels, height, width).
        matrices: from a `Geometry`.
        fill: what lies beyond the edge: "edge", "reflect" or "zeros".
    """
    height, width = pictures.shape[-2:]
    x = torch.arange(width, device=pictures.device) - (width - 1) / 2
    y = torch.arange(height, device=pictures.device)[:, None] - (height - 1) / 2
    grid = pictures.new_empty((len(pictures), height, width, 2))
    for axis, size in enumerate((width, height)):
        row, place = matrices[:, axis, :, None, None], grid[..., axis]  # room is made once
        torch.add(row[:, 0] * x, row[:, 1] * y, out=place).add_(row[:, 2]).mul_(2 / size)
    coloured = pictures.reshape(len(pictures), -1, height, width)
    moved = F.grid_sample(coloured, grid, padding_mode=_PADDING[fill], align_corners=False)
    return moved.reshape(pictures.shape)


def pick(pictures: Tensor, matrices: Tensor, fill: str, shades: Shades) -> Tensor:
    """Pictures whose pixels are other whole pixels; a tenth of the time of `move` for small ones.

    Args:
        pictures: (rows, height, width) or (rows, channels, height, width).
        matrices: of flips and of shifts by whole pixels.
        fill: what lies beyond the edge: "edge", "reflect" or "black".
        shades: of the pictures.
    """
    height, width = pictures.shape[-2:]
    down, in_down = _places(matrices[:, 1, 1], matrices[:, 1, 2], height, fill)
    across, in_across = _places(matrices[:, 0, 0], matrices[:, 0, 2], width, fill)
    places = (down[:, :, None] * width + across[:, None, :]).flatten(1)
    flat = pictures.reshape(len(pictures), -1, height * width)
    found = flat.gather(2, places[:, None].expand_as(flat))
    found = found.view(len(found), -1, height, width)
    if fill == "black":
        inside = (in_down[:, :, None] & in_across[:, None, :]).unsqueeze(1)
        found = torch.where(inside, found, shades().dark_as(found))
    return found.reshape(pictures.shape)


def _places(sign: Tensor, shift: Tensor, size: int, fill: str) -> tuple[Tensor, Tensor]:
    """Where each pixel along an axis is taken from, and whether that is within the picture."""
    middle = (size - 1) / 2
    steps = torch.arange(size, device=sign.device) - middle
    asked = (sign[:, None] * steps + shift[:, None] + middle).round().long()
    inside = (asked >= 0) & (asked < size)
    if fill == "reflect":
        asked = asked % (2 * size)
        return torch.minimum(asked, 2 * size - 1 - asked), inside
    return asked.clamp(0, size - 1), inside
