"""The Fréchet distance between samples and data, in the space of a few principal components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

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
        centred = rows - mean
        wide = centred.shape[1] > len(centred)  # then the rows' products are the smaller matrix
        sizes, axes = np.linalg.eigh(centred @ centred.T if wide else centred.T @ centred)
        vary = sizes > sizes[-1] * 1e-10
        kept = np.flatnonzero(vary)[::-1][:most]
        axes = axes[:, kept]
        return cls(mean, centred.T @ axes / np.sqrt(sizes[kept]) if wide else axes)

    def of(self, rows: Values) -> Values:
        """How far rows lie along each, (rows, components)."""
        return (rows - self.mean) @ self.axes


def distance(one: Values, other: Values) -> float:
    """The Fréchet distance between two sets of rows, each taken as normal.

    Squared, as it is usually told: of means m and covariances S it is
    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) (Dowson and Landau, 1982; for generated pictures
    Heusel and others, 2017, arXiv:1706.08500). Nan of fewer than two rows.

    Args:
        one: (rows, numbers).
        other: (other rows, numbers).
    """
    if min(len(one), len(other)) < 2:
        return float("nan")
    apart = one.mean(axis=0) - other.mean(axis=0)
    first, second = (np.atleast_2d(np.cov(rows, rowvar=False)) for rows in (one, other))
    sizes, axes = np.linalg.eigh(first)
    root = axes * np.sqrt(sizes.clip(0))  # root root' is the first covariance
    common = np.sqrt(np.linalg.eigvalsh(root.T @ second @ root).clip(0)).sum()
    found = apart @ apart + np.trace(first) + np.trace(second) - 2 * common
    return max(0.0, float(found))


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
        others = Draws(len(self.data), "bootstrap of the data", drawn.many)
        pairs = zip(drawn, others, strict=True)
        found = np.array([distance(self.made[a], self.data[b]) for a, b in pairs])
        around: Values = found - found.mean() + self.value()
        return around
