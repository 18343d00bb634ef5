"""What suits a table by its size and problem: how it is cut, prepared and learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .coded import Numbers
from .facts import Posed

FEW, MANY = 2_000, 20_000
"""Rows below which K-fold is repeated, and from which one hold-out set is enough."""
STEPS = 400
"""Steps of an optimizer that a training has at least, about."""
TABLE_STEPS = {True: 100, False: 1_000}
"""The same of a table, by whether it has few rows."""
COPIES = 0.1
"""Share of rows with the inputs of an earlier one up to which these are kept in one set."""
RARE = 0.2
"""Share of the rows below which a class of two is rare: accuracy then says little."""
SKEWED = 3.0
"""Skewness of a quantity from which its logarithms may be better to learn."""
WORDS = 2_000
"""Words of a column of texts that are counted."""


@dataclass
class Recipe:
    """Sections of a task file, and why each is as it is.

    Attributes:
        sections: by name.
        reasons: a sentence a section.
    """

    sections: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, values: Any, reason: str = "") -> None:
        """Adds a section."""
        self.sections[name] = values
        if reason:
            self.reasons[name] = reason


def choose_protocol(
    rows: int, posed: Sequence[Posed], alike: float, time: str, group: str, groups: int = 0
) -> tuple[Any, str]:
    """How rows are cut into sets, and the rule.

    Args:
        rows: with a target.
        posed: what is to be predicted.
        alike: share of the rows that are equal to an earlier one in all inputs.
        time: column that orders the rows; "" where none does.
        group: column whose equal cells stay together; "" where none does.
        groups: how many different cells it has.
    """
    if time:
        told = f"rows are ordered by {time}: the earliest train, the latest are the test set"
        return {"name": "chronological", "validation": 0.2, "test": 0.2}, told
    copies = "together" if alike <= COPIES else "allow"
    shared: dict[str, Any] = {"test": 0.2, "duplicates": copies}
    shared |= {"group": group} if group else {}
    together = f"; rows of one {group} stay together" if group else ""
    if alike > COPIES:
        together += (
            f"; {alike:.0%} of the rows have the inputs of an earlier one, so many that they are "
            "cases alike, not copies, and may stand in two sets"
        )
    rarest = min((posed[0].classes or (("", rows),)), key=lambda one: one[1])[1]
    parts = max(2, min(5, rarest // 2, rows // 4))
    if group:  # the test set may take more than a fifth of them
        parts = max(2, min(parts, groups * 3 // 5))
    if rows < FEW:
        told = f"{rows:,} rows, fewer than {FEW:,}: K-fold twice, so that no single cut decides"
        return {"name": "iterated_kfold", "k": parts, "iterations": 2, **shared}, told + together
    if rows < MANY:
        told = f"{rows:,} rows, fewer than {MANY:,}: K-fold"
        return {"name": "kfold", "k": min(4, parts), **shared}, told + together
    told = f"{rows:,} rows are enough for one validation set"
    return {"name": "holdout", "validation": 0.2, **shared}, told + together


def choose_trainer(rows: int) -> tuple[dict[str, int], str]:
    """Epochs and batch size for so many training rows, and the rule."""
    batch = 2 ** int(min(9, max(4, (rows // 32).bit_length())))
    steps = max(1, rows // batch)
    epochs = int(min(60, max(12, round(STEPS / steps))))
    return {"epochs": epochs, "batch_size": batch}, f"at most {epochs * steps:,} steps a training"


@dataclass(frozen=True)
class Learning:
    """How a table is learned: options of its model, optimizer, schedule and trainer.

    Attributes:
        reason: what was chosen by, as a sentence.
    """

    model: dict[str, Any]
    optimizer: dict[str, Any]
    schedule: dict[str, Any]
    trainer: dict[str, int]
    reason: str


def choose_learning(rows: int, train: int, coded: bool) -> Learning:
    """How a table is learned, and the rule.

    Chosen on validation rows of Titanic, wine, diabetes, breast_cancer (few rows) and Beijing's air
    (5,000 and 30,000): a network learns few rows by heart within some hundred steps, the sooner
    with categories or words, which then want a narrow one; more rows are worth a thousand steps.

    Args:
        rows: with a target.
        train: of them, those that a training learns from.
        coded: whether some inputs are categories or texts.
    """
    few = rows < FEW
    batch = 32 if few else choose_trainer(train)[0]["batch_size"]
    steps = max(1, train // batch)
    epochs = int(min(60, max(6 if few else 12, round(TABLE_STEPS[few] / steps))))
    units = [32 if coded else 64] if few else [64, 64]
    why = "few rows are soon learned by heart" if few else "rows enough for a longer training"
    return Learning(
        {"units": units, "dropout": 0.3 if few else 0.1},
        {"lr": 0.005, "weight_decay": 0.1 if few else 0.01},
        {"name": "constant" if few else "cosine"},
        {"epochs": epochs, "batch_size": batch},
        f"at most {epochs * steps:,} steps a training: {why}",
    )


def choose_scale(numbers: Numbers) -> tuple[str, str]:
    """How a quantity is learned, and the rule.

    Of Titanic's fares and Boston's crime rates (skewness 4.8 and 5.2) the mean absolute error on
    validation rows was 22 and 27 % lower by logarithms, the root of the mean square 3 and 8 %; of
    Beijing's air (1.8) they were 4 and 13 % higher.

    Args:
        numbers: of each row, NaN where it is missing.
    """
    known = numbers[np.isfinite(numbers)]
    if not len(known) or known.min() < 0:
        return "standardise", ""
    plain, log = _skewness(known), _skewness(np.log1p(known))
    if plain < SKEWED or abs(log) > plain / 2:
        return "standardise", ""
    told = f"from 0 up, with a few large numbers (skewness {plain:.1f}, of their logarithms "
    told += f"{log:.1f}): logarithms are learned, so that answers are nearer to the median than to "
    return "log", told + "the mean; where sums of answers matter, scale: standardise"


def _skewness(numbers: Numbers) -> float:
    """The third moment by the standard deviation; 0 of equal numbers."""
    spread = float(numbers.std())
    return float((((numbers - numbers.mean()) / spread) ** 3).mean()) if spread > 0 else 0.0


def choose_metrics(posed: Sequence[Posed]) -> tuple[dict[str, dict[str, Any]], str]:
    """Metrics by name, the first of which is judged by, and the rule."""
    kinds = {one.problem for one in posed}
    if kinds == {"regression"}:
        return {"mae": {}, "rmse": {}, "r2": {}}, ""
    if len(kinds) > 1:
        return {}, "targets of several kinds: the usual metrics of each"
    if kinds == {"multilabel"}:
        return {"average_precision": {}, "f1": {}}, ""
    if kinds == {"multiclass"}:
        return {"accuracy": {}, "f1": {}}, ""
    rows = sum(count for _, count in posed[0].classes)
    rare, few = posed[0].classes[-1]
    if few >= RARE * rows:
        return {"accuracy": {}, "roc_auc": {}}, ""
    told = f"{rare} has {few / rows:.1%} of the rows, where accuracy says little"
    return {"average_precision": {}, "roc_auc": {}, "f1": {}}, told
