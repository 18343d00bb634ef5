"""What clusters must beat: a single one, groups drawn at random, and what k-means begins with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..config.schema import Config
from ..data.columns import Rows
from ..judging.agreement import Agreement, Groups, Measure
from ..judging.evaluation import Kind
from ..judging.means import Mean
from ..judging.silhouette import silhouettes
from ..seeds import derive
from ..sources.batches import make_part
from ..sources.fold import FoldData
from .clusterings import Clustering, KMeans, Mixture, nearest
from .probe import RAW as RAW
from .probe import raw_inputs

DRAWS = 10
"""Answers at random whose mean score is taken: their luck shall not decide."""

_BLOCK = 1024


@dataclass(frozen=True)
class Rival:
    """An answer to which rows belong together, or several that were drawn.

    Attributes:
        name: as in "random assignment".
        kind: as of an `Estimate`.
        groups: the cluster of each row, (draws, rows); -1 for none.
        losses: of each row, (rows,), where it has any under the method.
    """

    name: str
    kind: Kind
    groups: Tensor
    losses: Tensor | None = None

    def silhouette(self, apart: Tensor, some: Tensor) -> Mean:
        """The mean silhouette of some rows, whose distances are known."""
        each = np.mean([silhouettes(apart, one[some]) for one in self.groups], axis=0)
        return Mean(self.name, self.kind, each)

    def loss(self) -> Mean | None:
        """The mean loss; None where it has none."""
        return None if self.losses is None else Mean(self.name, self.kind, self.losses.numpy())

    def agreement(self, truth: Groups, measure: Measure) -> Agreement:
        """How far it agrees with groups that are known."""
        return Agreement(self.name, self.kind, self.groups.numpy(), truth, measure)


def rivals_of(
    model: Clustering, train: Tensor, rows: Tensor, own: Tensor, seed: int
) -> list[Rival]:
    """Answers that no method is needed for.

    Args:
        model: what was found.
        train: the training rows, (rows, numbers).
        rows: those that are judged.
        own: the clusters that the model assigns them to, (rows,).
        seed: of what is drawn.
    """
    source = torch.Generator()

    def draw(purpose: str, many: int) -> list[Tensor]:
        source.manual_seed(derive(seed, purpose))
        return [torch.randperm(many, generator=source) for _ in range(DRAWS)]

    shuffled = torch.stack([own[order] for order in draw("random assignment", len(own))])
    centres = [train[order[: max(1, model.many)]] for order in draw("random rows", len(train))]
    groups, apart = (
        torch.stack(one) for one in zip(*(nearest(rows, c) for c in centres), strict=True)
    )
    squared = apart.mean(dim=0) if isinstance(model, KMeans) else None
    alone = torch.zeros_like(own)[None]
    return [
        Rival("one cluster", "constant", alone, _loss_of_one(model, train, rows)),
        Rival("random assignment", "constant", shuffled),
        Rival("random rows as centres", "start", groups, squared),
    ]


def has_features(config: Config) -> bool:
    """Whether the rows are what the network of an earlier run made of them."""
    return any(step.name == "run_features" for step in config.prepare.steps)


def raw_rows(fold: FoldData, numbers: Rows) -> Tensor | None:
    """Rows as the dataset has them, (rows, numbers), float64; None where they are no numbers."""
    samples = fold.data.samples
    columns = {name: samples.columns[name] for name in samples.inputs}
    described = [one.describe() for one in columns.values()]
    if not all(one.is_numbers and not one.ragged for one in described):
        return None
    part = make_part(columns, {}, numbers, torch.device("cpu"))
    batches = part.in_order(_BLOCK)
    return torch.cat([raw_inputs(batch.inputs).double() for batch in batches])


def _loss_of_one(model: Clustering, train: Tensor, rows: Tensor) -> Tensor | None:
    """The loss of each row where all training rows are one cluster."""
    if isinstance(model, KMeans):
        return nearest(rows, train.mean(dim=0, keepdim=True))[1]
    if not isinstance(model, Mixture):
        return None
    alone = model.again()
    alone.fit_one(train.numpy())
    return alone.assign(rows)[1]
