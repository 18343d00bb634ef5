"""How much of who is near whom a projection keeps, row by row.

Trustworthiness (Venna and Kaski, 2001) is 1 where the nearest rows in a projection are the nearest
ones in all columns; each other row takes from it by how far down it stands among these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..metrics.base import Values
from .means import Mean


def distances(rows: Tensor) -> Tensor:
    """Squared Euclidean distances of all rows from each other, (rows, rows).

    A row is infinitely far from itself, so that it is nobody's neighbour.

    Args:
        rows: (rows, numbers), float64.
    """
    squares = rows.square().sum(dim=1)
    far = squares[:, None] + squares - 2 * rows @ rows.T
    return far.clamp(min=0).fill_diagonal_(torch.inf)


def rank_neighbours(rows: Tensor) -> Tensor:
    """How near each row is to each other, from 1 for the nearest, (rows, rows)."""
    order = distances(rows).argsort(dim=1, stable=True)
    places = torch.arange(1, len(rows) + 1).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places)


def find_nearest(rows: Tensor, many: int) -> Tensor:
    """The numbers of the nearest others of each row, (rows, many)."""
    return distances(rows).topk(many, dim=1, largest=False).indices


def measure_trust(ranks: Tensor, nearest: Tensor) -> Values:
    """What each row has of trustworthiness, which is the mean of them, (rows,).

    Args:
        ranks: from `rank_neighbours` of all columns.
        nearest: from `find_nearest` of the projection: fewer than half of the rows.
    """
    rows, many = nearest.shape
    beyond = (ranks.gather(1, nearest) - many).clamp(min=0).sum(dim=1).double()
    worst = many * (2 * rows - 3 * many - 1)
    found: Values = (1 - 2 * beyond / worst).numpy()
    return found


def measure_kept(ranks: Tensor, nearest: Tensor) -> Values:
    """The share of each row's nearest ones that are its nearest in the projection too, (rows,)."""
    found: Values = (ranks.gather(1, nearest) <= nearest.shape[1]).double().mean(dim=1).numpy()
    return found


@dataclass(frozen=True)
class Hits(Mean):
    """The share of units that are right.

    Attributes:
        guesses: which units each of several guesses has right, (guesses, units).
    """

    guesses: npt.NDArray[np.bool_] | None = None

    def right(self) -> npt.NDArray[np.bool_] | None:
        """Which units are right, (guesses, units)."""
        return self.guesses


def hits(name: str, kind: str, guesses: npt.NDArray[np.bool_]) -> Hits:
    """A share of right units, the mean over guesses.

    Args:
        name: whose it is.
        kind: as of an `Estimate`.
        guesses: (guesses, units).
    """
    return Hits(name, kind, guesses.mean(axis=0), guesses=guesses)  # type: ignore[arg-type]
