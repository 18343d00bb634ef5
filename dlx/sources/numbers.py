"""Numbers of rows changed, each by itself: noise added, some left out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..config.specs import augment as specs
from .draws import Draw, Draws, draw_uniform
from .shades import Shades


class Single(ABC):
    """Changes each number of rows by itself.

    Args:
        options: of its component.
    """

    def __init__(self, options: Any) -> None:
        self.options = options

    @abstractmethod
    def change(self, rows: Tensor, drawn: Tensor) -> Tensor:
        """The rows, changed.

        Args:
            rows: of any shape.
            drawn: a number from 0 up to 1 for each of theirs.
        """


class Jitter(Single):
    """Adds noise."""

    def change(self, rows: Tensor, drawn: Tensor) -> Tensor:
        """Of which the normal distribution's inverse is taken, in the middle of each step."""
        options: specs.Jitter = self.options
        normal: Tensor = torch.special.ndtri(drawn.double() + 2.0**-25)
        return rows + options.std * normal.to(rows.dtype)


class Drop(Single):
    """Sets some to 0."""

    def change(self, rows: Tensor, drawn: Tensor) -> Tensor:
        """Those whose number is less than the share."""
        options: specs.Drop = self.options
        return rows.masked_fill(drawn < options.share, 0.0)


class Scattering:
    """All that is done to single numbers of an input.

    Args:
        members: in order, each with the name that it draws by.
        shades: of pictures, which do not matter here.
    """

    def __init__(self, members: Sequence[tuple[str, Single]], shades: Shades) -> None:  # noqa: ARG002
        self._members = members

    def __call__(self, rows: Tensor, draws: Draws) -> Tensor:
        """The rows, each changed as it draws."""
        for name, one in self._members:
            rows = one.change(rows, draw_each(draws(name), rows))
        return rows


def draw_each(draw: Draw, rows: Tensor) -> Tensor:
    """A number from 0 up to 1 for each number of each row, as a function of the row's draw."""
    seeds = (draw("each") * 2**24).long().view(-1, *[1] * (rows.ndim - 1))
    places = torch.arange(rows[0].numel(), device=rows.device).view(rows.shape[1:])
    return draw_uniform((seeds << 32) + places, 0)
