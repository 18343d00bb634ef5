"""Methods that find clusters: fitted by scikit-learn, then no more than their buffers.

Assigning rows is torch's work alone, so that finished runs need no scikit-learn. Clusters are
numbered from the largest to the smallest. Everything is computed in float64, by one thread: sums
in another order have other bits.
"""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from ..config.specs import clusters as specs
from ..errors import Problem, RunError
from ..metrics.base import Values
from .at_once import Found

NOISE = -1
"""The number of what is in no cluster."""


class Clustering(Found, ABC):
    """Clusters, and what assigns rows to them.

    Args:
        options: of the method.

    Attributes:
        keeps: names of the buffers that hold what was found; empty before.
    """

    keeps: ClassVar[tuple[str, ...]]

    def __init__(self, options: Any) -> None:
        super().__init__()
        self.options = options
        for name in ("sizes", "rounds", "tried", "told", *self.keeps):
            self.keep(name, torch.zeros(0, dtype=torch.float64))

    def keep_all(self, **found: Any) -> None:
        """Takes numbers of whatever shape, by name."""
        for name, values in found.items():
            self.keep(name, torch.as_tensor(np.asarray(values, dtype=np.float64)))

    @property
    def many(self) -> int:
        """How many clusters were found."""
        return len(self.get_buffer("sizes"))

    @abstractmethod
    def fit(self, rows: Values, clusters: int, seed: int) -> None:
        """Finds clusters.

        Args:
            rows: (rows, numbers).
            clusters: how many, where the method is told.
            seed: of all that is drawn.

        Raises:
            RunError: it cannot be fitted to these rows.
        """

    @abstractmethod
    def assign(self, rows: Tensor) -> tuple[Tensor, Tensor | None]:
        """The cluster and the loss of each row, (rows,); no loss where the method has none."""

    def again(self) -> Self:
        """Another one of the same options, fitted to nothing."""
        return type(self)(self.options)


class KMeans(Clustering):
    """Centres; a row belongs to the nearest, and its loss is the squared distance."""

    keeps = ("centres",)
    options: specs.KMeans

    def fit(self, rows: Values, clusters: int, seed: int) -> None:
        """Lloyd's algorithm from several starts."""
        from sklearn import cluster

        how: dict[str, Any] = {"n_init": self.options.starts, "max_iter": self.options.rounds}
        with _alone():
            found = cluster.KMeans(clusters, random_state=seed, algorithm="lloyd", **how).fit(rows)
        order, sizes = _by_size(found.labels_, clusters)
        self.keep_all(centres=found.cluster_centers_[order], sizes=sizes, rounds=[found.n_iter_])

    def begin(self, rows: Values, clusters: int, seed: int) -> None:
        """Starts from rows of a batch, far from each other (k-means++)."""
        from sklearn import cluster

        with _alone():
            centres, _ = cluster.kmeans_plusplus(rows, clusters, random_state=seed)
        self.keep_all(centres=centres, sizes=np.zeros(clusters))

    def move(self, rows: Tensor, groups: Tensor) -> None:
        """Moves each centre to the mean of all rows that were ever nearest to it (Sculley, 2010).

        Args:
            rows: of a batch.
            groups: the nearest centre of each.
        """
        centres, sizes = self.get_buffer("centres"), self.get_buffer("sizes")
        more = torch.bincount(groups, minlength=len(sizes)).to(sizes)
        sums = torch.zeros_like(centres).index_add_(0, groups, rows)
        sizes += more
        share = 1 / sizes.clamp(min=1)
        centres += share[:, None] * (sums - more[:, None] * centres)

    def assign(self, rows: Tensor) -> tuple[Tensor, Tensor | None]:
        """The nearest centre of each row, and the squared distance."""
        return nearest(rows, self.get_buffer("centres"))


class Mixture(Clustering):
    """Normal distributions; a row belongs to the most likely, and its loss is that of their sum.

    Numbers that are the same in every training row are left out: they have no density.
    """

    keeps = ("varies", "shares", "centres", "roots")
    options: specs.Mixture

    def fit(self, rows: Values, clusters: int, seed: int) -> None:
        """Expectation maximisation from several starts of k-means.

        Raises:
            RunError: a variance is 0.
        """
        found, varies = self._fitted(rows, clusters, seed)
        groups = found.predict(rows[:, varies])
        order, sizes = _by_size(groups, clusters)
        roots, numbers = found.precisions_cholesky_, int(varies.sum())
        if self.options.covariance == "tied":
            roots = np.broadcast_to(roots, (clusters, *roots.shape))
        if self.options.covariance == "spherical":
            roots = np.broadcast_to(roots[:, None], (clusters, numbers))
        self.keep_all(
            varies=varies, sizes=sizes, rounds=[found.n_iter_], shares=found.weights_[order]
        )
        self.keep_all(centres=found.means_[order], roots=roots[order])

    def fit_one(self, rows: Values) -> None:
        """A single distribution, which is known without rounds."""
        options, varies = self.options, np.ptp(rows, axis=0) > 0
        kept = rows[:, varies]
        spread = np.cov(kept.T, bias=True).reshape(2 * kept.shape[1:])
        if options.covariance in ("full", "tied"):
            whole = spread + options.regularise * np.eye(len(spread))
            root = np.linalg.inv(np.linalg.cholesky(whole)).T
        else:
            each = np.diag(spread) + options.regularise
            root = np.full_like(each, each.mean()) if options.covariance == "spherical" else each
            root = root**-0.5
        self.keep_all(varies=varies, sizes=[len(rows)], rounds=[0], shares=[1.0])
        self.keep_all(centres=[kept.mean(axis=0)], roots=[root])

    def criterion(self, rows: Values, clusters: int, seed: int) -> float:
        """The Bayesian information criterion of a fit; the smaller, the better."""
        found, varies = self._fitted(rows, clusters, seed)
        return float(found.bic(rows[:, varies]))

    def _fitted(self, rows: Values, clusters: int, seed: int) -> tuple[Any, Any]:
        """scikit-learn's mixture, and which numbers it is of."""
        from sklearn import mixture

        options, varies = self.options, np.ptp(rows, axis=0) > 0
        how: dict[str, Any] = {"n_init": options.starts, "max_iter": options.rounds}
        how |= {"covariance_type": options.covariance, "reg_covar": options.regularise}
        model = mixture.GaussianMixture(clusters, random_state=seed, **how)
        try:
            with _alone():
                return model.fit(rows[:, varies]), varies
        except ValueError as error:
            what = f"the mixture of {clusters} cannot be fitted: a distribution has no variance "
            what += "in some direction"
            key = "learner.method.regularise"
            raise RunError(Problem(what, key, "a larger number", f"{key}=0.001")) from error

    def assign(self, rows: Tensor) -> tuple[Tensor, Tensor | None]:
        """The most likely distribution of each row, and the negative log-likelihood in nats."""
        rows = rows[:, self.get_buffer("varies").bool()]
        centres, roots = self.get_buffer("centres"), self.get_buffer("roots")
        logs = [_log_density(rows, *one) for one in zip(centres, roots, strict=True)]
        joint = torch.stack(logs, dim=1) + self.get_buffer("shares").log()
        return joint.argmax(dim=1), -joint.logsumexp(dim=1)


