"""What may be asked of a finder of anomalies: rows of numbers, without targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from ..errors import Problem
from .at_once import AtOnceSpec
from .files import Where
from .labels import check_labels
from .learners import ScoreSpec, has_validation, known_size
from .schema import Config

_LABELLED = {
    "average_precision": ScoreSpec(
        "max", judged=True, meaning="of anomalies, ranked by how anomalous rows are"
    ),
    "precision_at_k": ScoreSpec(
        "max", meaning="share of anomalies among the most anomalous rows, {}"
    ),
    "roc_auc": ScoreSpec("max", meaning="how often an anomaly is ranked above a row that is none"),
}
SHUFFLED = ScoreSpec(
    "max",
    meaning="how often a row is less anomalous than one whose columns are drawn, each apart from "
    "the others, from training rows",
)


class AnomaliesSpec(AtOnceSpec):
    """Settings are compared by labels where some are named, else by rows with shuffled columns."""

    problem = "anomalies"
    why: ClassVar[Mapping[str, str]] = {
        "targets": "labels take no part in what it finds; `learner.labels.column` names those that "
        "it is judged by"
    }

    def scores(self, config: Config) -> dict[str, ScoreSpec]:
        """Those of labels, where some are named; and of rows with shuffled columns."""
        options, validates = config.learner.options, has_validation(config)
        part = "val" if validates else "test"
        many = f"{options.k:,} of them" if options.k else "as many as there are anomalies"
        found = {}
        for name, one in _LABELLED.items() if options.labels.column else ():
            told = one.meaning.format(many)
            judged = one.judged and validates
            found[f"{part}/{name}"] = replace(
                one, judged=judged, each_epoch=validates, meaning=told
            )
        judged = validates and not options.labels.column
        found[f"{part}/shuffled_auc"] = replace(SHUFFLED, judged=judged, each_epoch=validates)
        return found

    def looks_at_run(self, config: Config) -> bool:
        """Where the errors of its autoencoder are asked for."""
        return bool(config.learner.options.method.name == "autoencoder")

    def check(self, config: Config, where: Where) -> Iterator[Problem]:
        """Labels that it may not be judged by, or that are needed; more components than columns."""
        yield from super().check(config, where)
        options, size = config.learner.options, known_size(config)
        labels, key = options.labels, ("learner", "labels", "column")
        if labels.column:
            yield from check_labels(config, where, key, labels.column)
        if bool(labels.column) != bool(labels.anomalous):
            given, missing = ("column", "anomalous") if labels.column else ("anomalous", "column")
            what = f"`learner.labels.{given}` is {getattr(labels, given)}, but "
            what += f"`learner.labels.{missing}` is null"
            accepted = "a column of classes, and which of them is anomalous; or neither"
            yield Problem(what, where(("learner", "labels")), accepted)
        if options.train_on == "normal" and not labels.column:
            what = "`learner.train_on` is normal, but no labels say which rows are"
            accepted = "all, or labels in `learner.labels`"
            yield Problem(what, where(("learner", "train_on")), accepted, "learner.train_on=all")
        if self.looks_at_run(config) and not config.from_run.run:
            what = "`learner.method` is autoencoder, but `from_run` names none"
            here, accepted = where(("learner", "method")), "a run of learner autoencoder"
            yield Problem(what, here, accepted, "from_run=last")
        components = getattr(options.method.options, "components", 0)
        if size and components >= size:
            told = "learner.method.components"
            what = f"`{told}` is {components}, but a row has {size:,} numbers: from as many, every "
            what += "row can be built again"
            accepted = f"a whole number from 1 to {size - 1:,}"
            hint = f"{told}={max(1, size // 2)}"
            yield Problem(what, where(("learner", "method", "components")), accepted, hint)

    def notes(self, config: Config) -> list[str]:
        """That labels of training rows are known."""
        if config.learner.options.train_on == "all":
            return []
        return ["learner.train_on=normal: labels say which training rows are left out"]
