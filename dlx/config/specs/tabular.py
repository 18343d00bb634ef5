"""Preparation steps for tables of the user's own: categories, dates, encodings of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ...errors import Problem
from ..fields import option
from ..shapes import Sizes
from .step import OnColumns

DateName = Literal["year", "month", "weekday", "hour", "days"]


@dataclass(frozen=True, kw_only=True)
class Categories(OnColumns):
    """Gives each value of category columns an id, or a vector with a single 1.

    A value has an id of its own if at least so many training rows have it; a missing value is a
    value too. All others, and those that no training row has, share the id of rare values, one for
    each column. The layer embed_columns trains it by masking.
    """

    least: int = option(5, "training rows that a value must have for an id of its own", ge=1)
    form: Literal["ids", "one_hot"] = option(
        "ids",
        "ids: for the layer embed_columns, as in model=tabular; one_hot: a number for each value, "
        "and one for rare ones where training rows have some",
    )


@dataclass(frozen=True, kw_only=True)
class Calendar(OnColumns):
    """Turns dates into numbers: year, month, weekday and hour, and days since the first one.

    Month, weekday and hour become a sine and a cosine each, so that December lies beside January.
    A part that is the same in all training rows is left out, except `days`.
    """

    parts: tuple[DateName, ...] = option(
        ("year", "month", "weekday", "hour", "days"),
        "which parts of a date; days: since the first of the training rows",
    )

    def check(self) -> Iterator[tuple[str, Problem]]:
        """No part, or one twice."""
        if not self.parts or len(set(self.parts)) < len(self.parts):
            what = f"`parts` is [{', '.join(self.parts)}]"
            yield "parts", Problem(what, accepted="parts of a date, each once", hint="parts=[days]")


@dataclass(frozen=True, kw_only=True)
class NormalScores(OnColumns):
    """Spreads each feature so that its training values are normally distributed, by their ranks.

    Between so many quantiles of the training rows it is a line; what lies beyond them becomes what
    the outermost is. Skewed numbers and outliers, as of prices, then do no harm.
    """

    rescales = True

    quantiles: int = option(100, "quantiles of a feature, at most", ge=2, le=10_000)

    def after(self, sizes: Sizes | None) -> Sizes | None:
        """The shape as it was."""
        return sizes