class Regions(Clustering):
    """Clusters of the rows that were fitted to, which are known by their places alone."""

    keeps: ClassVar[tuple[str, ...]] = ("groups",)

    def keep_groups(self, groups: Any, **found: Any) -> None:
        """Takes the cluster of each row, -1 for none."""
        order, sizes = _by_size(groups[groups >= 0], int(groups.max(initial=NOISE)) + 1)
        ranks = np.append(np.argsort(order), NOISE)  # the last is that of the number -1
        self.keep_all(groups=ranks[groups], sizes=sizes, **found)

    def assign(self, rows: Tensor) -> tuple[Tensor, Tensor | None]:
        """The clusters of the rows that it was fitted to, which these must be."""
        groups = self.get_buffer("groups").long()
        assert len(groups) == len(rows)
        return groups, None


class Dbscan(Regions):
    """Regions where rows lie close together."""

    keeps = ("groups", "radius")
    options: specs.Dbscan

    def fit(self, rows: Values, clusters: int, seed: int) -> None:  # noqa: ARG002 - draws nothing
        """Grows regions from rows with enough others near them.

        Raises:
            RunError: the radius would be 0.
        """
        from sklearn import cluster, neighbors

        options, radius = self.options, self.options.radius
        many = min(options.neighbours, len(rows))
        with _alone():
            if radius is None:
                known = neighbors.NearestNeighbors(n_neighbors=many).fit(rows)
                radius = float(np.quantile(known.kneighbors(rows)[0][:, -1], 1 - options.noise))
            if not radius:
                what = f"the radius would be 0: most rows have {many - 1} others that are equal"
                key = "learner.method.radius"
                raise RunError(Problem(what, key, "a number > 0", f"{key}=0.5"))
            found = cluster.DBSCAN(eps=radius, min_samples=options.neighbours).fit(rows)
        self.keep_groups(found.labels_, radius=[radius])


class Hdbscan(Regions):
    """The most lasting regions at all radii."""

    options: specs.Hdbscan

    def fit(self, rows: Values, clusters: int, seed: int) -> None:  # noqa: ARG002 - draws nothing
        """Builds the tree of regions, and picks clusters in it."""
        from sklearn import cluster

        options = self.options
        how: dict[str, Any] = {"min_samples": options.neighbours, "copy": True}
        how |= {"cluster_selection_method": {"lasting": "eom", "leaves": "leaf"}[options.select]}
        with _alone():
            found = cluster.HDBSCAN(min_cluster_size=options.smallest, **how).fit(rows)
        self.keep_groups(found.labels_)


def nearest(rows: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest centre of each row, the first of several, and the squared distance; (rows,)."""
    groups = (centres.square().sum(dim=1) - 2 * (rows @ centres.T)).argmin(dim=1)
    return groups, (rows - centres[groups]).square().sum(dim=1)


def _log_density(rows: Tensor, centre: Tensor, root: Tensor) -> Tensor:
    """The log-density of rows under a normal distribution.

    Args:
        rows: (rows, numbers).
        centre: its mean.
        root: of its precision: a triangle, (numbers, numbers), or of each number, (numbers,).
    """
    whole = root.ndim == 2
    away = rows @ root - centre @ root if whole else (rows - centre) * root
    volume = (root.diagonal() if whole else root).log().sum()
    found: Tensor = volume - (away.square().sum(dim=1) + len(centre) * math.log(2 * math.pi)) / 2
    return found


def _by_size(groups: Any, many: int) -> tuple[Any, Any]:
    """The clusters from the largest to the smallest, and their sizes in that order."""
    sizes = np.bincount(groups, minlength=many)
    order = np.argsort(-sizes, kind="stable")
    return order, sizes[order]


@contextmanager
def _alone() -> Iterator[None]:
    """scikit-learn by one thread, without its warnings: what they are of is told by the learner."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
