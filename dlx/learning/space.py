"""How far rows lie from the training rows in the features that a network makes of them.

The distance is Mahalanobis' from the nearest of the classes' means, with one covariance for all
(Lee, Lee, Lee and Shin, "A simple unified framework for detecting out-of-distribution samples and
adversarial attacks", 2018), shrunk after Ledoit and Wolf (2004). Of many numbers a row, random
signs make `NUMBERS`, which keeps distances nearly as they are (Achlioptas, 2003).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Array = npt.NDArray[Any]

NUMBERS = 128
"""Numbers of a row that are compared, at most."""
WIDEST = 32_768
"""Features of a row; of more there are no distances, as they would take too much memory."""
FEWEST = 5
"""Training rows of a class that has a mean of its own: no row is to be read off it."""
CENTRES = 200


def reduce(features: Tensor) -> Array:
    """Features of some rows as they are compared, (rows, numbers), float32."""
    width, values = features.shape[1], features.detach().cpu()
    if width > NUMBERS:
        values = values.double() @ _signs(width)
    return values.float().numpy()


@lru_cache(maxsize=4)
def _signs(width: int) -> Tensor:
    signs = np.random.default_rng(width).integers(0, 2, (width, NUMBERS), dtype=np.int8)
    found: Tensor = (torch.from_numpy(signs).double() * 2 - 1) / NUMBERS**0.5
    return found


def place(features: Array, ids: Array | None) -> dict[str, Array] | None:
    """What distances from some rows are computed by; None of too few rows, or broken ones.

    Args:
        features: of training rows, from `reduce`.
        ids: the class of each; None where they have none.
    """
    rows, width = features.shape
    if rows < FEWEST or not width or not np.isfinite(features).all():
        return None
    values = torch.from_numpy(features).double()
    offset, spread = values.mean(0), values.std(0, correction=0)
    alive = spread > 0
    usual = spread[alive].median() if alive.any() else torch.ones(())
    scale = torch.where(alive, spread, usual.to(spread.dtype))
    values = (values - offset) / scale
    centres, own = _centre(values, ids)
    whiten = _whiten(values - centres[own])
    told = {"centres": centres @ whiten, "offset": offset, "scale": scale, "whiten": whiten}
    return {name: one.float().numpy() for name, one in told.items()}


def measure(features: Array, told: Mapping[str, Array]) -> npt.NDArray[np.float32]:
    """How far each row is from the nearest centre, (rows,).

    Args:
        features: of the rows, from `reduce`.
        told: from `place`.
    """
    known = {name: torch.from_numpy(np.array(one)).double() for name, one in told.items()}
    weights = known["whiten"] / known["scale"][:, None]  # one product for a pass over all rows
    values = torch.addmm(-(known["offset"] @ weights), torch.from_numpy(features).double(), weights)
    found = torch.cdist(values, known["centres"], compute_mode="donot_use_mm_for_euclid_dist")
    near: npt.NDArray[np.float32] = found.amin(1).float().numpy()
    return np.nan_to_num(near, nan=np.inf)


def _centre(values: Tensor, ids: Array | None) -> tuple[Tensor, Tensor]:
    """The mean of each class that has rows enough, first that of all rows; which is each row's."""
    every = values.mean(0, keepdim=True)
    own = torch.zeros(len(values), dtype=torch.int64)
    if ids is None:
        return every, own
    counts = np.bincount(ids.astype(np.int64))
    classes = np.flatnonzero(counts >= FEWEST)[:CENTRES]
    if not len(classes):
        return every, own
    marks = [torch.from_numpy(ids == one) for one in classes.tolist()]
    for number, mark in enumerate(marks):
        own[mark] = number
    centres = torch.stack([values[mark].mean(0) for mark in marks])
    rest = ~torch.stack(marks).any(0)
    if rest.any():  # rows of rare classes are near no other's mean
        own[rest] = len(centres)
        centres = torch.cat([centres, every])
    return centres, own


def _whiten(values: Tensor) -> Tensor:
    """What makes the covariance of centred rows that of independent numbers of variance 1."""
    rows, width = values.shape
    covariance = values.T @ values / rows
    mean = covariance.diagonal().mean().clamp(min=1e-12)
    squares = values.square()
    noise = ((squares.T @ squares).sum() / rows - covariance.square().sum()) / (width * rows)
    identity = torch.eye(width, dtype=values.dtype)
    spread = (covariance - mean * identity).square().sum() / width
    share = (noise / spread).clamp(0.01, 1) if spread > 0 else torch.ones((), dtype=values.dtype)
    shrunk = (1 - share) * covariance + share * mean * identity
    lower = torch.linalg.cholesky(shrunk)
    inverse: Tensor = torch.linalg.solve_triangular(lower, identity, upper=False)
    return inverse.T.contiguous()
