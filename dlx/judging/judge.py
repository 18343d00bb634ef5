"""What a model is worth: each score beside its baseline, the first with an interval.

A model beats a simpler answer where it is better by more than the uncertainty of the difference
(Chollet 2017, 4.5.5): over rows by McNemar's exact test or a paired bootstrap (Efron and
Tibshirani, 1993), over rows in time by one of blocks (`blocks.py`), over folds by a corrected t
interval (Nadeau and Bengio, 2003). A tie goes to the simpler answer.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from ..config.names import plural
from ..metrics.base import Values
from .bootstrap import Draws, middle
from .evaluation import Estimate, Evaluation
from .facts import Facts
from .intervals import Interval, hull, mean_by_rows, paired_shares, students_t, wilson
from .scores import Baseline, Beside, Judged, Score
from .verdict import DATA, MEMBER, entry, power_of


def judge(part: str, evaluations: Sequence[Evaluation]) -> Judged:
    """What a model is worth: each score beside the best simpler answer, the first by its interval.

    Args:
        part: "val" or "test".
        evaluations: of the part; the first is the one that is judged by.

    Raises:
        ValueError: there is no evaluation.
    """
    if not evaluations:
        raise ValueError(f"{part}: nothing was evaluated, so there is nothing to judge")
    values = [[one.value() for one in evaluation.baselines] for evaluation in evaluations]
    scores = [
        Score(
            one.score, one.own.value(), one.direction, _best(one, beside), beside=_all(one, beside)
        )
        for one, beside in zip(evaluations, values, strict=True)
    ]
    first, sample = evaluations[0], Sample(evaluations[0])
    if not first.whole:
        scores[0] = replace(scores[0], interval=sample.interval())
    for place, one in enumerate(evaluations[1:], start=1):
        if one.spread:
            scores[place] = replace(scores[place], interval=Sample(one).interval())
    facts = _compare(first, sample, scores[0].value, values[0])
    return Judged(part, tuple(scores), facts, sample.decided)


def _best(evaluation: Evaluation, values: Sequence[float]) -> Baseline | None:
    """The best of those to beat; None where none is defined (ROC-AUC of one class)."""
    pairs = zip(evaluation.baselines, values, strict=True)
    rivals = [(one, value) for one, value in pairs if one.kind not in (DATA, MEMBER)]
    found = [Baseline(one.name, value) for one, value in rivals if not math.isnan(value)]
    pick = max if evaluation.direction == "max" else min
    return pick(found, key=lambda one: one.value) if found else None


def _all(evaluation: Evaluation, values: Sequence[float]) -> tuple[Beside, ...]:
    """Those to beat that have a value."""
    pairs = zip(evaluation.baselines, values, strict=True)
    known = [(one, value) for one, value in pairs if one.kind != DATA and not math.isnan(value)]
    return tuple(Beside(one.name, one.kind, value) for one, value in known)


class Sample:
    """A model's units as one sample of many that could have been drawn; each is asked for once."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.estimate, self.in_time = evaluation.own, evaluation.in_time

    @cached_property
    def draws(self) -> Draws:
        """How other units are drawn: each alone, or blocks of those that follow each other."""
        units = self.estimate.units
        if self.in_time is None:
            return Draws(units)
        block = self.in_time.block(self.estimate.by_unit())
        return Draws(units, block=block, order=self.in_time.order)

    @property
    def decided(self) -> bool:
        """Whether units are independent, each simply right or wrong."""
        return self.right is not None and self.in_time is None

    @cached_property
    def right(self) -> Any:
        """Which units are right, (guesses, units), where the score is their share; else None."""
        return self.estimate.right()

    @cached_property
    def resampled(self) -> Values:
        """The score of each draw of units."""
        return self.estimate.bootstrap(self.draws)

    def interval(self) -> Interval | None:
        """The 95 % interval of the score for other units of the same kind.

        Where a unit is simply right or wrong, Wilson's, for units in time no narrower than the
        bootstrap; else the middle of the bootstrap. Where no draw differs, as when every answer is
        perfect, the score goes as far as it would if as many units as none of so many may show
        were wrong.

        Returns:
            Lower and upper bound, or None where the score has no value for some draw, or nothing
            can be told: of a single unit, or of answers that are all the same.
        """
        if self.right is not None:
            alone = wilson(int(self.right.sum()), self.right.size)
            return alone if self.decided else hull(alone, middle(self.resampled))
        found = self.resampled
        if not np.isfinite(found).all() or np.ptp(found):
            return middle(found)
        value, far = float(found[0]), self.estimate.flawed_value()
        return (min(value, far), max(value, far)) if math.isfinite(far) and far != value else None


