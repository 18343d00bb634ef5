"""The answer of a run: scores on a part, each beside its baseline, the first with an interval.

A model beats a simpler answer where it is better by more than the uncertainty of the difference
(Chollet 2017, 4.5.5): over rows by McNemar's exact test or a paired bootstrap (Efron and
Tibshirani, 1993), over folds by a corrected t interval (Nadeau and Bengio, 2003). A tie goes to
the simpler answer.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .. import classical
from ..baselines import Answer, Baseline, best_baseline, simple_answers
from ..config.schema import Config
from ..judging.intervals import Interval, hull, mean_by_rows, paired_shares, students_t
from ..judging.verdict import entry, power_of
from ..metrics import Metric
from .batches import Part
from .experiment import FoldData, metrics_by_target
from .intervals import interval_of, middle, replicates
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
        interval: 95 % interval, for the metric that is judged by.
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
        decided: whether the judged score is the share of rows that are right.
    """

    part: str
    scores: tuple[Score, ...]
    logits: dict[str, Tensor]
    values: dict[str, float]
    facts: dict[str, Any] = field(default_factory=dict)
    decided: bool = False


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
    logits = predict_into(learner, part, training.options, meters)
    values = meters.scores()
    scores: list[Score] = []
    decided = False
    facts = _facts([], f"{name}: no metric is computed, so nothing can be compared")
    for score, target, metric in meters.metrics:
        answers = _answers(config, fold, target, metric, part, (naive or {}).get(target, {}))
        truth = part.targets[target]
        found = Score(score, values[score], metric.direction, best_baseline(metric, answers, truth))
        if not scores:
            found, facts = _compare(found, metric, logits[target], answers, truth)
            decided = metric.right(logits[target], truth) is not None
        scores.append(found)
    loss = Score(f"{name}/loss", values[f"{name}/loss"], "min")
    return Judged(name, (*scores, loss), logits, values, facts, decided)


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
    sign = 1.0 if score.direction == "max" else -1.0
    listed = []
    for answer in answers:
        value = answer.value(metric, truth)
        difference = sign * (score.value - value)
        if not math.isnan(difference):  # else one of them is not defined on these rows
            moved = _lead(metric, sign, logits, answer, truth)
            listed.append(entry(score.name, answer.name, answer.kind, value, difference, moved))
    found = replace(score, interval=interval_of(metric, logits, truth))
    decided = metric.right(logits, truth) is not None
    how = "McNemar's exact test" if decided else "paired bootstrap"
    return found, _facts(listed, f"{how} over {len(truth):,} rows")


def _lead(
    metric: Metric, sign: float, logits: Tensor, answer: Answer, truth: Tensor
) -> Interval | None:
    """By how much a model is better than an answer to the same rows: a 95 % interval.

    Where rows are right or wrong, an answer that was drawn at random is compared draw by draw,
    and the bounds are the means over the draws.
    """
    own = metric.right(logits, truth)
    if own is None:
        ours, theirs = (replicates(metric, of, truth) for of in (lambda _: logits, answer.logits))
        return middle(sign * (ours - theirs))
    bounds = []
    for drawn in answer.draws:
        other = metric.right(drawn, truth)
        assert other is not None
        won, lost = int((own & ~other).sum()), int((other & ~own).sum())
        bounds.append(paired_shares(won, lost, len(truth)))
    low, high = (statistics.fmean(bound[end] for bound in bounds) for end in (0, 1))
    return low, high


def fold_facts_of(
    judged: Sequence[Judged], train_rows: int, val_rows: int, passes: float = 1.0
) -> dict[str, Any]:
    """Model against baselines over folds: the mean difference and how far it could move.

    Folds share training rows, so that their differences are not independent: the interval is the
    corrected one of `students_t`, and no narrower than their rows alone make it, for a few folds
    may agree by luck.

    Args:
        judged: the same part of each fold, each with `baselines` in its facts.
        train_rows: rows that a fold trains on.
        val_rows: rows that a fold is judged on.
        passes: how many folds judge the same row.

    Returns:
        `baselines` and `power`, as `report.json` holds them.
    """
    score = judged[0].scores[0]
    sign = 1.0 if score.direction == "max" else -1.0
    listed = []
    for first in judged[0].facts["baselines"]:
        others = _entries_of(first["name"], judged)
        if len(others) < len(judged):
            continue
        pairs = list(zip(judged, others, strict=True))
        moved = [sign * (one.scores[0].value - other["value"]) for one, other in pairs]
        if not all(map(math.isfinite, moved)):
            continue
        mean, lead = (statistics.fmean(v) for v in ([o["value"] for o in others], moved))
        by_rows = _by_rows(moved, others, passes)
        interval = hull(students_t(moved, val_rows / train_rows), by_rows)
        listed.append(entry(score.name, first["name"], first["kind"], mean, lead, interval))
    how = f"corrected t interval over {len(judged)} folds, no narrower than the interval over rows"
    return _facts(listed, how)


def _by_rows(
    moved: Sequence[float], others: Sequence[Mapping[str, Any]], passes: float
) -> Interval | None:
    """The mean difference with other rows: each fold's own interval, moved to its difference."""
    intervals: list[Interval | None] = []
    for value, other in zip(moved, others, strict=True):
        own = other.get("interval")
        away = value - other["difference"] if own else 0.0
        intervals.append((own[0] + away, own[1] + away) if own else None)
    return mean_by_rows(moved, intervals, passes)


def _entries_of(baseline: str, judged: Sequence[Judged]) -> list[dict[str, Any]]:
    listed = (one for fold in judged for one in fold.facts["baselines"])
    return [one for one in listed if one["name"] == baseline]


def _facts(listed: list[dict[str, Any]], how: str) -> dict[str, Any]:
    return {"baselines": listed, "power": power_of(listed, how)}
