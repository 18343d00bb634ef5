"""95 % intervals of shares, of paired differences of shares, and of means over folds and seeds.

None of them collapses where every row is right, or no row tells two answers apart.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

LEVEL = 0.95
Z = 1.959963984540054
"""Half of a 95 % interval of a normal quantity is as many standard errors."""

Interval = tuple[float, float]


def wilson(right: float, rows: int) -> Interval:
    """The score interval of a share (Wilson, 1927); it has a width at 0 and at 1 too.

    Args:
        right: rows that are right.
        rows: all of them, at least 1.
    """
    share, extra = right / rows, Z**2 / rows
    middle = (share + extra / 2) / (1 + extra)
    half = math.sqrt(extra * (share * (1 - share) + extra / 4)) / (1 + extra)
    return max(0.0, middle - half), min(1.0, middle + half)


def unseen(rows: int) -> float:
    """The largest share of what none of some rows shows: the rule of three, exact.

    Hanley and Lippman-Hand (1983); the upper bound of Clopper and Pearson (1934) at 0.
    """
    return float(1 - ((1 - LEVEL) / 2) ** (1 / rows))


def paired_shares(won: int, lost: int, rows: int) -> Interval:
    """The difference of two shares of right rows, by the rows that only one answer has right.

    The interval of Bonett and Price (2012), widened where McNemar's exact test (1947) does not tell
    the two apart, so that it holds 0 wherever that test is not significant.

    Args:
        won: rows that only the first answer has right.
        lost: rows that only the second has right.
        rows: all rows, at least 1.
    """
    first, second = ((one + 1) / (rows + 2) for one in (won, lost))
    error = math.sqrt((first + second - (first - second) ** 2) / (rows + 2))
    low, high = first - second - Z * error, first - second + Z * error
    exact_low, exact_high = _mcnemar(won, lost, rows)
    return max(-1.0, min(low, exact_low)), min(1.0, max(high, exact_high))


def _mcnemar(won: int, lost: int, rows: int) -> Interval:
    """Given how many rows differ, those won are binomial: after Clopper and Pearson (1934)."""
    differing = won + lost
    if not differing:
        return -unseen(rows), unseen(rows)
    from scipy.special import betaincinv

    tail = (1 - LEVEL) / 2
    low = float(betaincinv(won, lost + 1, tail)) if won else 0.0
    high = float(betaincinv(won + 1, lost, 1 - tail)) if lost else 1.0
    share = differing / rows
    return share * (2 * low - 1), share * (2 * high - 1)


def students_t(values: Sequence[float], share: float = 0.0) -> Interval | None:
    """The interval of a mean by Student's t; None for fewer than two values, or equal ones.

    Args:
        values: independent, or of folds that share training rows.
        share: of folds, validation rows by training rows: their variance is then taken as
            (1/k + share) s^2, with s^2 the sample variance of the k (Nadeau and Bengio, 2003).
    """
    if len(values) < 2 or not all(map(math.isfinite, values)) or not statistics.variance(values):
        return None
    from scipy.special import stdtrit

    mean, many = statistics.fmean(values), len(values)
    error = math.sqrt((1 / many + share) * statistics.variance(values))
    half = float(stdtrit(many - 1, (1 + LEVEL) / 2)) * error
    return mean - half, mean + half


def mean_by_rows(
    values: Sequence[float], intervals: Sequence[Interval | None], alike: float = 1.0
) -> Interval | None:
    """How far a mean could move with other rows: from the interval of each value by its rows.

    Distances to the bounds are added as squares (Zou and Donner, 2008), so that the interval may
    be lopsided.

    Args:
        values: of which the mean is taken, each of rows of its own.
        intervals: of each value.
        alike: how many of the values rest on the same rows; all of them: their rows' luck is one.

    Returns:
        None where one of the intervals is missing.
    """
    known = [one for one in intervals if one is not None]
    if not known or len(known) < len(values):
        return None
    pairs = list(zip(values, known, strict=True))
    down, up = (math.sqrt(sum((v - one[end]) ** 2 for v, one in pairs)) for end in (0, 1))
    mean, weight = statistics.fmean(values), math.sqrt(alike) / len(values)
    return mean - weight * down, mean + weight * up


def hull(*intervals: Interval | None) -> Interval | None:
    """The interval that holds all that are known; None where none is."""
    known = [one for one in intervals if one is not None]
    if not known:
        return None
    return min(low for low, _ in known), max(high for _, high in known)
