"""Pictures of the training set, moved anew in every epoch, on the device."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from ..config.fields import Chosen
from ..config.schema import Config
from ..config.specs import augment as specs
from ..config.specs.augment import refuse_no_pictures
from ..data.columns import Input
from ..errors import UsageError
from ..seeds import derive
from .batches import Part
from .draws import draw_uniform
from .held import HeldDense

Draw = Callable[[str], Tensor]
"""What is drawn, by a name -> a number from 0 up to 1 for each row, (rows,)."""


class Geometry(ABC):
    """Says from where the pixels of a picture are taken.

    Places are pixels from the middle of the picture, x to the right and y downwards.

    Args:
        options: of its component.
    """

    def __init__(self, options: Any) -> None:
        self.options = options

    @abstractmethod
    def matrices(self, draw: Draw) -> Tensor:
        """For each row what makes of (x, y, 1) in the new picture that in the old: (rows, 3, 3)."""


class Flip(Geometry):
    """Left and right, or top and bottom, change places half of the time."""

    _AXES: ClassVar[dict[str, tuple[str, ...]]] = {
        "horizontal": ("x",),
        "vertical": ("y",),
        "both": ("x", "y"),
    }

    def matrices(self, draw: Draw) -> Tensor:
        """1 or -1 for each axis."""
        options: specs.Flip = self.options
        signs = {axis: 1 - 2 * (draw(axis) < 0.5).float() for axis in self._AXES[options.axis]}
        one = torch.ones_like(next(iter(signs.values())))
        return torch.diag_embed(torch.stack([signs.get("x", one), signs.get("y", one), one], -1))


class Rotate(Geometry):
    """An angle up to the largest, to either side, all equally likely."""

    def matrices(self, draw: Draw) -> Tensor:
        """Clockwise where the angle is positive."""
        options: specs.Rotate = self.options
        angles = (2 * draw("angle") - 1) * math.radians(options.degrees)
        if angles.device.type == "cpu":  # whose sines in single precision depend on the place
            sin, cos = angles.double().sin().float(), angles.double().cos().float()
        else:
            sin, cos = angles.sin(), angles.cos()
        zero, one = torch.zeros_like(sin), torch.ones_like(sin)
        rows = (cos, sin, zero), (-sin, cos, zero), (zero, zero, one)
        return torch.stack([torch.stack(row, -1) for row in rows], -2)


class Augmenter:
    """Moves the pictures of training rows, as a function of seed, fold, epoch and row.

    Args:
        chosen: the augmentations of each input, in order.
        inputs: what is known of all inputs.
        seed: what the draws derive from.
        fold: number of the fold, likewise.

    Raises:
        UsageError: an input holds no pictures, or too small ones.
    """

    def __init__(
        self,
        chosen: Mapping[str, Sequence[Chosen]],
        inputs: Mapping[str, Input],
        seed: int,
        fold: int = 0,
    ) -> None:
        self._seed, self._fold = seed, fold
        self._moves: dict[str, list[tuple[str, Geometry]]] = {}
        for name, every in chosen.items():
            one = inputs[name]
            sizes = one.shape if one.kind == "dense" else ()
            if wrong := list(refuse_no_pictures(name, sizes, "prepare.augment")):
                raise UsageError(*wrong)
            names = [one.name for one in every]
            kinds = [f"{one}{names[:at].count(one) or ''}" for at, one in enumerate(names)]
            made = [one.load()(one.options) for one in every]
            self._moves[name] = list(zip(kinds, made, strict=True))

    @classmethod
    def of(cls, config: Config, inputs: Mapping[str, Input], fold: int) -> Self | None:
        """That of a config; None where there is nothing to do."""
        chosen = {name: every for name, every in config.prepare.augment.items() if every}
        return cls(chosen, inputs, config.seed, fold) if chosen else None

    def __call__(self, part: Part, epoch: int) -> Part:
        """Some training rows as an epoch sees them."""
        moved = {
            name: HeldDense(self._move(name, held.batch(0, len(part)), part.numbers, epoch))
            for name, held in part.held.items()
            if name in self._moves
        }
        return Part({**part.held, **moved}, part.targets, part.numbers)

    def _move(self, name: str, pictures: Any, rows: Tensor, epoch: int) -> Tensor:
        matrix: Tensor | None = None
        for kind, geometry in self._moves[name]:

            def draw(what: str, kind: str = kind) -> Tensor:
                key = derive(self._seed, "augment", self._fold, epoch, name, kind, what)
                return draw_uniform(rows, key)

            found = geometry.matrices(draw)
            matrix = found if matrix is None else _compose(matrix, found)
        assert matrix is not None
        return move(pictures, matrix)


def _compose(first: Tensor, second: Tensor) -> Tensor:
    """The matrices of two moves in one; a row's do not depend on how many there are."""
    return sum(
        (first[:, :, at, None] * second[:, None, at, :] for at in range(3)),
        start=torch.zeros_like(first),
    )


def move(pictures: Tensor, matrices: Tensor) -> Tensor:
    """Pictures whose pixels are taken from other places, between pixels in proportion.

    Beyond the edge lie the pixels of the edge.

    Args:
        pictures: (rows, height, width) or (rows, channels, height, width).
        matrices: from a `Geometry`.
    """
    height, width = pictures.shape[-2:]
    x = torch.arange(width, device=pictures.device) - (width - 1) / 2
    y = torch.arange(height, device=pictures.device)[:, None] - (height - 1) / 2
    places = [
        (row[:, 0, None, None] * x + row[:, 1, None, None] * y + row[:, 2, None, None]) * (2 / size)
        for row, size in zip(matrices.unbind(1)[:2], (width, height), strict=True)
    ]
    coloured = pictures.reshape(len(pictures), -1, height, width)
    grid = torch.stack(places, -1)
    moved = F.grid_sample(coloured, grid, padding_mode="border", align_corners=False)
    return moved.reshape(pictures.shape)
