"""Ways of giving each row a few numbers: fitted by scikit-learn, kept as buffers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..config.specs import projections as specs
from ..seeds import derive
from .at_once import Found


class Method(Found, ABC):
    """A projection; what it finds are its buffers.

    Args:
        options: of the method.
        numbers: of a row.
    """

    linear: ClassVar[bool] = False

    def __init__(self, options: Any, numbers: int) -> None:
        super().__init__()
        self.options, self.numbers = options, numbers

    @abstractmethod
    def fit(self, rows: Tensor, seed: int) -> None:
        """Finds the numbers of rows.

        Args:
            rows: (rows, numbers), float64.
            seed: of whatever is drawn.
        """

    @abstractmethod
    def place(self, rows: Tensor) -> Tensor:
        """The numbers of rows, (rows, components); of a method that predicts none, those fitted."""


class Linear(Method):
    """A projection on directions, of which rows can be built again."""

    linear = True
    mean: Tensor
    directions: Tensor

    def __init__(self, options: Any, numbers: int) -> None:
        super().__init__(options, numbers)
        self.keep("mean", torch.zeros(numbers, dtype=torch.float64))
        self.keep("directions", torch.zeros(options.components, numbers, dtype=torch.float64))

    def place(self, rows: Tensor) -> Tensor:
        """Where rows lie along the directions, which are orthonormal."""
        return (rows - self.mean) @ self.directions.T

    def rebuild(self, rows: Tensor) -> Tensor:
        """Rows as their places tell them."""
        return self.mean + self.place(rows) @ self.directions


class Pca(Linear):
    """Principal components; columns that are the same in all rows have no part in them."""

    variances: Tensor
    total: Tensor

    def __init__(self, options: specs.Pca, numbers: int) -> None:
        super().__init__(options, numbers)
        self.keep("variances", torch.zeros(options.components, dtype=torch.float64))
        self.keep("total", torch.zeros((), dtype=torch.float64))

    def fit(self, rows: Tensor, seed: int) -> None:
        """The components of rows, those that tell most first."""
        from sklearn.decomposition import PCA  # 1 s
        from threadpoolctl import threadpool_limits

        state = derive(seed, "pca") % 2**32
        with threadpool_limits(1):  # sums in another order have other bits
            found = PCA(self.options.components, random_state=state).fit(rows.numpy())
        self.keep("mean", torch.from_numpy(found.mean_))
        self.keep("directions", torch.from_numpy(found.components_.copy()))
        self.keep("variances", torch.from_numpy(found.explained_variance_))
        self.keep("total", rows.var(dim=0).sum())


class Tsne(Method):
    """Places of the rows that it was fitted to, and of no others."""

    places: Tensor
    divergence: Tensor

    def __init__(self, options: specs.Tsne, numbers: int) -> None:
        super().__init__(options, numbers)
        self.keep("places", torch.zeros(0, options.components, dtype=torch.float64))
        self.keep("divergence", torch.zeros((), dtype=torch.float64))

    def fit(self, rows: Tensor, seed: int) -> None:
        """Moves places until those near each other are of rows near each other."""
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits

        options = self.options
        method = TSNE(
            options.components,
            perplexity=options.perplexity,
            early_exaggeration=options.exaggeration,
            learning_rate=options.lr or "auto",
            max_iter=options.iterations,
            init=options.init,
            random_state=derive(seed, "tsne") % 2**32,
        )
        with threadpool_limits(1):  # sums in another order have other bits
            places = method.fit_transform(rows.numpy())
        self.keep("places", torch.from_numpy(places.astype("float64")))
        self.keep("divergence", torch.tensor(float(method.kl_divergence_), dtype=torch.float64))

    def place(self, rows: Tensor) -> Tensor:  # noqa: ARG002 - it knows those that it was fitted to
        """The places of the rows that it was fitted to."""
        return self.places


class RandomDirections(Linear):
    """Directions that are drawn: what a projection keeps that knows nothing of the rows."""

    def fit(self, rows: Tensor, seed: int) -> None:
        """Orthonormal directions, drawn alike on the sphere."""
        source = torch.Generator().manual_seed(derive(seed, "random projection"))
        drawn = torch.randn(len(self.directions), self.numbers, generator=source).double()
        self.keep("mean", rows.mean(dim=0))
        self.keep("directions", torch.linalg.qr(drawn.T).Q.T)


class RandomRows(Linear):
    """The directions from the mean row to rows that are drawn."""

    def fit(self, rows: Tensor, seed: int) -> None:
        """Orthonormal directions that together reach the drawn rows."""
        source = torch.Generator().manual_seed(derive(seed, "random rows"))
        chosen = torch.randperm(len(rows), generator=source)[: len(self.directions)]
        self.keep("mean", rows.mean(dim=0))
        self.keep("directions", torch.linalg.qr((rows[chosen] - self.mean).T).Q.T)
