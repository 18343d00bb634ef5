"""By how much labels features need less, an option of every learner that makes some."""

from __future__ import annotations

from dataclasses import dataclass

from ..fields import option

PROBE = (
    "what a linear classifier makes of the features with few labels, which the learner itself "
    "never sees; null: nothing is asked of them"
)


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Which labels, and how many of them, a linear classifier on the features is given."""

    target: str = option(help="the classes that it tells: a target of the dataset", example="digit")
    labels: int = option(
        100, "labelled training rows that it learns from, for the score `probe`", ge=2
    )
    curve: tuple[int, ...] = option(
        (10, 30, 100, 300, 1000),
        "the same with so many, for the curve in the report; []: none. Of more than there are rows "
        "nothing is told",
        ge=2,
    )
    draws: int = option(5, "draws of the labelled rows, over which scores are means", ge=1)
