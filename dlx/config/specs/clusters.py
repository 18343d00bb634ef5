"""Clusters: the methods that find them, and the rules that choose how many there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ..fields import Chosen, Component, Table, option
from .learner import Learner

_MANY = "how many; null: as many as `learner.choose` finds, by the silhouette where that is null"


@dataclass(frozen=True, kw_only=True)
class Method:
    """Options that every method has, and what is known of it before anything runs.

    Attributes:
        assigns: whether it can assign rows that it was not fitted to.
        loss: what the loss of a row is; "" where there is none.
    """

    assigns: ClassVar[bool] = True
    loss: ClassVar[str] = ""


@dataclass(frozen=True, kw_only=True)
class Counted(Method):
    """Options of the methods that are told how many clusters to find."""

    clusters: int | None = option(None, _MANY, ge=1, aliases=("n_clusters", "k"))
    rounds: int = option(300, "rounds of a start, at most", ge=1, aliases=("max_iter",))


@dataclass(frozen=True, kw_only=True)
class KMeans(Counted):
    """Centres with the least squared distance to the rows nearest to each (Lloyd, 1982)."""

    loss = "squared distance of a row to the nearest centre"

    starts: int = option(
        10,
        "starts (k-means++; Arthur and Vassilvitskii, 2007), of which the best is kept",
        ge=1,
        aliases=("n_init",),
    )
    fit: Literal["whole", "batches"] = option(
        "whole",
        "whole: all training rows at once, in a single step; batches: a step for each batch, for "
        "rows that do not fit in memory (Sculley, 2010)",
    )


@dataclass(frozen=True, kw_only=True)
class Mixture(Counted):
    """A sum of normal distributions that makes the rows most likely (Dempster and others, 1977)."""

    loss = "negative log-likelihood of a row, in nats"

    covariance: Literal["full", "tied", "diag", "spherical"] = option(
        "full",
        "each has its own (full), all have one (tied), no correlations (diag), one variance "
        "(spherical)",
        aliases=("covariance_type",),
    )
    starts: int = option(
        3, "starts from k-means, of which the best is kept", ge=1, aliases=("n_init",)
    )
    regularise: float = option(
        1e-6, "added to each variance, so that none is 0", ge=0, aliases=("reg_covar",)
    )


@dataclass(frozen=True, kw_only=True)
class Dbscan(Method):
    """Regions where rows lie close together; rows elsewhere are noise (Ester and others, 1996)."""

    assigns = False

    neighbours: int = option(
        5, "rows within the radius that make a row part of a region", ge=1, aliases=("min_samples",)
    )
    radius: float | None = option(
        None,
        "how near is close; null: the distance to the `neighbours`-th nearest row that all but the "
        "share `noise` of the rows have at most",
        gt=0,
        aliases=("eps",),
    )
    noise: float = option(
        0.1, "share of rows that may be noise, where `radius` is null", ge=0, lt=1
    )


@dataclass(frozen=True, kw_only=True)
class Hdbscan(Method):
    """Regions as DBSCAN's, at all radii; the most lasting are kept (Campello and others, 2013)."""

    assigns = False

    smallest: int = option(5, "rows of a cluster, at least", ge=2, aliases=("min_cluster_size",))
    neighbours: int | None = option(
        None, "rows that make a region dense; null: as `smallest`", ge=1, aliases=("min_samples",)
    )
    select: Literal["lasting", "leaves"] = option(
        "lasting", "which regions of the tree are clusters: the most lasting, or its leaves"
    )


_CODE = "dlx.learning.clusterings"
METHODS = Table(
    "clustering method",
    {
        "kmeans": Component(KMeans, f"{_CODE}:KMeans"),
        "mixture": Component(Mixture, f"{_CODE}:Mixture"),
        "dbscan": Component(Dbscan, f"{_CODE}:Dbscan"),
        "hdbscan": Component(Hdbscan, f"{_CODE}:Hdbscan"),
    },
)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Options of every rule that chooses the number of clusters, on training rows alone.

    Attributes:
        along: what is compared, as a report names it.
        most_wins: whether the largest is best.
    """

    along: ClassVar[str]
    most_wins: ClassVar[bool] = True

    least: int = option(2, "fewest clusters that are tried", ge=2)
    most: int = option(10, "most clusters that are tried", ge=2)


class Silhouette(Choice):
    """The largest silhouette of at most 2,000 training rows (Rousseeuw, 1987)."""

    along = "silhouette"


class Bic(Choice):
    """The smallest Bayesian information criterion, of a mixture (Schwarz, 1978)."""

    along = "Bayesian information criterion"
    most_wins = False


@dataclass(frozen=True, kw_only=True)
class Stability(Choice):
    """The clusters that bootstraps of the rows agree on most (Ben-Hur, 2002; von Luxburg, 2010)."""

    along = "mean adjusted Rand index between bootstraps"

    draws: int = option(10, "bootstraps of the training rows, each clustered anew", ge=2)


_RULES = "dlx.learning.cluster_number"
CHOICES = Table(
    "choice of the number of clusters",
    {
        "silhouette": Component(Silhouette, f"{_RULES}:by_silhouette"),
        "bic": Component(Bic, f"{_RULES}:by_bic"),
        "stability": Component(Stability, f"{_RULES}:by_stability"),
    },
)


@dataclass(frozen=True, kw_only=True)
class Clusters(Learner):
    """Puts rows into groups of rows that are alike; no gradient, and no labels."""

    spec = "dlx.config.clusters:ClustersSpec"

    method: Chosen = option(METHODS.default("kmeans"), "what finds the clusters", table=METHODS)
    choose: Chosen | None = option(
        None,
        "rule that chooses how many there are, where `learner.method.clusters` is null",
        table=CHOICES,
        example="{name: silhouette, most: 15}",
    )
    labels: str | None = option(
        None,
        "target of classes that the clusters are compared with once they are found; nothing "
        "learns from it",
        example="digit",
    )

    @property
    def rule(self) -> Chosen | None:
        """What chooses how many there are; None where that is said, or the method finds it."""
        method = self.method.options
        if self.choose is None and isinstance(method, Counted) and method.clusters is None:
            return CHOICES.default("silhouette")()
        return self.choose
