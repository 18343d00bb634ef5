"""Whether two runs' scores differ by more than chance: over the same rows, folds, or neither.

Of two models that judged the same rows, only the rows on which they differ tell them apart. Where
a row is right or wrong, that is McNemar's test (1947), exact, with its interval after Clopper and
Pearson (1934); for other scores a paired bootstrap (Efron and Tibshirani, 1993); over the same
folds a corrected t interval (Nadeau and Bengio, 2003). Else both intervals are combined, as if
their rows had nothing in common, which for rows that they share makes it too wide.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..judging.intervals import LEVEL, Interval, hull, paired_shares, students_t
from ..seeds import derive
from .read import Run, amount, finite, get, mappings, span
from .rows import Rows, rows_of

DRAWS = 2000
Values = npt.NDArray[np.float64]

_CELLS = 4_000_000
"""Counts that are held at a time: draws times rows."""


@dataclass(frozen=True)
class Noise:
    """One score of a run against that of the first.

    Attributes:
        run: the place of the run, from 1.
        score: the score's name.
        difference: the run's score minus the first's.
        interval: 95 % interval of the difference; None where it is not known.
        method: how the interval was come by; "" without one.
        better: whether the run's score is the better one; None where they are equal.
    """

    run: int
    score: str
    difference: float
    interval: Interval | None
    method: str
    better: bool | None

    @property
    def larger(self) -> bool | None:
        """Whether the difference is larger than its noise; None where that is not known."""
        if self.interval is None:
            return None if self.difference else False
        return self.interval[0] > 0 or self.interval[1] < 0

    @property
    def verdict(self) -> str:
        """In words."""
        side = "better" if self.better else "worse"
        if self.larger is None:
            return f"{side}; its noise is not known"
        if self.larger:
            return f"{side}: larger than its noise"
        return "within its noise" if self.difference else "no difference"


def against_first(runs: Sequence[Run]) -> list[Noise]:
    """Each run's judged scores against those of the first, where both have them."""
    found = []
    answer = get(runs[0].report, "answer", dict)
    measure = get(answer, "score", str).partition("/")[2]
    for place, run in enumerate(runs[1:], start=2):
        for part in ("val", "test"):
            noise = _noise(place, f"{part}/{measure}", runs[0], run)
            found += [noise] if measure and noise is not None else []
    return found


def _noise(place: int, name: str, first: Run, second: Run) -> Noise | None:
    """One score of two runs; None where one of them does not have it."""
    entries = [_score(run, name) for run in (first, second)]
    values = [finite(entry.get("value")) for entry in entries]
    difference = values[1] - values[0]
    if not math.isfinite(difference):
        return None
    interval, method = (
        _over_rows(name, first, second)
        or _over_folds(name, first, second)
        or _combined(difference, span(entries[0]), span(entries[1]))
    )
    larger_is_better = entries[0].get("direction") != "min"
    better = (difference > 0) == larger_is_better if difference else None
    return Noise(place, name, difference, interval, method, better)


def _score(run: Run, name: str) -> dict[str, object]:
    return next((one for one in mappings(run.report, "scores") if one.get("name") == name), {})


def _over_rows(name: str, first: Run, second: Run) -> tuple[Interval | None, str] | None:
    """Over the rows that both judged; None where they are not the same, or were not kept."""
    if any(get(get(run.report, "answer", dict), "score", str) != name for run in (first, second)):
        return None
    if not same_rows(first, second):
        return None
    pair = [rows_of(run, name, amount(_score(run, name), "value")) for run in (first, second)]
    if pair[0] is None or pair[1] is None or pair[0].how != pair[1].how:
        return None
    if pair[0].decided:
        return _mcnemar(pair[0].sums[:, 0], pair[1].sums[:, 0])
    return _bootstrap(pair[0], pair[1])