def _compare(
    evaluation: Evaluation, sample: Sample, value: float, values: Sequence[float]
) -> Facts:
    """The model against each answer: `baselines` and `power`, as `report.json` holds them."""
    score, own = evaluation.score, evaluation.own
    sign = 1.0 if evaluation.direction == "max" else -1.0
    listed = []
    for other, beside in zip(evaluation.baselines, values, strict=True):
        difference = sign * (value - beside)
        if not math.isnan(difference):  # else one of them is not defined on these units
            moved = _lead(evaluation, sample, other, sign)
            listed.append(entry(score, other.name, other.kind, beside, difference, moved))
    units = plural(own.units, evaluation.unit)
    if not listed:
        return compared_facts([], f"{score} is not defined on these {units}")
    if sample.draws.block > 1:
        how = f"paired bootstrap over {units} in time, in blocks of {sample.draws.block:,}"
        return {**compared_facts(listed, how), "block": sample.draws.block}
    if evaluation.whole:
        return compared_facts(listed, f"measured on {units}")
    how = "McNemar's exact test" if sample.right is not None else "paired bootstrap"
    how = how if evaluation.paired else "two independent bootstraps"
    return compared_facts(listed, f"{how} over {units}")


def _lead(evaluation: Evaluation, sample: Sample, other: Estimate, sign: float) -> Interval | None:
    """By how much a model is better than a simpler answer: a 95 % interval.

    Where units are right or wrong, an answer that was drawn at random is compared draw by draw,
    and the bounds are the means over the draws; of units in time they are no narrower than those
    of the bootstrap.
    """
    if evaluation.whole:
        difference = sign * (evaluation.own.value() - other.value())
        return difference, difference
    if not evaluation.paired:
        theirs = other.bootstrap(Draws(other.units, "bootstrap of a baseline"))
        return middle(sign * (sample.resampled - theirs))
    own, guesses = sample.right, other.right()
    if own is None or guesses is None:
        return middle(sign * (sample.resampled - other.bootstrap(sample.draws)))
    counts = [(int((own[0] & ~one).sum()), int((one & ~own[0]).sum())) for one in guesses]
    bounds = [paired_shares(won, lost, other.units) for won, lost in counts]
    low, high = (statistics.fmean(bound[end] for bound in bounds) for end in (0, 1))
    if sample.decided:
        return low, high
    return hull((low, high), middle(sign * (sample.resampled - other.bootstrap(sample.draws))))


def fold_facts_of(
    judged: Sequence[Judged], train_rows: int, val_rows: int, passes: float = 1.0
) -> Facts:
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
        by_rows = _row_interval(moved, others, passes)
        interval = hull(students_t(moved, val_rows / train_rows), by_rows)
        listed.append(entry(score.name, first["name"], first["kind"], mean, lead, interval))
    how = f"corrected t interval over {len(judged)} folds, no narrower than the interval over rows"
    return compared_facts(listed, how)


def _row_interval(
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


def compared_facts(listed: list[dict[str, Any]], how: str) -> Facts:
    """Comparisons and their verdict, as `report.json` holds them.

    Args:
        listed: the baselines, as from `entry`.
        how: by which method they were compared.
    """
    return {"baselines": listed, "power": power_of(listed, how)}
