"""Clusters: rows in groups of rows that are alike. Nothing in it has a gradient, or labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import torch
from torch import Tensor

from ..config.schema import Config
from ..config.specs.clusters import Clusters as Options
from ..config.specs.clusters import Counted, KMeans
from ..data.columns import Input
from ..data.targets import EncodedTarget
from ..errors import Problem, UsageError
from ..judging.agreement import Groups, adjusted_information, adjusted_rand
from ..judging.evaluation import Evaluation
from ..judging.silhouette import choose_rows, distances
from ..optimizers.named import Optimizers
from ..runs.artifacts import Artifacts
from ..seeds import derive
from ..sources.batches import Batch, Part
from ..sources.fold import FoldData
from ..sources.labels import labels_of
from ..sources.source import Source
from . import clusterings
from .at_once import AtOnce, require_numbers
from .cluster_looks import Looked, leave_clusters, tell_clusters
from .cluster_number import choose, state_of
from .cluster_rivals import RAW, Rival, has_features, raw_rows, rivals_of
from .clusterings import Clustering
from .learner import Learner
from .memory import format_bytes, free_on
from .meters import Meters

SEEN = 10_000
"""Training rows that are held at once where they are clustered by batches."""
_NUMBER, _COPIES = 8, 3
"""Bytes of a number; how often scikit-learn holds all rows, about."""


class Clusters(AtOnce):
    """Finds clusters of training rows in one step, or by batches; labels only judge them.

    Args:
        config: names the method.
        found: what it finds, before it is found.
        inputs: described, by name.
        number: of the fold.
    """

    found: Clustering

    def __init__(
        self, config: Config, found: Clustering, inputs: Mapping[str, Input], number: int
    ) -> None:
        super().__init__(config, found, inputs)
        assert isinstance(config.learner.options, Options)
        self.options: Options = config.learner.options
        method = self.options.method.options
        self.by_batches = isinstance(method, KMeans) and method.fit == "batches"
        self._number = number
        self._last: Looked | None = None

    @classmethod
    def build(
        cls,
        config: Config,
        inputs: Mapping[str, Input],
        targets: Mapping[str, EncodedTarget],  # noqa: ARG003 - it has none
        device: torch.device,  # noqa: ARG003 - it is computed on the CPU
        fold: int = 0,
    ) -> Self:
        """A method that has found nothing yet.

        Raises:
            UsageError: an input is not numbers.
        """
        require_numbers(inputs, "clusters")
        method = config.learner.options.method
        return cls(config, method.load()(method.options), inputs, fold)

    def source(self, fold: FoldData, number: int) -> Source:
        """One batch, of which nothing is computed; where batches are clustered, all of them.

        Raises:
            UsageError: there are too few rows that differ.
            MethodError: an input holds the labels.
        """
        if not self.by_batches:
            return super().source(fold, number)
        self.require(fold)
        return Learner.source(self, fold, number)

    def require(self, fold: FoldData) -> None:
        """Refuses rows that are more than fit in memory, or too few that differ.

        Raises:
            UsageError: they are such.
            MethodError: an input holds the labels.
        """
        if self.options.labels is not None:
            labels_of(fold, "train", self.options.labels)
        if not self.by_batches:
            self._require_memory(fold)
        many, key = self._most
        rows = self.matrix_of(self._seen(fold))
        different = _count_different(rows, self.config.seed)
        if different == 1 < len(rows):
            what = f"all {len(rows):,} training rows are the same: there is nothing to tell apart"
            raise UsageError(Problem(what, "dataset", "rows that differ"))
        if different < many:
            told = "training rows" if different == len(rows) else "training rows that differ"
            what = f"`{key}` is {many:,}, but there are {different:,} {told}"
            raise UsageError(Problem(what, key, f"at most {different:,}", f"{key}={different}"))

    def _require_memory(self, fold: FoldData) -> None:
        """Refuses rows that cannot be clustered at once."""
        rows, wide = len(fold.train), sum(math.prod(one.shape) for one in self.inputs.values())
        need, free = _COPIES * _NUMBER * rows * wide, free_on(torch.device("cpu"))
        if free is None or need <= free:
            return
        what = f"{rows:,} rows of {wide:,} numbers take {format_bytes(need)} to cluster at once"
        by_batches = self.options.method.name == "kmeans"
        hint = "learner.method.fit=batches" if by_batches else f"protocol.train={SEEN}"
        accepted = f"what fits in the {format_bytes(free)} that are free"
        raise UsageError(Problem(what, "learner.method", accepted, hint))

    @property
    def _most(self) -> tuple[int, str]:
        """As many clusters as are asked for, at most, or rows of one; and the key that says so."""
        if self.options.rule is not None:
            return self.options.rule.options.most, "learner.choose.most"
        options = self.options.method.options
        if isinstance(options, Counted):
            return options.clusters or 1, "learner.method.clusters"
        return getattr(options, "smallest", 1), "learner.method.smallest"

    def _seen(self, fold: FoldData) -> Part:
        """The training rows, or some where they need not fit in memory."""
        if not self.by_batches or len(fold.train) <= SEEN:
            return fold.train
        source = torch.Generator().manual_seed(derive(self.config.seed, "rows of clusters"))
        places = torch.randperm(len(fold.train), generator=source)[:SEEN].sort().values
        return fold.train.take(places.to(fold.device))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The mean loss of a batch under what was found, where the method has one."""
        if not self.options.method.options.loss:
            return {}
        _, losses = self.found.assign(self.numbers_of(batch.inputs))
        assert losses is not None
        return {"loss": losses.mean()}

    def meters(self, part: str) -> Meters:
        """Fresh meters of a part."""
        return Meters(part, (), {}, torch.device("cpu"))

    @torch.no_grad()
    def step(self, batch: Batch, optimizers: Optimizers, meters: Meters) -> None:
        """Finds everything; of batches moves the centres, once the loss is measured."""
        if self.by_batches:
            self._judged.clear()
            rows = self.numbers_of(batch.inputs)
            losses: Tensor | None = self._move(rows)
        else:
            super().step(batch, optimizers, meters)
            assert self._fold is not None
            rows = self.matrix_of(self._fold.train)
            losses = self.found.assign(rows)[1]
        if losses is not None:
            meters.update(Batch({}, {}, len(rows)), {"loss": losses.mean()}, {})

    def find(self, fold: FoldData) -> None:
        """Fits the method, with as many clusters as are asked for or found best."""
        rows = self.matrix_of(fold.train).numpy()
        seed = state_of(self.config.seed, self._number)
        many = getattr(self.options.method.options, "clusters", None) or 0
        if self.options.rule is not None:
            many = choose(self.options.rule, self.found, rows, seed)
        self.found.fit(rows, many, seed)

    def _move(self, rows: Tensor) -> Tensor:
        """A step of k-means by batches; the losses of the batch before it."""
        model, many = self.found, self.options.method.options.clusters
        assert isinstance(model, clusterings.KMeans)
        if not model.many:
            model.begin(rows.numpy(), many, state_of(self.config.seed, self._number))
        groups, losses = clusterings.nearest(rows, model.get_buffer("centres"))
        model.move(rows, groups)
        return losses

    def judge(self, fold: FoldData, part: str) -> list[Evaluation]:
        """The silhouette, the loss, and how far labels agree, each beside simpler answers."""
        trained = part not in ("val", "test")
        seen = self._seen(fold)
        train = self.matrix_of(seen)
        rows = train if trained else self.matrix_of(fold.part(part))
        groups, losses = self.found.assign(rows)
        answers = [Rival("model", "model", groups[None], losses)]
        answers += rivals_of(self.found, train, rows, groups, self.config.seed)
        if has_features(self.config):
            answers += self._on_raw(fold, seen, part)
        some = choose_rows(len(rows), self.config.seed)
        apart = distances(rows[some])
        near = [one.silhouette(apart, some) for one in answers]
        found = [Evaluation(f"{part}/silhouette", "max", "row", near[0], tuple(near[1:]))]
        if lost := [mean for one in answers if (mean := one.loss()) is not None]:
            found.append(Evaluation(f"{part}/loss", "min", "row", lost[0], tuple(lost[1:])))
        labels = None
        if self.options.labels is not None:
            labels = labels_of(fold, "train" if trained else part, self.options.labels)
            found += _agreements(part, answers, labels.ids)
        numbers = seen.numbers.cpu().numpy()
        own = numbers if trained else fold.rows_of(part)
        samples = fold.data.samples
        how = answers, near[0].each, some, labels
        self._last = Looked(samples, part, own, rows, numbers, train, *how)
        return found

    def _on_raw(self, fold: FoldData, seen: Part, part: str) -> list[Rival]:
        """The same method on the raw inputs, where it is on what a network made of them."""
        trained = part not in ("val", "test")
        numbers = seen.numbers.cpu().numpy()
        train = raw_rows(fold, numbers)
        if train is None:
            return []
        key = f"clusters of raw inputs, seed {self.config.seed}"
        if key not in fold.learnt:
            fresh = self.found.again()
            fresh.fit(train.numpy(), self.found.many, state_of(self.config.seed, self._number))
            fold.learnt[key] = fresh
        rows = train if trained else raw_rows(fold, fold.rows_of(part))
        assert rows is not None
        return [Rival(RAW, "classical", fold.learnt[key].assign(rows)[0][None])]

    def tell(self) -> list[str]:
        """How many clusters there are and by which rule, and how far they agree with labels."""
        return [] if self._last is None else tell_clusters(self._last, self.found, self.options)

    def artifacts(self, into: Artifacts, when: str) -> None:
        """At the end the clusters of what was evaluated last."""
        if when == "end" and self._last is not None:
            leave_clusters(into, self._last, self.found, self.options)


def _agreements(part: str, answers: Sequence[Rival], truth: Groups) -> list[Evaluation]:
    """How far clusters agree with labels that nothing learnt from."""
    found = []
    for name, measure in (
        ("adjusted_rand", adjusted_rand),
        ("mutual_information", adjusted_information),
    ):
        each = [one.agreement(truth, measure) for one in answers]
        told, others = name == "adjusted_rand", tuple(each[1:])
        found.append(Evaluation(f"{part}/{name}", "max", "row", each[0], others, spread=told))
    return found


def _count_different(rows: Tensor, seed: int) -> int:
    """How many rows differ from each other: those that lie apart along a direction at random."""
    source = torch.Generator().manual_seed(derive(seed, "rows that differ"))
    along = torch.randn(rows.shape[1], generator=source, dtype=torch.float64)
    return len(np.unique((rows @ along).numpy()))
