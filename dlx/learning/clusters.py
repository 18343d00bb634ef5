"""Clusters: rows in groups of rows that are alike. Nothing in it has a gradient, or labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter

from ..config.schema import Config
from ..config.specs.clusters import Clusters as Options
from ..config.specs.clusters import Counted, KMeans
from ..data.columns import Input
from ..data.targets import EncodedTarget
from ..errors import Problem, UsageError
from ..interrupts import check
from ..judging.agreement import Agreement, Groups, adjusted_information, adjusted_rand
from ..judging.evaluation import Evaluation
from ..judging.means import Mean
from ..judging.silhouette import choose_rows, distances, silhouettes
from ..metrics.base import Values
from ..models.network import flatten
from ..optimizers.named import Optimizers
from ..runs.artifacts import Artifacts
from ..seeds import derive
from ..sources.batches import Batch, Part
from ..sources.fold import FoldData
from ..sources.labels import labels_of
from ..sources.source import RowSource, Source
from . import clusterings
from .cluster_looks import Looked, leave_clusters, tell_clusters
from .cluster_number import choose, state_of
from .cluster_rivals import Rival, rivals_of
from .clusterings import Clustering
from .learner import Learner
from .memory import format_bytes, free_on
from .meters import Meters

_WIDE = 8
"""Bytes of a number."""
_COPIES = 3
"""How often scikit-learn holds all rows, about."""


class Clusters(Learner):
    """Finds clusters of training rows in one step, or by batches; labels only judge them.

    Args:
        config: names the method.
        model: what it finds.
        number: of the fold.
    """

    model: Clustering

    def __init__(self, config: Config, model: Clustering, number: int) -> None:
        super().__init__(config, {"model": model})
        self.model = model
        assert isinstance(config.learner.options, Options)
        self.options: Options = config.learner.options
        self._number = number
        self._fold: FoldData | None = None
        self._last: Looked | None = None

    @classmethod
    def build(
        cls,
        config: Config,
        inputs: Mapping[str, Input],
        targets: Mapping[str, EncodedTarget],  # noqa: ARG003 - it has none
        device: torch.device,  # noqa: ARG003 - float64, which some have not
        fold: int = 0,
    ) -> Self:
        """Fitted to nothing; on the CPU, whatever the device.

        Raises:
            UsageError: an input is no numbers.
        """
        _require_numbers(inputs)
        method = config.learner.options.method
        return cls(config, method.load()(method.options), fold)

    @property
    def whole(self) -> bool:
        """Whether one step finds everything."""
        method = self.options.method.options
        return not (isinstance(method, KMeans) and method.fit == "batches")

    def groups(self) -> dict[str, list[Parameter]]:
        """None: nothing is moved by a gradient."""
        return {}

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Takes what was found, of whatever shape; see `Learner.load_weights`."""
        self.model.take(weights)

    def source(self, fold: FoldData, number: int) -> Source:
        """One batch of a row, which nothing is computed of; all of them where batches are fitted.

        Raises:
            UsageError: there are fewer rows than clusters, or all are the same.
            MethodError: an input holds the labels.
        """
        self._fold = fold
        if self.options.labels is not None:
            labels_of(fold, "train", self.options.labels)
        if not self.whole:
            return super().source(fold, number)
        self._require_rows(fold)
        return RowSource(fold.train, 1, self.config.seed, number, steps=1)

    def _require_rows(self, fold: FoldData) -> None:
        """Refuses rows that are more than fit in memory, or too few that differ."""
        self._require_memory(fold)
        many, key = self._most
        rows = self._rows(fold.train)
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
        rows, wide = len(fold.train), sum(math.prod(one.shape) for one in fold.inputs.values())
        need, free = _COPIES * _WIDE * rows * wide, free_on(torch.device("cpu"))
        if free is None or need <= free:
            return
        what = f"{rows:,} rows of {wide:,} numbers take {format_bytes(need)} to cluster at once"
        by_batches = self.options.method.name == "kmeans"
        hint = "learner.method.fit=batches" if by_batches else "protocol.train=10000"
        accepted = f"what fits in the {format_bytes(free)} that are free"
        raise UsageError(Problem(what, "learner.method", accepted, hint))

    @property
    def _most(self) -> tuple[int, str]:
        """As many clusters as are asked for, at most, or rows of one; and the key that says so."""
        if self.options.choose is not None:
            return self.options.choose.options.most, "learner.choose.most"
        options = self.options.method.options
        if isinstance(options, Counted):
            return options.clusters or 1, "learner.method.clusters"
        return getattr(options, "smallest", 1), "learner.method.smallest"

    @torch.no_grad()
    def _rows(self, part: Part) -> Tensor:
        """All rows of a part as vectors, (rows, numbers), float64.

        Raises:
            Interrupted: a signal asks to stop.
        """
        found = []
        for batch in part.in_order(self.config.trainer.eval_batch_size):
            check()
            found.append(_vectors(batch))
        return torch.cat(found)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The mean loss of a batch under what was found, where the method has one."""
        assigns = self.options.method.options.assigns
        found = self.model.assign(_vectors(batch))[1] if assigns else None
        return {} if found is None else {"loss": found.mean()}

    def step(self, batch: Batch, optimizers: Optimizers, meters: Meters) -> None:  # noqa: ARG002
        """Finds everything; of batches moves the centres, once the loss is measured."""
        assert self._fold is not None
        seed = state_of(self.config.seed, self._number)
        if self.whole:
            rows = self._rows(self._fold.train)
            self._fit(rows.numpy(), seed)
            losses = self.model.assign(rows)[1]
        else:
            rows = _vectors(batch)
            losses = self._move(rows, seed)
        if losses is not None:
            meters.update(Batch({}, {}, len(rows)), {"loss": losses.mean()}, {})

    def _fit(self, rows: Values, seed: int) -> None:
        """Fits the method, with as many clusters as are asked for or found best."""
        many = getattr(self.options.method.options, "clusters", None) or 0
        if self.options.choose is not None:
            many = choose(self.options.choose, self.model, rows, seed)
        self.model.fit(rows, many, seed)

    def _move(self, rows: Tensor, seed: int) -> Tensor:
        """A step of k-means by batches; the losses of the batch before it."""
        model, many = self.model, self.options.method.options.clusters
        assert isinstance(model, clusterings.KMeans)
        if not model.many:
            model.begin(rows.numpy(), many, seed)
        groups, losses = clusterings.nearest(rows, model.get_buffer("centres"))
        model.move(rows, groups)
        return losses

    def done(self) -> str:
        """After one epoch, where that finds everything."""
        return "the method has found all that it finds" if self.whole else ""

    def meters(self, part: str) -> Meters:
        """Fresh meters of a part."""
        return Meters(part, (), {}, torch.device("cpu"))

    def validate(self, fold: FoldData) -> dict[str, float]:
        """Silhouette and loss of the validation rows; nothing without any."""
        if fold.validation is None:
            return {}
        rows = self._rows(fold.validation)
        groups, losses = self.model.assign(rows)
        some = choose_rows(len(rows), self.config.seed)
        found = {"val/silhouette": float(silhouettes(distances(rows[some]), groups[some]).mean())}
        return found if losses is None else {**found, "val/loss": float(losses.mean())}

    def evaluations(self, fold: FoldData, part: str) -> list[Evaluation]:
        """The silhouette, the loss, and how far labels agree, each beside simpler answers."""
        trained = part not in ("val", "test")
        train = self._rows(fold.train)
        rows = train if trained else self._rows(fold.part(part))
        groups, losses = self.model.assign(rows)
        answers = [Rival("model", "model", groups, losses)]
        answers += rivals_of(self.model, train, rows, groups, self.config.seed)
        some = choose_rows(len(rows), self.config.seed)
        apart = distances(rows[some])
        near = [Mean(o.name, o.kind, silhouettes(apart, o.groups[some])) for o in answers]
        found = [Evaluation(f"{part}/silhouette", "max", "row", near[0], tuple(near[1:]))]
        known = [(one, one.losses) for one in answers]
        lost = [Mean(o.name, o.kind, each.numpy()) for o, each in known if each is not None]
        if lost:
            found.append(Evaluation(f"{part}/loss", "min", "row", lost[0], tuple(lost[1:])))
        labels = None
        if self.options.labels is not None:
            labels = labels_of(fold, "train" if trained else part, self.options.labels)
            found += _agreements(part, answers, labels.ids)
        numbers = fold.train.numbers.cpu().numpy() if trained else fold.rows_of(part)
        how = answers, near[0].each, some, labels
        self._last = Looked(fold, part, numbers, rows, train, *how)
        return found

    def tell(self) -> list[str]:
        """How many clusters there are and by which rule, and how far they agree with labels."""
        return [] if self._last is None else tell_clusters(self._last, self.model, self.options)

    def artifacts(self, into: Artifacts, when: str) -> None:
        """At the end the clusters of what was evaluated last."""
        if when == "end" and self._last is not None:
            leave_clusters(into, self._last, self.model, self.options)


def _agreements(part: str, answers: Sequence[Rival], truth: Groups) -> list[Evaluation]:
    """How far clusters agree with labels that nothing learnt from."""
    found = []
    for name, measure in (
        ("adjusted_rand", adjusted_rand),
        ("mutual_information", adjusted_information),
    ):
        each = [Agreement(o.name, o.kind, o.groups.numpy(), truth, measure) for o in answers]
        found.append(Evaluation(f"{part}/{name}", "max", "row", each[0], tuple(each[1:])))
    return found


def _vectors(batch: Batch) -> Tensor:
    """Rows of a batch as vectors of all their inputs, (rows, numbers), float64 on the CPU."""
    parts = []
    for given in batch.inputs.values():
        assert isinstance(given, Tensor)
        parts.append(flatten(given).double().cpu())
    return torch.cat(parts, dim=1)


def _count_different(rows: Tensor, seed: int) -> int:
    """How many rows differ from each other: those that lie apart along a direction at random."""
    source = torch.Generator().manual_seed(derive(seed, "rows that differ"))
    along = torch.randn(rows.shape[1], generator=source, dtype=torch.float64)
    return len(np.unique((rows @ along).numpy()))


def _require_numbers(inputs: Mapping[str, Input]) -> None:
    """Refuses inputs that are no numbers written out.

    Raises:
        UsageError: there is one.
    """
    told = {"multi_hot": "positions that are set", "ids": "ids in order"}
    for name, found in inputs.items():
        if not found.is_numbers or 0 in found.shape:
            kind = told.get(found.kind, "numbers of another length in each row")
            what = f"learner clusters groups rows of numbers, but {name} has {kind}"
            raise UsageError(Problem(what, "dataset", "rows of as many numbers", "dataset=digits"))
