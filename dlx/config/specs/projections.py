"""Ways of giving each row a few numbers, without labels; and the learner that has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ..fields import Chosen, Component, Table, option
from .learner import Learner

MOST_SCORED = 10_000
"""Rows whose neighbours can be ranked: all distances are held at once."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """Options that every method has.

    Attributes:
        predicts: whether it places rows that it was not fitted to.
    """

    predicts: ClassVar[bool] = True

    components: int = option(2, "numbers that each row becomes", ge=1)


class Pca(Method):
    """Principal components: the directions along which rows differ most (Pearson, 1901)."""


@dataclass(frozen=True, kw_only=True)
class Tsne(Method):
    """Near rows stay near (van der Maaten and Hinton, 2008); it says nothing of new rows."""

    predicts = False

    perplexity: float = option(30.0, "about how many neighbours of a row count", gt=1)
    iterations: int = option(1000, "steps of its own optimization", ge=250)
    exaggeration: float = option(
        12.0, "how much nearer neighbours are drawn in the first 250 steps", ge=1
    )
    lr: float | None = option(
        None,
        "step size; null: rows / exaggeration / 4, at least 50 (Belkina and others, 2019)",
        gt=0,
    )
    init: Literal["pca", "random"] = option(
        "pca", "where rows start; from their principal components far clusters lie far more often"
    )


PROJECTIONS = Table(
    "projection",
    {
        "pca": Component(Pca, "dlx.learning.projecting:Pca"),
        "tsne": Component(Tsne, "dlx.learning.projecting:Tsne"),
    },
)


@dataclass(frozen=True, kw_only=True)
class Projection(Learner):
    """Each row as a few numbers, so that rows can be looked at in a plane: PCA, t-SNE."""

    spec = "dlx.config.projection:ProjectionSpec"

    method: Chosen = option(
        PROJECTIONS.default("pca"), "how the numbers are found", table=PROJECTIONS
    )
    labels: str | None = option(
        None,
        "column of classes by which the plane is judged and coloured, and which the learner never "
        "sees; null: none",
    )
    neighbours: int = option(5, "nearest rows of each row whose keeping is scored", ge=1)
    rows: int = option(
        2000,
        "rows whose neighbours are ranked, at most; of more, some are drawn",
        ge=10,
        le=MOST_SCORED,
    )
