"""The Fréchet distance between samples and data, in the space of a few principal components.

By torch, whose threads a run sets: NumPy's of small matrices spend their time waiting for each
other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from ..metrics.base import Places, Values
from .bootstrap import Draws
from .evaluation import Estimate, Kind

COMPONENTS = 32
"""As many principal components are compared."""


@dataclass(frozen=True)
class Components:
    """The directions in which some rows vary most.

    Attributes:
        mean: of the rows, (numbers,).
        axes: of unit length, (numbers, components).
    """

    mean: Values
    axes: Values

    @classmethod
    def fit(cls, rows: Values, most: int = COMPONENTS) -> Self:
        """Learns them from rows, (rows, numbers): as many as vary, at most so many."""
        mean = rows.mean(axis=0, dtype=np.float64)
        centred = torch.from_numpy(rows - mean)
        wide = centred.shape[1] > len(centred)  # then the rows' products are the smaller matrix
        sizes, axes = torch.linalg.eigh(centred @ centred.T if wide else centred.T @ centred)
        kept = (sizes > sizes[-1] * 1e-10).nonzero()[:, 0].flip(0)[:most]
        axes = axes[:, kept]
        if wide:
            axes = centred.T @ axes / sizes[kept].sqrt()
        return cls(mean, axes.numpy())

    def of(self, rows: Values) -> Values:
        """How far rows lie along each, (rows, components)."""
        return (torch.from_numpy(rows - self.mean) @ torch.from_numpy(self.axes)).numpy()

    def whole(self, rows: Values) -> Values:
        """The same, and how far rows are from all that they span, (rows, components + 1).

        Else noise, of which hardly any lies along the components, would be among the data.
        """
        along = self.of(rows)
        rest = np.square(rows - self.mean).sum(axis=1) - np.square(along).sum(axis=1)
        found: Values = np.column_stack([along, np.sqrt(rest.clip(min=0))])
        return found


def distance(one: Values, other: Values) -> float:
    """The Fréchet distance between two sets of rows, each taken as normal.

    Squared, as it is usually told: of means m and covariances S it is
    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) (Dowson and Landau, 1982; for generated pictures
    Heusel and others, 2017, arXiv:1706.08500). Nan of fewer than two rows, or
    where a number is not finite.

    Args:
        one: (rows, numbers).
        other: (other rows, numbers).
    """
    if not _is_defined(one, other):
        return float("nan")
    return float(_between(*_moments(one), *_moments(other)))


def _is_defined(*every: Values) -> bool:
    return all(len(rows) > 1 and bool(np.isfinite(rows).all()) for rows in every)


def _moments(rows: Values) -> tuple[Tensor, Tensor]:
    """Mean and covariance, (numbers,) and (numbers, numbers)."""
    found = torch.from_numpy(rows)
    return found.mean(dim=0), found.T.cov().reshape(2 * rows.shape[1:])


def _between(mean: Tensor, covariance: Tensor, other_mean: Tensor, other: Tensor) -> Tensor:
    """The distance between normal distributions; of many pairs at once, where stacked."""
    sizes, axes = torch.linalg.eigh(covariance)
    root = axes * sizes.clamp(min=0).sqrt().unsqueeze(-2)  # root root' is the covariance
    common = torch.linalg.eigvalsh(root.mT @ other @ root).clamp(min=0).sqrt()
    spread = (covariance + other).diagonal(dim1=-2, dim2=-1) - 2 * common
    found: Tensor = ((mean - other_mean).square() + spread).sum(dim=-1).clamp(min=0)
    return found


@dataclass(frozen=True)
class Frechet(Estimate):
    """How far samples are from data, both in some space of features.

    Another draw of samples, of data, or of as many from few, has more noise in its covariances
    and lies farther away; so the distances of draws tell how far a score could move, and are told
    around the score itself.

    Attributes:
        name: as in "uniform noise".
        kind: the model's own, or of what it is compared with.
        made: features of the samples, (samples, numbers).
        data: features of the data, (rows, numbers).
    """

    name: str
    kind: Kind
    made: Values
    data: Values

    @property
    def units(self) -> int:
        """How many samples there are."""
        return len(self.made)

    def value(self, units: Places | None = None) -> float:
        """The distance of all or of some of the samples."""
        return distance(self.made if units is None else self.made[units], self.data)

    def bootstrap(self, drawn: Draws) -> Values:
        """The distance of each draw of samples, from a draw of the data, (draws,)."""
        if not _is_defined(self.made, self.data):
            return np.full(drawn.many, np.nan)
        others = Draws(len(self.data), "bootstrap of the data", drawn.many)
        pairs = zip(drawn, others, strict=True)
        moments = [(*_moments(self.made[a]), *_moments(self.data[b])) for a, b in pairs]
        found = _between(*(torch.stack(each) for each in zip(*moments, strict=True)))
        around: Values = (found - found.mean() + self.value()).numpy()
        return around
