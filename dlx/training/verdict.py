"""The answer of a run: scores on a part, each beside its baseline, the first with an interval.

A model beats a simpler answer where it is better by more than the uncertainty of the difference
(Chollet 2017, 4.5.5): over rows by a paired bootstrap (Efron and Tibshirani, 1993), over folds by
a corrected t interval (Nadeau and Bengio, 2003). A tie goes to the simpler answer.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .. import classical
from ..baselines import Answer, Baseline, best_baseline, simple_answers
from ..config.schema import Config
from ..judging.verdict import entry, power_of
from ..metrics import Metric
from .batches import Part
from .experiment import FoldData, metrics_by_target
from .intervals import LEVEL, Interval, Values, middle, replicates
from .loop import Training, predict_into
from .meters import Meters

Naive = Mapping[str, Mapping[str, npt.NDArray[np.float32]]]
"""Forecasts of the rows of a part by target and name."""


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
    interval: Interval | None = None

    def plain(self) -> dict[str, Any]:
        """As `report.json` holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Judged:
    """A part that the model has been run over.

    Attributes:
        part: "val" or "test".
        scores: the judged one first, the loss last.
        logits: by target, (rows, outputs).
        values: all scores by name.
        facts: `baselines` and `power` of the judged score, as `report.json` holds them.
    """

    part: str
    scores: tuple[Score, ...]
    logits: dict[str, Tensor]
    values: dict[str, float]
    facts: dict[str, Any] = field(default_factory=dict)


def judge(
    config: Config,
    training: Training,
    fold: FoldData,
    name: str,
    part: Part,
    naive: Naive | None = None,
) -> Judged:
    """Runs the model as it is over a part, and puts each score beside its baseline.

    Args:
        config: the config; `baseline: classical` asks for a classical model as well.
        training: holds the model.
        fold: its training part teaches the baselines.
        name: "val" or "test".
        part: the samples.
        naive: forecasts of the same rows, where there is time.
    """
    learner = training.learner
    meters = Meters(name, learner.heads, metrics_by_target(config))
    logits = predict_into(learner, part, config.trainer, meters)
    values = meters.scores()
    scores: list[Score] = []
    facts = _facts([], f"{name}: no metric is measured, so nothing can be compared")
    for score, target, metric in meters.metrics:
        answers = _answers(config, fold, target, metric, part, (naive or {}).get(target, {}))
        truth = part.targets[target]
        found = Score(score, values[score], metric.direction, best_baseline(metric, answers, truth))
        if not scores:
            found, facts = _compare(found, metric, logits[target], answers, truth)
        scores.append(found)
    loss = Score(f"{name}/loss", values[f"{name}/loss"], "min")
    return Judged(name, (*scores, loss), logits, values, facts)


def _answers(
    config: Config,
    fold: FoldData,
    target: str,
    metric: Metric,
    part: Part,
    naive: Mapping[str, npt.NDArray[np.float32]],
) -> list[Answer]:
    """Every answer that the model is compared with."""
    forecasts = {name: torch.from_numpy(values) for name, values in naive.items()}
    known = fold.train.targets[target]
    answers = list(simple_answers(metric, known, part.targets[target], forecasts))
    if config.baseline == "classical":
        model = _fitted(config, fold, target, metric)
        answers.append(Answer(model.name, "classical", (model.predict(part.inputs),)))
    return answers


_FITTED: WeakKeyDictionary[Part, dict[str, classical.Classical]] = WeakKeyDictionary()
"""Classical models by the training part that taught them: each is fitted once."""


def _fitted(config: Config, fold: FoldData, target: str, metric: Metric) -> classical.Classical:
    known = _FITTED.setdefault(fold.train, {})
    if target not in known:
        train = classical.Rows(fold.train.inputs, fold.train.targets[target])
        validation = None
        if fold.validation is not None:
            validation = classical.Rows(fold.validation.inputs, fold.validation.targets[target])
        known[target] = classical.fit(
            metric.problem, metric.outputs, fold.inputs, train, validation, config.seed
        )
    return known[target]


def _compare(
    score: Score, metric: Metric, logits: Tensor, answers: Sequence[Answer], truth: Tensor
) -> tuple[Score, dict[str, Any]]:
    """The judged score with its interval, and the model against each answer on the same rows."""
    own = replicates(metric, lambda _: logits, truth)
    listed = []
    for answer in answers:
        value = answer.value(metric, truth)
        if math.isnan(score.value - value):  # one of them is not defined on these rows
            continue
        theirs = replicates(metric, answer.logits, truth)
        listed.append(_entry(score, answer.name, answer.kind, value, own - theirs))
    interval = middle(own)
    found = Score(score.name, score.value, score.direction, score.baseline, interval)
    return found, _facts(listed, f"paired bootstrap over {len(truth):,} rows")


def _entry(score: Score, name: str, kind: str, value: float, moved: Values) -> dict[str, Any]:
    sign = 1.0 if score.direction == "max" else -1.0
    difference = sign * (score.value - value)
    return entry(score.name, name, kind, value, difference, middle(sign * moved))


def fold_facts_of(judged: Sequence[Judged], train_rows: int, val_rows: int) -> dict[str, Any]:
    """Model against baselines over folds: the mean difference against its spread.

    Folds share training rows, so that their differences are not independent. The variance of
    their mean is therefore taken as (1/k + val_rows/train_rows) s^2, with s^2 the sample variance
    of the k differences (Nadeau and Bengio 2003), and the interval is that of t with k - 1
    degrees of freedom.

    Args:
        judged: the same part of each fold, each with `baselines` in its facts.
        train_rows: rows that a fold trains on.
        val_rows: rows that a fold is judged on.

    Returns:
        `baselines` and `power`, as `report.json` holds them.
    """
    score = judged[0].scores[0]
    sign = 1.0 if score.direction == "max" else -1.0
    listed = []
    for first in judged[0].facts["baselines"]:
        values = _values_of(first["name"], judged)
        if len(values) < len(judged):
            continue
        pairs = zip(judged, values, strict=True)
        moved = [sign * (one.scores[0].value - value) for one, value in pairs]
        interval = corrected(moved, val_rows / train_rows)
        value, difference = statistics.fmean(values), statistics.fmean(moved)
        found = entry(score.name, first["name"], first["kind"], value, difference, interval)
        listed.append(found)
    return _facts(listed, f"corrected t interval over {len(judged)} folds")


def _values_of(baseline: str, judged: Sequence[Judged]) -> list[float]:
    listed = (one for fold in judged for one in fold.facts["baselines"])
    return [one["value"] for one in listed if one["name"] == baseline]


def corrected(moved: Sequence[float], share: float) -> Interval | None:
    """The 95 % interval of a mean over folds; None where they do not differ."""
    if len(moved) < 2 or not all(map(math.isfinite, moved)) or not statistics.variance(moved):
        return None
    from scipy.stats import t

    mean, many = statistics.fmean(moved), len(moved)
    error = math.sqrt((1 / many + share) * statistics.variance(moved))
    half = float(t.ppf((1 + LEVEL) / 2, many - 1)) * error
    return mean - half, mean + half


def _facts(listed: list[dict[str, Any]], how: str) -> dict[str, Any]:
    return {"baselines": listed, "power": power_of(listed, how)}
