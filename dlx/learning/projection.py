"""A projection: a few numbers for each row, found without labels, that keep who is near whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ..config.names import plural
from ..config.projection import PLACES
from ..config.schema import Config
from ..config.specs.projections import Pca as PcaOptions
from ..data.columns import Input, Rows
from ..data.targets import EncodedTarget
from ..errors import Problem, UsageError
from ..judging.evaluation import Estimate, Evaluation
from ..judging.means import Mean, Ratio
from ..judging.neighbourhoods import (
    find_nearest,
    hits,
    measure_kept,
    measure_trust,
    rank_neighbours,
)
from ..metrics.base import Values
from ..runs.artifacts import Artifacts
from ..seeds import derive
from ..sources.batches import Inputs, Part
from ..sources.fold import FoldData
from ..sources.labels import labels_of
from .at_once import AtOnce, names_of, require_numbers
from .plane import leave_components, leave_plane
from .projecting import Linear, Method, Pca, RandomDirections, RandomRows

DRAWS = 5
"""Random projections whose mean score is taken: their luck shall not decide."""


class Projection(AtOnce):
    """Each row as a few numbers.

    Args:
        config: names the method.
        found: the method, before it is fitted.
        inputs: described, by name.
    """

    found: Method

    def __init__(self, config: Config, found: Method, inputs: Mapping[str, Input]) -> None:
        super().__init__(config, found, inputs)
        self.options = config.learner.options
        self._last: tuple[FoldData, str] | None = None
        self._constant: list[str] = []

    @classmethod
    def build(
        cls,
        config: Config,
        inputs: Mapping[str, Input],
        targets: Mapping[str, EncodedTarget],  # noqa: ARG003 - it has none
        device: torch.device,  # noqa: ARG003 - it is computed on the CPU
        fold: int = 0,  # noqa: ARG003 - nothing is drawn
    ) -> Self:
        """A method that has found nothing yet.

        Raises:
            UsageError: an input is not numbers.
        """
        require_numbers(inputs, "projection")
        numbers = sum(torch.Size(one.shape).numel() for one in inputs.values())
        chosen = config.learner.options.method
        return cls(config, chosen.load()(chosen.options, numbers), inputs)

    def require(self, fold: FoldData) -> None:
        """Refuses more components than rows have columns that differ, and too few rows.

        Raises:
            UsageError: there are too few of them.
        """
        rows, key = self.matrix_of(fold.train), "learner.method"
        names, method = self._names(fold), self.options.method.options
        constant = [name for name, same in zip(names, is_constant(rows), strict=True) if same]
        self._constant = constant
        differ, wanted = len(names) - len(constant), method.components
        if wanted > differ:
            told = f"a row has {differ:,} numbers"
            if constant:
                told = f"{len(constant):,} of {len(names):,} columns have one value only"
                told = f"in the training rows {told}{f' ({_list(constant)})' if differ else ''}"
            what = f"`{key}.components` is {wanted}, but {told}"
            accepted = f"a whole number from 1 to {differ}" if differ else "rows that differ"
            hint = f"{key}.components={differ}" if differ else ""
            raise UsageError(Problem(what, f"{key}.components", accepted, hint))
        if wanted > len(rows):
            what = f"`{key}.components` is {wanted}, but there are {len(rows):,} training rows"
            accepted, hint = f"a whole number from 1 to {len(rows):,}", f"{key}.components=1"
            raise UsageError(Problem(what, f"{key}.components", accepted, hint))
        perplexity = getattr(method, "perplexity", 0)
        if perplexity >= len(rows):
            what = f"`{key}.perplexity` is {perplexity:g}, but there are {len(rows):,} rows"
            hint = f"{key}.perplexity={max(1.5, len(rows) // 3):g}"
            raise UsageError(Problem(what, f"{key}.perplexity", f"below {len(rows):,}", hint))
        self._require_neighbours(fold)
        if self.options.labels:
            labels_of(fold, "train", self.options.labels)  # refuses those that an input tells

    def _require_neighbours(self, fold: FoldData) -> None:
        """Each row must have others beside its neighbours, wherever they are scored."""
        held = 0 if fold.validation is None else len(fold.validation)
        parts = {"validation": held, "test": len(fold.rows_of("test"))}
        for name, rows in ({"training": len(fold.train)} if self.made else parts).items():
            scored = min(rows, self.options.rows)
            if rows and 2 * self.options.neighbours >= scored:
                what = f"`learner.neighbours` is {self.options.neighbours}, but {scored:,} {name} "
                most = (scored - 1) // 2
                accepted = f"fewer than half of them: at most {most}"
                hint = f"learner.neighbours={most}" if most else ""
                problem = Problem(f"{what}rows are scored", "learner.neighbours", accepted, hint)
                raise UsageError(problem)

    @property
    def made(self) -> str:
        """What is judged where no rows are held out."""
        return "" if self.options.method.options.predicts else PLACES

    def _names(self, fold: FoldData) -> list[str]:
        """What the columns of a row are called."""
        return names_of(self.inputs, fold.data.samples.features)

    def find(self, fold: FoldData) -> None:
        """Fits the method to the training rows."""
        self.found.fit(self.matrix_of(fold.train), self.config.seed)

    @torch.no_grad()
    def encode(self, inputs: Inputs) -> Tensor:
        """The numbers of some rows.

        Raises:
            UsageError: the method places no new rows.
        """
        if self.made:
            return super().encode(inputs)
        return self.found.place(self.numbers_of(inputs)).float()

    def tell(self) -> list[str]:
        """How much the numbers tell, and which columns tell nothing."""
        told, many = [], self.options.method.options.components
        if isinstance(self.found, Pca):
            share = float(self.found.variances.sum() / self.found.total)
            tell = f"{plural(many, 'component')} {'explain' if many > 1 else 'explains'}"
            told = [f"{tell} {share:.1%} of the variance of the training rows"]
        if self._constant:
            same = f"{len(self._constant):,} of {self.found.numbers:,} columns"
            told += [f"{same} are the same in all training rows: {_list(self._constant)}"]
        return told

    def validate(self, fold: FoldData) -> dict[str, float]:
        """The scores of the validation rows; of what was made, where none are held out."""
        if not self.made:
            return super().validate(fold)
        return {one.score: one.own.value() for one in self.evaluations(fold, PLACES)}

    def _part(self, fold: FoldData, part: str) -> tuple[Part, Rows]:
        """The rows that are judged, and their numbers in the dataset."""
        if self.made:
            return fold.train, fold.train.numbers.cpu().numpy()
        return fold.part(part), fold.rows_of(part)

    def judge(self, fold: FoldData, part: str) -> list[Evaluation]:
        """What is kept of the neighbours of rows; of a linear one, what rows can be built again."""
        self._last = fold, part
        rows = self.matrix_of(self._part(fold, part)[0])
        given = [("model", "model", [self.found]), *self._others(fold)]
        chosen = self._choose(len(rows), part)
        placed = [(n, k, [one.place(rows)[chosen] for one in every]) for n, k, every in given]
        found = self._judge_neighbours(part, rows[chosen], placed)
        if self.found.linear:
            found += _judge_rebuilt(part, rows, given)
        if self.options.labels:
            labels = labels_of(fold, "train" if self.made else part, self.options.labels).ids
            most = int(np.bincount(labels_of(fold, "train", self.options.labels).ids).argmax())
            found.append(_judge_labels(part, rows[chosen], placed, labels[chosen.numpy()], most))
        return found

    def _choose(self, many: int, part: str) -> Tensor:
        """The rows whose neighbours are ranked, in their order."""
        source = torch.Generator().manual_seed(derive(self.config.seed, "ranked", part))
        drawn = torch.randperm(many, generator=source)[: self.options.rows]
        return drawn.sort().values

    def _others(self, fold: FoldData) -> list[tuple[str, Any, list[Method]]]:
        """What it must beat: several where one is drawn; each fitted to the training rows."""
        options = PcaOptions(components=self.options.method.options.components)
        learnt = f"projections on {options.components} of {self.found.numbers}, {self.config.seed}"
        learnt += " with PCA" if self.made else ""
        if learnt not in fold.learnt:
            rows, numbers = self.matrix_of(fold.train), self.found.numbers
            kinds: list[tuple[str, Any, type[Method]]] = [
                ("random projection", "noise", RandomDirections),
                ("random rows", "naive", RandomRows),
            ]
            if self.made:
                kinds.append(("PCA", "classical", Pca))
            made = []
            for name, kind, of in kinds:
                every = [of(options, numbers) for _ in range(1 if name == "PCA" else DRAWS)]
                for draw, one in enumerate(every):
                    one.fit(rows, derive(self.config.seed, name, draw))
                made.append((name, kind, every))
            fold.learnt[learnt] = made
        found: list[tuple[str, Any, list[Method]]] = fold.learnt[learnt]
        return found

    def _judge_neighbours(self, part: str, rows: Tensor, placed: Any) -> list[Evaluation]:
        ranks, found = rank_neighbours(rows), []
        nearest = [
            (n, k, [find_nearest(one, self.options.neighbours) for one in every])
            for n, k, every in placed
        ]
        for score, measure in (
            ("trustworthiness", measure_trust),
            ("kept_neighbours", measure_kept),
        ):
            own, *others = (
                Mean(name, kind, np.mean([measure(ranks, one) for one in every], axis=0))
                for name, kind, every in nearest
            )
            found.append(Evaluation(f"{part}/{score}", "max", "row", own, tuple(others)))
        return found

    @torch.no_grad()
    def artifacts(self, into: Artifacts, when: str) -> None:
        """At the end the plane of what was judged, and the components."""
        if when != "end" or self._last is None:
            return
        fold, part = self._last
        samples, numbers = self._part(fold, part)
        places = self.found.place(self.matrix_of(samples)).numpy()
        name = self.options.labels
        held = labels_of(fold, "train" if self.made else part, name) if name else None
        told = "all rows" if self.made else f"{'validation' if part == 'val' else part} rows"
        leave_plane(into, places, numbers, fold.data.samples, held, told)
        if isinstance(self.found, Pca):
            shares = (self.found.variances / self.found.total).numpy()
            weights = self.found.directions.numpy()
            leave_components(into, shares, weights, self._names(fold), self.inputs)


def is_constant(rows: Tensor) -> list[bool]:
    """Of each column, whether it has one value only."""
    low, high = rows.aminmax(dim=0)
    same: list[bool] = (low == high).tolist()
    return same


def _list(names: list[str], most: int = 5) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest:,} more" if rest > 0 else "")


class _Explained(Ratio):
    """1 less the squared error by the squared distance to the mean row."""

    def value(self, units: Any = None) -> float:
        """The share that is told, of all or of some units."""
        return 1 - super().value(units)


def _judge_rebuilt(part: str, rows: Tensor, given: Any) -> list[Evaluation]:
    """The share of variance that is told, and the squared error a number."""
    explained, errors = [], []
    mean = given[0][2][0].mean
    whole = (rows - mean).square().mean(dim=1).numpy()
    for name, kind, every in given:
        assert all(isinstance(one, Linear) for one in every)
        each = np.mean([(one.rebuild(rows) - rows).square().mean(dim=1) for one in every], axis=0)
        explained.append(_Explained(name, kind, each, whole))
        errors.append(Mean(name, kind, each))
    explained.append(_Explained("mean row", "constant", whole, whole))
    errors.append(Mean("mean row", "constant", whole))
    return [
        _evaluation(f"{part}/explained_variance", "max", explained),
        _evaluation(f"{part}/reconstruction", "min", errors),
    ]


def _evaluation(score: str, direction: Any, estimates: list[Any]) -> Evaluation:
    own, *others = estimates
    return Evaluation(score, direction, "row", own, tuple(others))


def _judge_labels(part: str, rows: Tensor, placed: Any, labels: Values, most: int) -> Evaluation:
    """How often the nearest row has the same label; in all columns it shows how good it can be."""
    known = torch.from_numpy(labels)

    def right(of: Tensor) -> Any:
        return (known[find_nearest(of, 1)[:, 0]] == known).numpy()

    own, *others = (hits(n, k, np.stack([right(one) for one in every])) for n, k, every in placed)
    beside: list[Estimate] = [
        *others,
        hits("majority", "constant", (known == most).numpy()[None]),
        hits("all columns", "data", right(rows)[None]),
    ]
    return Evaluation(f"{part}/neighbour_accuracy", "max", "row", own, tuple(beside))
