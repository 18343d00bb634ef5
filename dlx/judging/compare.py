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
from dataclasses import replace
from typing import Any

from torch import Tensor

from ..metrics import Metric
from .baselines import Answer
from .bootstrap import interval_of, middle, replicates
from .intervals import Interval, hull, mean_by_rows, paired_shares, students_t
from .scores import Judged, Score
from .verdict import entry, power_of


def compare(
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
    return found, compared_facts(listed, f"{how} over {len(truth):,} rows")


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
    return compared_facts(listed, how)


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


def compared_facts(listed: list[dict[str, Any]], how: str) -> dict[str, Any]:
    """Comparisons and their verdict, as `report.json` holds them.

    Args:
        listed: the baselines, as from `entry`.
        how: by which method they were compared.
    """
    return {"baselines": listed, "power": power_of(listed, how)}
