"""Which samples lie among data, and which data among samples: precision and recall.

Kynkäänniemi and others (2019, arXiv:1904.06991): what some rows cover is the union of balls around
them, each of which reaches to the row's third nearest neighbour among the others. Precision is the
share of samples within what the data cover, recall the share of data within what samples cover.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ..metrics.base import Values

NEAREST = 3
"""The neighbour that a ball reaches to."""
_CELLS = 2**22
"""Distances that are held at a time."""


def covered(points: Values, rows: Values, nearest: int = NEAREST) -> Values:
    """1 for each point that lies within a ball around a row, else 0; nan of too few rows.

    Args:
        points: (points, numbers).
        rows: (rows, numbers), more than `nearest`.
        nearest: the neighbour that a ball reaches to.
    """
    if len(rows) <= nearest:
        return np.full(len(points), np.nan)
    around = torch.from_numpy(reach(rows, nearest))
    found = [(far <= around).any(dim=1) for far in _distances(points, rows)]
    inside: Values = torch.cat(found).double().numpy()
    return inside


def reach(rows: Values, nearest: int = NEAREST) -> Values:
    """How far each row is from its so-manieth nearest neighbour, itself not counted, (rows,)."""
    found = [far.kthvalue(nearest + 1, dim=1).values for far in _distances(rows, rows)]
    far: Values = torch.cat(found).numpy()
    return far


def _distances(points: Values, rows: Values) -> Iterator[Tensor]:
    """Euclidean distances of some points after the other from all rows, (points, rows)."""
    every, among = torch.from_numpy(points), torch.from_numpy(rows)
    exact = "donot_use_mm_for_euclid_dist"  # else what is equal is not at distance 0
    for some in torch.split(every, max(1, _CELLS // max(1, len(among)))):
        yield torch.cdist(some, among, compute_mode=exact)
