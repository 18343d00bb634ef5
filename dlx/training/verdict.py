"""The answer of a run: scores on a part, each beside its baseline, the first with an interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from ..baselines import Baseline, best_baseline
from ..config.schema import Config
from .batches import Part
from .experiment import FoldData, metrics_by_target
from .intervals import bootstrap
from .loop import Training, predict_into
from .meters import Meters


@dataclass(frozen=True)
class Score:
    """One score, ready to be shown.

    Attributes:
        name: as in "test/accuracy".
        value: the score.
        direction: "max" or "min".
        baseline: the best simple answer under the same metric on the same rows.
        interval: 95 % bootstrap interval, for the metric that is judged by.
    """

    name: str
    value: float
    direction: str
    baseline: Baseline | None = None
    interval: tuple[float, float] | None = None

    def beats(self) -> bool | None:
        """Whether the score is better than its baseline by more than its noise; None: unknown."""
        if self.baseline is None or self.value != self.value:
            return None
        low, high = self.interval or (self.value, self.value)
        return low > self.baseline.value if self.direction == "max" else high < self.baseline.value

    def plain(self) -> dict[str, Any]:
        """As `report.json` holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Judged:
    """A part that the model has been run over: its scores, the judged one first, and logits."""

    part: str
    scores: tuple[Score, ...]
    logits: dict[str, Tensor]
    values: dict[str, float]


def judge(config: Config, training: Training, fold: FoldData, name: str, part: Part) -> Judged:
    """Runs the model as it is over a part, and puts each score beside its baseline.

    Args:
        config: the config.
        training: holds the model.
        fold: its training part teaches the baselines.
        name: "val" or "test".
        part: the samples.
    """
    learner = training.learner
    meters = Meters(name, learner.heads, metrics_by_target(config))
    logits = predict_into(learner, part, config.trainer, meters)
    values = meters.scores()
    scores = _scores(meters, values, logits, fold, part)
    loss = Score(f"{name}/loss", values[f"{name}/loss"], "min")
    return Judged(name, (*scores, loss), logits, values)


def _scores(
    meters: Meters,
    values: Mapping[str, float],
    logits: Mapping[str, Tensor],
    fold: FoldData,
    part: Part,
) -> list[Score]:
    found = []
    for index, (name, target, metric) in enumerate(meters.metrics):
        baseline = best_baseline(
            metric, metric.problem, metric.outputs, fold.train.targets[target], part.targets[target]
        )
        interval = bootstrap(metric, logits[target], part.targets[target]) if index == 0 else None
        found.append(Score(name, values[name], metric.direction, baseline, interval))
    return found
