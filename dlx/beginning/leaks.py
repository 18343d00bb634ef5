"""Columns that give a target away alone, or may be known only after it.

Of each column a rule is made that knows nothing but its value: of numbers, in which of some bins
it lies. What the rule says of rows that it was not made from (five parts in turn) is compared with
the answer that knows nothing. A column that is merely useful, as the sex of a passenger of the
Titanic, stays far below the bounds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from .coded import Coded, Codes, Numbers

PUT_RIGHT = 0.9
"""Share of the wrong answers of "always the most frequent class" that a rule must put right."""
EXPLAINED = 0.95
"""Share of the variance of a number's ranks that a rule must explain in each part."""
FEWEST_WRONG = 8
"""Below so many wrong answers to put right nothing is told."""
PARTS, MAX_BINS, ROWS_A_BIN, MAX_ROWS = 5, 256, 8, 50_000
Z = 1.96

Why = Literal["measured", "named"]


@dataclass(frozen=True)
class Suspect:
    """A column that may give the target away.

    Attributes:
        column: its name.
        target: the target's.
        why: measured: a rule from it alone is right; named: its name says that it is known later.
        share: of what a rule could put right, how much it does; None where nothing was measured.
        rule: what was found, as a sentence.
    """

    column: str
    target: str
    why: Why
    share: float | None
    rule: str


def judge_classes(column: Codes, classes: Codes) -> tuple[float, int, int] | None:
    """How well a column tells classes.

    Args:
        column: of each row, its value's number.
        classes: of each row, its class's number.

    Returns:
        The share of wrong answers put right, at least (the lower end of a 95 % interval, or 1 where
        none of them stays wrong; 0 where that is far from the bound); wrong answers with the
        column; those without. None where there are too few.
    """
    usual = len(classes) - int(np.bincount(classes).max(initial=0))
    if usual < FEWEST_WRONG:
        return None
    at_best = len(classes) - _fitted(column, classes)
    if at_best and 1 - _upper(min(at_best, usual), usual) < PUT_RIGHT:
        return 0.0, at_best, usual  # not even right of the rows that it is made from
    wrong = 0
    for held in _parts(len(classes)):
        answers = _most_frequent(column[~held], classes[~held], column[held])
        wrong += int((answers != classes[held]).sum())
    least = 1.0 if not wrong else 1 - _upper(min(wrong, usual), usual)
    return least, wrong, usual


def judge_numbers(column: Codes, values: Numbers) -> float | None:
    """How well a column tells the order of a target's numbers.

    Args:
        column: of each row, its value's number.
        values: the target's.

    Returns:
        The share of the variance of the target's ranks that is explained, in the worst part; 0
        where that is below the bound for sure.
    """
    ranks = np.unique(values, return_inverse=True)[1].astype(np.float64)
    if len(values) < PARTS * ROWS_A_BIN or ranks.max(initial=0) < FEWEST_WRONG:
        return None
    fitted = _means(column, ranks, column)
    if ((fitted - ranks) ** 2).sum() > (1 - EXPLAINED) * ((ranks - ranks.mean()) ** 2).sum():
        return 0.0  # not even of the rows that it is made from
    shares = []
    for held in _parts(len(values)):
        told = _means(column[~held], ranks[~held], column[held])
        rest = float(((told - ranks[held]) ** 2).sum())
        whole = float(((ranks[~held].mean() - ranks[held]) ** 2).sum())
        shares.append(1 - rest / whole if whole else 0.0)
    return min(shares)


