"""How anomalous a row is: fitted by scikit-learn, kept as buffers, computed by torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..config.schema import Config
from ..config.specs import anomalies as specs
from ..config.specs.projections import Pca as PcaOptions
from ..data.columns import Input
from ..seeds import derive
from ..sources.fold import FoldData
from .at_once import Found
from .projecting import Pca

_CELLS = 2**22
"""Places of rows in trees that are held at a time."""


class Scorer(Found, ABC):
    """Says how anomalous rows are; what it finds are its buffers.

    Args:
        options: of the method.
        numbers: of a row.

    Attributes:
        flagged_above: the score from which on a row counts as anomalous.
    """

    flagged_above: Tensor

    def __init__(self, options: Any, numbers: int) -> None:
        super().__init__()
        self.options, self.numbers = options, numbers
        self.keep("flagged_above", torch.zeros((), dtype=torch.float64))

    def prepare(self, config: Config, inputs: Mapping[str, Input], device: torch.device) -> None:
        """Reads what it needs beside rows; nothing, where not overridden."""

    def require(self, fold: FoldData) -> None:
        """Refuses rows that it cannot take; none, where not overridden."""

    def describe(self) -> dict[str, Any] | None:
        """The run that it asks, as `report.json` holds it; None where it asks none."""
        return None

    @abstractmethod
    def fit(self, rows: Tensor, seed: int) -> None:
        """Finds what rows are like.

        Args:
            rows: (rows, numbers), float64.
            seed: of whatever is drawn.
        """

    @abstractmethod
    def score(self, rows: Tensor) -> Tensor:
        """How anomalous rows are, (rows,), float64; more is more."""


class Forest(Scorer):
    """An isolation forest as the arrays of its nodes.

    Rows are compared in float32, as scikit-learn does, and depths are added in its order.
    """

    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    depth: Tensor
    usual: Tensor

    def __init__(self, options: specs.IsolationForest, numbers: int) -> None:
        super().__init__(options, numbers)
        for name in ("feature", "left", "right"):
            self.keep(name, torch.zeros(options.trees, 1, dtype=torch.int64))
        for name in ("threshold", "depth"):
            self.keep(name, torch.zeros(options.trees, 1, dtype=torch.float64))
        self.keep("usual", torch.zeros((), dtype=torch.float64))

    def fit(self, rows: Tensor, seed: int) -> None:
        """Grows the trees."""
        from sklearn.ensemble import IsolationForest  # 3 s

        options = self.options
        state = derive(seed, "isolation forest") % 2**32
        forest = IsolationForest(
            n_estimators=options.trees,
            max_samples=min(options.rows, len(rows)),
            max_features=options.columns,
            random_state=state,
        )
        self._keep_trees(forest.fit(rows.float().numpy()))

    def _keep_trees(self, forest: Any) -> None:
        trees = [one.tree_ for one in forest.estimators_]
        most = max(tree.node_count for tree in trees)
        own = np.arange(most)
        arrays = {
            name: np.zeros((len(trees), most), np.int64) for name in ("feature", "left", "right")
        }
        arrays |= {name: np.zeros((len(trees), most)) for name in ("threshold", "depth")}
        every = zip(trees, forest.estimators_features_, strict=True)
        for place, (tree, columns) in enumerate(every):
            leaf, many = tree.children_left < 0, tree.node_count
            arrays["feature"][place, :many] = columns[np.where(leaf, 0, tree.feature)]
            arrays["threshold"][place, :many] = np.where(leaf, 0, tree.threshold)
            arrays["left"][place, :many] = np.where(leaf, own[:many], tree.children_left)
            arrays["right"][place, :many] = np.where(leaf, own[:many], tree.children_right)
            under = average_path(tree.n_node_samples)
            arrays["depth"][place, :many] = tree.compute_node_depths() + under - 1.0
        for name, values in arrays.items():
            self.keep(name, torch.from_numpy(values))
        usual = average_path(np.array([forest.max_samples_]))[0]
        self.keep("usual", torch.tensor(usual, dtype=torch.float64))

    def score(self, rows: Tensor) -> Tensor:
        """2 to the power of the mean depth over that of a usual row, negative (Liu, 2008)."""
        whole = float(len(self.feature) * self.usual)
        blocks = torch.split(rows, max(1, _CELLS // len(self.feature)))
        depth = torch.cat([self._depths(block) for block in blocks])
        return torch.pow(2.0, -depth / whole) if whole else torch.full_like(depth, 0.5)

    def _depths(self, rows: Tensor) -> Tensor:
        """The depths of rows in all trees, added up."""
        rows = rows.float().double()
        trees = torch.arange(len(self.feature))
        at = torch.zeros(len(rows), len(trees), dtype=torch.int64)
        while True:
            goes_left = rows.gather(1, self.feature[trees, at]) <= self.threshold[trees, at]
            following = torch.where(goes_left, self.left[trees, at], self.right[trees, at])
            if torch.equal(following, at):
                break
            at = following
        total = torch.zeros(len(rows), dtype=torch.float64)
        for each in self.depth[trees, at].unbind(1):
            total += each
        return total


def average_path(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Cuts that set one of so many rows apart, on average: an unsuccessful search in a tree."""
    many = np.maximum(rows.astype(np.float64), 3.0)
    usual = 2.0 * (np.log(many - 1.0) + np.euler_gamma) - 2.0 * (many - 1.0) / many
    return np.where(rows <= 1, 0.0, np.where(rows == 2, 1.0, usual))


class Rebuilt(Scorer):
    """How far rows are from what principal components of the training rows tell of them."""

    def __init__(self, options: specs.Reconstruction, numbers: int) -> None:
        super().__init__(options, numbers)
        self.pca = Pca(PcaOptions(components=options.components), numbers)

    def fit(self, rows: Tensor, seed: int) -> None:
        """The components of rows."""
        self.pca.fit(rows, seed)

    def score(self, rows: Tensor) -> Tensor:
        """The mean squared error of each row."""
        return (self.pca.rebuild(rows) - rows).square().mean(dim=1)
