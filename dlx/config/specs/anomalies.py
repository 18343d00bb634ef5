"""Ways of finding rows that are unlike the others; and the learner that finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..fields import Chosen, Component, Table, option
from .learner import Learner


@dataclass(frozen=True, kw_only=True)
class IsolationForest:
    """Rows that few random cuts set apart are anomalous (Liu, Ting and Zhou, 2008)."""

    trees: int = option(100, "trees of random cuts", ge=1)
    rows: int = option(256, "training rows that each tree is grown on, at most", ge=2)
    columns: float = option(1.0, "share of the columns that each tree cuts", gt=0, le=1)


@dataclass(frozen=True, kw_only=True)
class Reconstruction:
    """Rows are anomalous that principal components of the training rows cannot build again."""

    components: int = option(5, "numbers from which a row is built again", ge=1)


@dataclass(frozen=True, kw_only=True)
class Autoencoder:
    """Rows are anomalous that the autoencoder of an earlier run, in `from_run`, cannot rebuild."""


ANOMALIES = Table(
    "anomaly method",
    {
        "isolation_forest": Component(IsolationForest, "dlx.learning.isolating:Forest"),
        "autoencoder": Component(Autoencoder, "dlx.learning.rebuilding_run:Autoencoded"),
        "reconstruction": Component(Reconstruction, "dlx.learning.isolating:Rebuilt"),
    },
)


@dataclass(frozen=True, kw_only=True)
class Known:
    """Which rows are known to be anomalous, for judging only.

    Attributes:
        column: of classes.
        anomalous: the class of anomalies.
    """

    column: str | None = option(
        None,
        "column of classes by which it is judged, and which the learner never sees; null: none",
    )
    anomalous: str | None = option(None, "the class of rows that are anomalous")


@dataclass(frozen=True, kw_only=True)
class Anomalies(Learner):
    """Finds the rows that are unlike the others: isolation forest, reconstruction error."""

    spec = "dlx.config.anomalies:AnomaliesSpec"

    method: Chosen = option(
        ANOMALIES.default("isolation_forest"), "how anomalous a row is", table=ANOMALIES
    )
    labels: Known = option(Known, "which rows are known to be anomalous, for judging only")
    train_on: Literal["all", "normal"] = option(
        "all",
        "rows that it is fitted to; normal: without those that the labels call anomalous, so that "
        "labels of training rows are used",
    )
    contamination: float = option(
        0.05, "share of the training rows that are flagged; the threshold is theirs", gt=0, lt=0.5
    )
    k: int | None = option(
        None,
        "rows at the top whose precision is told; null: as many as there are anomalies",
        ge=1,
    )