def same_rows(first: Run, second: Run) -> bool:
    """Whether two runs kept predictions of the same rows, with the same truth."""
    one, two = first.predictions, second.predictions
    truths = [key for key in one if key == "row" or key.split(":")[-1] == "true"]
    data = [get(run.report, "data", dict) for run in (first, second)]
    of_one_kind = all(data[0].get(key) == data[1].get(key) for key in ("dataset", "sample"))
    return of_one_kind and len(truths) > 1 and all(one[key] == two.get(key) for key in truths)


def _mcnemar(first: Values, second: Values) -> tuple[Interval | None, str]:
    """The difference of two shares of right rows, by the rows that only one has right."""
    won, lost, rows = int((second > first).sum()), int((first > second).sum()), len(first)
    method = f"McNemar's exact test, {won} won and {lost} lost of {rows:,} rows"
    return paired_shares(won, lost, rows), method


def _bootstrap(first: Rows, second: Rows) -> tuple[Interval | None, str]:
    """The difference of two scores on rows drawn with replacement, the same for both."""
    if np.array_equal(first.sums, second.sums):
        return None, ""
    moved = np.concatenate(
        [
            second.score(counts @ second.sums) - first.score(counts @ first.sums)
            for counts in _drawn(len(first.sums))
        ]
    )
    if not np.isfinite(moved).all():
        return None, ""
    low, high = np.quantile(moved, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return (float(low), float(high)), f"paired bootstrap over {len(first.sums):,} rows"


def _drawn(rows: int) -> Iterator[Values]:
    """How often each row was drawn, (draws, rows), some draws at a time."""
    source = np.random.default_rng(derive(0, "compare"))
    block = max(1, min(DRAWS, _CELLS // rows))
    for start in range(0, DRAWS, block):
        many = min(block, DRAWS - start)
        chosen = source.integers(rows, size=(many, rows)) + rows * np.arange(many)[:, None]
        counts = np.bincount(chosen.ravel(), minlength=many * rows)
        yield counts.reshape(many, rows).astype(np.float64)


def _over_folds(name: str, first: Run, second: Run) -> tuple[Interval | None, str] | None:
    """Over the folds that both trained; None where they are not the same."""
    data = [get(run.report, "data", dict) for run in (first, second)]
    folds = [mappings(run.report, "folds") for run in (first, second)]
    alike = all(data[0].get(key) == data[1].get(key) for key in ("digest", "split_digest"))
    if not alike or len(folds[0]) < 2 or len(folds[0]) != len(folds[1]):
        return None
    values = [[amount(get(fold, "scores", dict), name) for fold in each] for each in folds]
    moved = [b - a for a, b in zip(*values, strict=True) if a is not None and b is not None]
    rows = get(folds[0][0], "rows", dict)
    train, val = amount(rows, "train"), amount(rows, "val")
    if len(moved) != len(folds[0]) or not train or not val:
        return None
    interval = hull(students_t(moved, val / train), _fewest(first, name, moved, int(train + val)))
    return interval, f"corrected t interval over {len(moved)} folds, paired" if interval else ""


def _fewest(run: Run, name: str, moved: Sequence[float], rows: int) -> Interval | None:
    """The least that a difference of shares could move by its rows, which are not kept of folds.

    It takes at least so many rows that only one run has right; folds may agree by luck.
    """
    target, _, measure = name.partition("/")[2].rpartition("/")
    problems = get(run.report, "problem", dict)
    kind = get(get(problems, target or next(iter(problems), ""), dict), "type", str)
    if measure not in ("accuracy", "top_k_accuracy") or kind not in ("binary", "multiclass"):
        return None
    if not all(map(math.isfinite, moved)):
        return None
    mean = sum(moved) / len(moved)
    low, high = paired_shares(round(abs(mean) * rows), 0, rows)
    return (low, high) if mean >= 0 else (-high, -low)


def _combined(
    difference: float, first: Interval | None, second: Interval | None
) -> tuple[Interval | None, str]:
    """From both scores' own intervals, as of rows that have nothing in common."""
    if first is None or second is None:
        return None, ""
    half = math.hypot(*((high - low) / 2 for low, high in (first, second)))
    return (difference - half, difference + half), "both intervals combined"
