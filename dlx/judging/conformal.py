"""Intervals and sets that hold the truth as often as is asked for: split conformal prediction.

Answers to rows that moved no weight tell how far off a model is. Of n such rows and a new one that
is like them, the new one's score is at most the ceil((n + 1) level)-th smallest with a probability
of `level` or more, whatever the model (Vovk, Gammerman and Shafer, "Algorithmic learning in a
random world", 2005; Angelopoulos and Bates, "A gentle introduction to conformal prediction", 2021).

Numbers: the score is the absolute error, of several numbers each has its own. Classes: it is one
less the probability of the right class (LAC: Sadinle, Lei and Wasserman, 2019), whose sets are the
smallest on average. Labels: the same, of the rows that have the label, so that the level holds for
the labels that a row has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.targets import Answers, TargetCodec
from ..problem import PROBLEMS

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Marks = npt.NDArray[np.bool_]

MOST, ROOM = 10_000, 200_000
"""Scores that are kept of an output, and of all of a target; of more every n-th smallest."""


@dataclass(frozen=True)
class Scores:
    """Scores of rows that moved no weight, the smallest first; the higher, the farther off.

    Attributes:
        values: (kept, outputs), float32; behind the last of an output infinity.
        rows: how many there were of each output, (outputs,).
    """

    values: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]

    @classmethod
    def of(cls, columns: Sequence[Array]) -> Scores:
        """Scores of each output, in any order; what is no number counts as infinitely far off."""
        most = max(1_000, min(MOST, ROOM // max(1, len(columns))))
        kept = [_thin(np.sort(np.nan_to_num(one, nan=np.inf)), most) for one in columns]
        values = np.full((max(map(len, kept), default=0), len(kept)), np.inf, np.float32)
        for place, one in enumerate(kept):
            values[: len(one), place] = one
        return cls(values, np.array([len(one) for one in columns], np.int64))

    @classmethod
    def pool(cls, several: Sequence[Scores]) -> Scores:
        """The scores of several models, as of the folds of one run, as if they were of one."""
        columns = [
            np.concatenate([one.values[: one.kept(place), place] for one in several])
            for place in range(len(several[0].rows))
        ]
        rows = np.sum([one.rows for one in several], axis=0)
        return cls(cls.of(columns).values, rows)

    def kept(self, place: int) -> int:
        """How many of an output's scores are kept."""
        return min(len(self.values), int(self.rows[place]))

    def bound(self, level: float) -> Floats:
        """The score that a new row does not exceed with this probability, (outputs,).

        Infinity where there are too few rows to tell: 1 / (1 - level) - 1 are needed.
        """
        return np.array([self._bound(place, level) for place in range(len(self.rows))])

    def _bound(self, place: int, level: float) -> float:
        rows, kept = int(self.rows[place]), self.kept(place)
        rank = math.ceil(round((rows + 1) * level, 9))
        if rank > rows:
            return math.inf
        return float(self.values[math.ceil(round(rank * kept / rows, 9)) - 1, place])


def _thin(ordered: Array, most: int) -> Array:
    """So many of sorted scores, evenly by rank, the last of each stretch."""
    if len(ordered) <= most:
        return ordered
    places = np.ceil(np.arange(1, most + 1) * len(ordered) / most).astype(np.int64) - 1
    return ordered[places]


def score(problem: str, said: Answers, true: Array) -> Scores:
    """The scores of answers whose truth is known.

    Args:
        problem: the target's type.
        said: the answers.
        true: values of the target, as `EncodedTarget` has them.
    """
    if said.probabilities is None:
        off = np.abs(np.asarray(said.values, np.float64) - true).reshape(len(true), -1)
        return Scores.of(list(off.T))
    shares = shares_of(said)
    if PROBLEMS[problem].answer == "labels":
        return Scores.of([1 - shares[true[:, k] > 0.5, k] for k in range(shares.shape[1])])
    return Scores.of([1 - shares[np.arange(len(true)), true.astype(np.int64)]])


def shares_of(said: Answers) -> Array:
    """The probability of each class or label, (rows, classes)."""
    shares = said.probabilities
    assert shares is not None, "numbers have no probabilities"
    return shares if shares.ndim == 2 else np.stack([1 - shares, shares], axis=1)


def interval(
    codec: TargetCodec, values: Array, scores: Scores, level: float
) -> tuple[Array, Array]:
    """Between which numbers the truth lies, each of the shape of the answers."""
    wide = scores.bound(level).astype(np.float32)
    wide = wide[0] if values.ndim == 1 else wide
    return np.clip(values - wide, *codec.bounds), np.clip(values + wide, *codec.bounds)


def bare_set(said: Answers, scores: Scores, level: float) -> Marks:
    """Which classes or labels may be right, (rows, classes); a row may have none."""
    found: Marks = 1 - shares_of(said) <= scores.bound(level).astype(np.float32)
    return found


def answer_set(problem: str, said: Answers, scores: Scores, level: float) -> Marks:
    """The same, with the answer in it, so that no row has an empty set of classes.

    Where a model is right more often than `level`, the sets without it are empty for the rows that
    it is least sure of, which nobody can use.
    """
    found = bare_set(said, scores, level)
    if PROBLEMS[problem].answer == "labels":
        return found | (np.asarray(said.values) > 0.5)
    found[np.arange(len(found)), np.asarray(said.values).astype(np.int64)] = True
    return found


def covers(codec: TargetCodec, said: Answers, true: Array, scores: Scores, level: float) -> Marks:
    """Of each row, or each number or label that it has, whether its interval or set holds it.

    Of labels those that rows have, end to end.
    """
    if said.probabilities is None:
        low, high = interval(codec, np.asarray(said.values), scores, level)
        return np.asarray((low <= true) & (true <= high))
    found = answer_set(codec.problem, said, scores, level)
    if PROBLEMS[codec.problem].answer == "labels":
        return found[true > 0.5]
    held: Marks = found[np.arange(len(true)), true.astype(np.int64)]
    return held
