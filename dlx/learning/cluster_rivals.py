"""What clusters must beat: a single one, groups drawn at random, and what k-means begins with."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..judging.evaluation import Kind
from ..seeds import derive
from .clusterings import Clustering, KMeans, Mixture, nearest


@dataclass(frozen=True)
class Rival:
    """An answer to which rows belong together.

    Attributes:
        name: as in "random assignment".
        kind: as of an `Estimate`.
        groups: the cluster of each row, (rows,); -1 for none.
        losses: of each row, where it has any under the method.
    """

    name: str
    kind: Kind
    groups: Tensor
    losses: Tensor | None = None


def rivals_of(
    model: Clustering, train: Tensor, rows: Tensor, own: Tensor, seed: int
) -> list[Rival]:
    """Answers that no method is needed for.

    Args:
        model: what was found.
        train: the training rows, (rows, numbers).
        rows: those that are judged.
        own: the clusters that the model assigns them to.
        seed: of what is drawn.
    """
    source = torch.Generator().manual_seed(derive(seed, "random assignment"))
    shuffled = own[torch.randperm(len(own), generator=source)]
    source.manual_seed(derive(seed, "random rows"))
    drawn = train[torch.randperm(len(train), generator=source)[: max(1, model.many)]]
    groups, apart = nearest(rows, drawn)
    return [
        Rival("one cluster", "constant", torch.zeros_like(own), _loss_of_one(model, train, rows)),
        Rival("random assignment", "constant", shuffled),
        Rival("random rows as centres", "start", groups, apart if _is_far(model) else None),
    ]


def _is_far(model: Clustering) -> bool:
    """Whether the loss is a squared distance."""
    return isinstance(model, KMeans)


def _loss_of_one(model: Clustering, train: Tensor, rows: Tensor) -> Tensor | None:
    """The loss of each row where all training rows are one cluster."""
    if isinstance(model, KMeans):
        return nearest(rows, train.mean(dim=0, keepdim=True))[1]
    if not isinstance(model, Mixture):
        return None
    alone = model.again()
    alone.fit_one(train.numpy())
    return alone.assign(rows)[1]
