"""Rows that are unlike the others, found without labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ..config.names import did_you_mean, join_names
from ..config.schema import Config
from ..data.columns import Input
from ..data.targets import EncodedTarget
from ..errors import Problem, UsageError
from ..judging.evaluation import Evaluation, Kind
from ..judging.means import Mean
from ..judging.ranked import Marks, judge_ranking
from ..metrics.base import Values
from ..runs.artifacts import Artifacts
from ..seeds import derive
from ..sources.fold import FoldData
from ..sources.labels import labels_of
from . import outliers
from .at_once import AtOnce, names_of, require_numbers, standardise
from .isolating import Scorer

Ranked = dict[tuple[str, Kind], Values]
"""How anomalous rows are, by name and kind of who says so."""


class Anomalies(AtOnce):
    """How anomalous each row is, and which are flagged.

    Args:
        config: names the method.
        found: the method, before it is fitted.
        inputs: described, by name.
    """

    found: Scorer

    def __init__(self, config: Config, found: Scorer, inputs: Mapping[str, Input]) -> None:
        super().__init__(config, found, inputs)
        self.options = config.learner.options
        self._last: tuple[FoldData, str, Ranked] | None = None

    @classmethod
    def build(
        cls,
        config: Config,
        inputs: Mapping[str, Input],
        targets: Mapping[str, EncodedTarget],  # noqa: ARG003 - it has none
        device: torch.device,
        fold: int = 0,  # noqa: ARG003 - nothing is drawn
    ) -> Self:
        """A method that has found nothing yet.

        Raises:
            UsageError: an input is not numbers.
        """
        require_numbers(inputs, "anomalies")
        numbers = sum(torch.Size(one.shape).numel() for one in inputs.values())
        chosen = config.learner.options.method
        found = chosen.load()(chosen.options, numbers)
        found.prepare(config, inputs, device)
        return cls(config, found, inputs)

    def describe_run(self) -> dict[str, Any] | None:
        """The run whose autoencoder is asked."""
        return self.found.describe()

    def require(self, fold: FoldData) -> None:
        """Refuses a class of anomalies that is not there, and too few rows for components.

        Raises:
            UsageError: it is such.
        """
        labels, key = self.options.labels, "learner.labels.anomalous"
        known = labels_of(fold, "train", labels.column).classes if labels.column else ()
        if labels.column and labels.anomalous not in known:
            what = f"`{key}` is {labels.anomalous}, which is no class of {labels.column}"
            near = did_you_mean(labels.anomalous, known, f"{key}={{}}")
            raise UsageError(Problem(what, key, join_names(known), near))
        self.found.require(fold)
        rows, wanted = len(self._rows(fold)), getattr(self.options.method.options, "components", 0)
        if rows < 2 or wanted >= rows:
            key = "learner.method.components" if wanted else "protocol.train"
            what = f"there are {rows:,} rows to learn from"
            what += f", but `{key}` is {wanted}" if wanted else ""
            hint = f"{key}={rows - 1}" if rows > 1 and wanted else ""
            raise UsageError(Problem(what, key, "more rows than components, two at least", hint))

    def _rows(self, fold: FoldData) -> Tensor:
        """The rows that it learns from."""
        rows = self.matrix_of(fold.train)
        if self.options.train_on == "all":
            return rows
        return rows[torch.from_numpy(~self._marked(fold, "train"))]

    def _marked(self, fold: FoldData, part: str) -> Marks:
        """Which rows of a part the labels call anomalous."""
        known = self.options.labels
        found = labels_of(fold, part, known.column)
        marked: Marks = found.ids == found.classes.index(known.anomalous)
        return marked

    def find(self, fold: FoldData) -> None:
        """Fits the method, and takes the threshold that a share of its rows exceeds."""
        rows = self._rows(fold)
        self.found.fit(rows, self.config.seed)
        share = 1 - self.options.contamination
        above = torch.quantile(self.found.score(rows), share, interpolation="higher")
        self.found.keep("flagged_above", above)

    def judge(self, fold: FoldData, part: str) -> list[Evaluation]:
        """By labels, where some are named, and by rows with shuffled columns."""
        rows, learnt = self.matrix_of(fold.part(part)), self._rows(fold)
        made = self._shuffle(learnt, len(rows), part)
        ranked, others = self._rank(rows, learnt), self._rank(made, learnt)
        self._last = fold, part, ranked
        found = []
        if self.options.labels.column:
            found += judge_ranking(part, ranked, self._marked(fold, part), self.options.k)
        own, *beside = (
            Mean(name, kind, share_below(ranked[name, kind], others[name, kind]))
            for name, kind in ranked
        )
        return [*found, Evaluation(f"{part}/shuffled_auc", "max", "row", own, tuple(beside))]

    def _rank(self, rows: Tensor, learnt: Tensor) -> Ranked:
        """How anomalous rows are, to the model and to those that it must beat."""
        far = standardise(rows, learnt).square().mean(dim=1)
        return {
            ("model", "model"): self.found.score(rows).numpy(),
            ("chance", "constant"): np.zeros(len(rows)),
            ("distance to the mean", "naive"): far.numpy(),
        }

    def _shuffle(self, rows: Tensor, many: int, part: str) -> Tensor:
        """Rows whose columns come from some rows, each apart from the others."""
        source = torch.Generator().manual_seed(derive(self.config.seed, "shuffled columns", part))
        drawn = torch.randint(len(rows), (many, rows.shape[1]), generator=source)
        return rows.gather(0, drawn)

    def tell(self) -> list[str]:
        """How many rows are flagged."""
        if self._last is None:
            return []
        _, part, ranked = self._last
        share = float((ranked["model", "model"] > float(self.found.flagged_above)).mean())
        rows = "validation" if part == "val" else part
        told = f"{share:.1%} of the {rows} rows are flagged, by the score that "
        return [f"{told}{self.options.contamination:.1%} of the rows learnt from exceed"]

    @torch.no_grad()
    def artifacts(self, into: Artifacts, when: str) -> None:
        """At the end the most anomalous rows, all rows ranked, and the precision along the list."""
        if when != "end" or self._last is None:
            return
        fold, part, ranked = self._last
        rows, known = fold.rows_of(part), self.options.labels
        scores, above = ranked["model", "model"], float(self.found.flagged_above)
        held = labels_of(fold, part, known.column) if known.column else None
        order = np.argsort(-scores, kind="stable")
        table: dict[str, Any] = {"row": rows[order].tolist(), "anomaly": scores[order]}
        table["flagged"] = ["yes" if one > above else "no" for one in scores[order].tolist()]
        if held is not None:
            table[held.name] = [held.classes[one] for one in held.ids[order].tolist()]
        caption = f"the most anomalous first; flagged above {above:.4g}"
        into.table("ranked", table, title="Rows by how anomalous they are", caption=caption)
        most = order[: outliers.SHOWN]
        away = standardise(self.matrix_of(fold.part(part))[most], self._rows(fold)).numpy()
        facts = {name: values[: len(most)] for name, values in table.items()}
        names = names_of(self.inputs, fold.data.samples.features)
        outliers.leave_cards(into, fold.data.samples, facts, away, names)
        if known.column:
            outliers.leave_precision(into, ranked, self._marked(fold, part))


def share_below(scores: Values, others: Values) -> Values:
    """Of each score the share of others that are larger, those that are equal counted half."""
    ordered = np.sort(others)
    larger = len(ordered) - np.searchsorted(ordered, scores, side="right")
    equal = len(ordered) - larger - np.searchsorted(ordered, scores, side="left")
    found: Values = (larger + equal / 2) / len(ordered)
    return found