def bins(values: Numbers) -> Codes:
    """Numbers of a column as the numbers of bins with equally many rows; missing ones together."""
    known = np.isfinite(values)
    distinct = np.unique(values[known])
    many = int(np.clip(known.sum() // ROWS_A_BIN, 1, MAX_BINS))
    edges = distinct[1:]
    if len(distinct) > many:
        edges = np.unique(np.quantile(values[known], np.linspace(0, 1, many + 1)[1:-1]))
    found = np.zeros(len(values), np.int64)
    found[known] = 1 + np.searchsorted(edges, values[known], side="right")
    return found


def texts(column: Coded) -> Codes:
    """Texts of a column as numbers: missing ones together, and those of a single row together."""
    rare = column.counts < 2
    found = np.where(column.holes, 0, np.where(rare, 1, np.arange(len(column.texts)) + 2))
    return np.unique(found[column.codes], return_inverse=True)[1].astype(np.int64)


def measure(name: str, column: Codes, target: str, answers: Codes | Numbers) -> Suspect | None:
    """A column that gives a target away; None where it does not.

    Args:
        name: the column's.
        column: of each row, its value's number (`bins`, `texts`).
        target: the target's name.
        answers: numbers of its classes, or its numbers as floats.
    """
    if len(answers) > MAX_ROWS:
        some = np.linspace(0, len(answers) - 1, MAX_ROWS).astype(np.int64)
        column, answers = column[some], answers[some]
    told = f"a rule that knows {name} alone, tried on rows that it was not made from,"
    if answers.dtype.kind == "f":
        share = judge_numbers(column, np.asarray(answers, np.float64))
        if share is None or share < EXPLAINED:
            return None
        rule = f"{told} explains {share:.1%} of the order of {target} (from {EXPLAINED:.0%} on)"
        return Suspect(name, target, "measured", share, rule)
    found = judge_classes(column, np.asarray(answers, np.int64))
    if found is None or found[0] < PUT_RIGHT:
        return None
    least, wrong, usual = found
    rule = (
        f"{told} is wrong for {wrong:,} of {len(answers):,} rows, where always the most frequent "
        f"class is wrong for {usual:,} (told where {PUT_RIGHT:.0%} of them are put right)"
    )
    return Suspect(name, target, "measured", least, rule)


LATER = (
    *("after", "afterwards", "outcome", "outcomes", "result", "results", "final", "actual"),
    *("future", "next", "target", "label", "prediction", "predicted", "groundtruth"),
)
"""Words in a name that what is known only afterwards often has."""


def suspect_name(name: str, target: str) -> Suspect | None:
    """A column whose name says that it may be known only after the target; None for others."""
    words = split_name(name)
    late = next((word for word in words if word in LATER), "")
    rule = f"its name has the word {late!r}"
    if not late and _holds(words, split_name(target)):
        late, rule = target, f"its name has that of the target {target}"
    return Suspect(name, target, "named", None, rule) if late else None


def split_name(name: str) -> list[str]:
    """The words of a column's name, in lower case: of `DateOfResult`, date, of and result."""
    parts = re.findall(r"[^\W\d_]+|\d+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name))
    return [part.lower() for part in parts]


def _holds(words: Sequence[str], inner: Sequence[str]) -> bool:
    """Whether some words stand in others, in a row; not where they are too short to say much."""
    if len("".join(inner)) < 3:
        return False
    return any(words[at : at + len(inner)] == [*inner] for at in range(len(words) - len(inner) + 1))


@lru_cache(maxsize=4)
def _parts(rows: int) -> list[npt.NDArray[np.bool_]]:
    """Masks of five parts of the rows, drawn once."""
    place = np.random.default_rng(0).permutation(rows) % PARTS
    return [place == part for part in range(PARTS)]


def _fitted(column: Codes, classes: Codes) -> int:
    """Rows that have the most frequent class of their value."""
    many = int(classes.max(initial=0)) + 1
    pairs, counts = np.unique(column * many + classes, return_counts=True)
    starts = np.flatnonzero(np.diff(pairs // many, prepend=-1))
    return int(np.maximum.reduceat(counts, starts).sum())


def _most_frequent(column: Codes, classes: Codes, asked: Codes) -> Codes:
    """The most frequent class of each value, the most frequent of all where a value is new."""
    many = int(classes.max(initial=0)) + 1
    values = int(max(column.max(initial=0), asked.max(initial=0))) + 1
    best = np.full(values, int(np.bincount(classes, minlength=many).argmax()), np.int64)
    pairs, counts = np.unique(column * many + classes, return_counts=True)
    order = np.argsort(counts, kind="stable")  # the largest is written last
    best[pairs[order] // many] = pairs[order] % many
    return best[asked]


def _means(column: Codes, values: Numbers, asked: Codes) -> Numbers:
    """The mean of each value, that of all where a value is new."""
    many = int(max(column.max(initial=0), asked.max(initial=0))) + 1
    counts = np.bincount(column, minlength=many)
    sums = np.bincount(column, weights=values, minlength=many)
    usual = np.full(many, values.mean())
    return np.asarray(np.divide(sums, counts, out=usual, where=counts > 0)[asked])


def _upper(wrong: int, many: int) -> float:
    """The upper end of Wilson's 95 % interval of a share."""
    share, z2 = wrong / many, Z * Z
    middle = share + z2 / (2 * many)
    half = Z * math.sqrt(share * (1 - share) / many + z2 / (4 * many * many))
    return (middle + half) / (1 + z2 / many)
