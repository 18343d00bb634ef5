"""Whether two views of a row are known to be of one row, by numbers of each view."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from ..metrics.base import Values
from ..seeds import derive

BLOCK = 512
"""Rows among whose views partners are looked for."""


def similarities(rows: Tensor) -> Tensor:
    """The cosine of each row of numbers and each other one, (rows, rows)."""
    unit = F.normalize(rows.float(), dim=1)
    return unit @ unit.T


def nt_xent(cosines: Tensor, temperature: float) -> Tensor:
    """The loss of each view (NT-Xent; Chen and others, 2020, arXiv:2002.05709, equation 1).

    Args:
        cosines: of the first views of some rows and then their second ones, (2 rows, 2 rows).
        temperature: cosines are divided by it.

    Returns:
        The cross-entropy in nats of telling the other view of its row among all other views,
        (2 rows,).
    """
    logits = (cosines / temperature).masked_fill(_diagonal(cosines), -torch.inf)
    return F.cross_entropy(logits, _partners(cosines), reduction="none")


def finds_partner(cosines: Tensor) -> Tensor:
    """Whether the other view of a view's row is more like it than any other view, (2 rows,)."""
    others = cosines.masked_fill(_diagonal(cosines), -torch.inf)
    partner = others.gather(1, _partners(cosines)[:, None])
    rivals = others.scatter(1, _partners(cosines)[:, None], -torch.inf)
    return partner[:, 0] > rivals.amax(dim=1)


def alignment(cosines: Tensor) -> Tensor:
    """The squared distance of the two views of a row, (rows,), from 0 to 4.

    Wang and Isola (2020, arXiv:2005.10242), of numbers of length 1.
    """
    return 2 - 2 * cosines.diagonal(len(cosines) // 2)


def uniformity(cosines: Tensor) -> Tensor:
    """The logarithm of the mean of exp(-2 squared distance) over all pairs of rows; there likewise.

    It is 0 where all rows lie at one place, and -4 where they lie evenly on a large sphere.
    """
    rows = len(cosines) // 2
    places = torch.triu_indices(rows, rows, 1, device=cosines.device)
    first = cosines[:rows, :rows][places[0], places[1]]
    return (4 * first - 4).exp().mean().log()


def spread(features: Tensor) -> Tensor:
    """The variance of the directions of rows of numbers, from 0 (all the same) to 1."""
    unit = F.normalize(features.double(), dim=1)
    return (unit - unit.mean(dim=0)).square().sum(dim=1).mean()


def _partners(cosines: Tensor) -> Tensor:
    """The place of the other view of each view's row."""
    return torch.arange(len(cosines), device=cosines.device).roll(len(cosines) // 2)


def _diagonal(cosines: Tensor) -> Tensor:
    return torch.eye(len(cosines), dtype=torch.bool, device=cosines.device)


@dataclass(frozen=True)
class Told:
    """How the views of some rows are told apart.

    Attributes:
        loss: of each row, the mean over its two views, (rows,).
        least: the loss of who cannot tell any view from another, likewise.
        found: the share of its views whose partner is found.
        chance: that of who guesses.
        aligned: the squared distance of its views.
        uniformity: of all rows.
    """

    loss: Values
    least: Values
    found: Values
    chance: Values
    aligned: Values
    uniformity: float


def tell(numbers: Tensor, temperature: float, batch_size: int, seed: int) -> Told:
    """How views are told apart by the cosines of their numbers.

    They are compared in blocks of rows: of about a batch for the loss, of about `BLOCK` for all
    else, so that this does not depend on the batch.

    Args:
        numbers: of the first views of rows and then of their second ones, (2 rows, numbers).
        temperature: of the loss.
        batch_size: rows of a batch.
        seed: what the order derives from in which rows are cut into blocks.
    """
    views = numbers.view(2, len(numbers) // 2, -1)
    each = torch.zeros(5, views.shape[1], dtype=torch.float64)
    for block in _cut(views.shape[1], batch_size, seed):
        loss = nt_xent(similarities(views[:, block].flatten(0, 1)), temperature)
        each[0, block] = loss.view(2, -1).double().mean(0).cpu()
        each[1, block] = math.log(2 * len(block) - 1)
    uniform = []
    for block in _cut(views.shape[1], BLOCK, seed):
        cosines = similarities(views[:, block].flatten(0, 1))
        each[2, block] = finds_partner(cosines).view(2, -1).double().mean(0).cpu()
        each[3, block] = 1 / (2 * len(block) - 1)
        each[4, block] = alignment(cosines).double().cpu()
        uniform.append(float(uniformity(cosines)))
    loss, least, found, chance, aligned = each.numpy()
    return Told(loss, least, found, chance, aligned, sum(uniform) / len(uniform))


def _cut(rows: int, size: int, seed: int) -> tuple[Tensor, ...]:
    """Places of rows in blocks of nearly equal size, in an order that the seed gives."""
    order = torch.Generator().manual_seed(derive(seed, "blocks"))
    return torch.randperm(rows, generator=order).tensor_split(max(1, round(rows / size)))
