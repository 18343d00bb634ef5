"""Pictures of two rows mixed, and by how much each row's target counts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .draws import Draw
from .erasing import mark

STEPS = 4096
"""Of the table that shares are read from."""


class Mix(ABC):
    """Mixes a picture with that of another training row.

    Args:
        options: of its component, with `alpha` and `chance`.
    """

    def __init__(self, options: Any) -> None:
        from scipy.special import betaincinv

        self.options = options
        places = np.arange(STEPS + 1) / STEPS
        quantiles = betaincinv(options.alpha, options.alpha, places)
        self._quantiles = torch.from_numpy(quantiles.astype(np.float32))

    def shares(self, draw: Draw) -> Tensor:
        """By how much each row's own target counts, (rows,): 1 where it is not mixed."""
        places = draw("share") * STEPS
        table = self._quantiles.to(places.device)
        below = places.long()
        low, high = table[below], table[below + 1]
        found = low + (high - low) * (places - below)
        return torch.where(draw("chance") < self.options.chance, found, torch.ones_like(found))

    @abstractmethod
    def mix(
        self, pictures: Tensor, partners: Tensor, shares: Tensor, draw: Draw
    ) -> tuple[Tensor, Tensor]:
        """The mixed pictures, and by how much each row's own target counts in the end.

        Args:
            pictures: (rows, ..., height, width).
            partners: those that they are mixed with.
            shares: from `shares`.
            draw: what else is drawn for each row.
        """


class Mixup(Mix):
    """A weighted sum of both pictures."""

    def mix(
        self,
        pictures: Tensor,
        partners: Tensor,
        shares: Tensor,
        draw: Draw,  # noqa: ARG002 - one interface for all
    ) -> tuple[Tensor, Tensor]:
        """The sum, with the shares as they are."""
        own = shares.view(-1, *[1] * (pictures.ndim - 1))
        return pictures * own + partners * (1 - own), shares


class Cutmix(Mix):
    """A rectangle with the ratio of the picture is the other row's, cut where it leaves it."""

    def mix(
        self, pictures: Tensor, partners: Tensor, shares: Tensor, draw: Draw
    ) -> tuple[Tensor, Tensor]:
        """The pasted pictures, with the share of the pixels that are the row's own."""
        size = height, width = pictures.shape[-2:]
        middle = [(draw(axis) * side).floor() for axis, side in zip("yx", size, strict=True)]
        reach = [(1 - shares).sqrt().mul(side / 2).floor() for side in size]
        ends = [
            ((m - r).clamp(0, side), (m + r).clamp(0, side))
            for m, r, side in zip(middle, reach, size, strict=True)
        ]
        (top, bottom), (left, right) = ends
        mask = mark(top, left, bottom, right, size)
        mask = mask.view(len(mask), *[1] * (pictures.ndim - 3), height, width)
        pasted = (bottom - top) * (right - left) / (height * width)
        return torch.where(mask, partners, pictures), 1 - pasted
