"""The silhouette of rows: how much nearer each is to its own cluster than to the next."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..metrics.base import Values
from ..seeds import derive

MOST = 2000
"""Rows whose distances to each other are computed, at most."""


def choose_rows(many: int, seed: int) -> Tensor:
    """Of so many rows those whose silhouette is computed, in order: all, or `MOST` drawn."""
    if many <= MOST:
        return torch.arange(many)
    source = torch.Generator().manual_seed(derive(seed, "silhouette"))
    return torch.randperm(many, generator=source)[:MOST].sort().values


def distances(rows: Tensor) -> Tensor:
    """The Euclidean distance of each row to each, (rows, rows)."""
    found = torch.cdist(rows, rows)
    found.fill_diagonal_(0.0)
    return found


def silhouettes(apart: Tensor, groups: Tensor) -> Values:
    """The silhouette of each row (Rousseeuw, 1987): (b - a) / max(a, b).

    With a the mean distance to the others of its cluster, b the least mean distance to the rows of
    another one. 0 of a row alone in its cluster, and of one in none (-1), whom no other row
    counts. Nan where there are fewer than two clusters.

    Args:
        apart: distance of each row to each, (rows, rows).
        groups: the cluster of each row, (rows,).
    """
    numbers = torch.from_numpy(np.unique(groups[groups >= 0].cpu().numpy())).to(groups.device)
    if len(numbers) < 2:
        return np.full(len(groups), np.nan)
    member = (groups[:, None] == numbers).to(apart.dtype)
    sizes, sums = member.sum(dim=0), apart @ member
    inside = member.bool()
    own = (sums * member).sum(dim=1) / ((sizes * member).sum(dim=1) - 1).clamp(min=1)
    other = (sums / sizes).masked_fill(inside, torch.inf).min(dim=1).values
    found = (other - own) / torch.maximum(own, other).clamp(min=torch.finfo(apart.dtype).tiny)
    counts = inside.any(dim=1) & ((sizes * member).sum(dim=1) > 1)
    each: Values = torch.where(counts, found, torch.zeros_like(found)).double().cpu().numpy()
    return each
