"""Whether two runs' scores differ by more than chance: over the same rows, folds, or neither.

Of two models that judged the same rows, only the rows on which they differ tell them apart. Where
a row is right or wrong, that is McNemar's test (1947), exact, with an interval after Bonett and
Price (2012); for other scores a paired bootstrap (Efron and Tibshirani, 1993), which of rows in
time draws blocks (`judging/blocks.py`); over the same folds a corrected t interval (Nadeau and
Bengio, 2003). Else both intervals are combined, as if their rows had nothing in common, which for
rows that they share makes it too wide. Runs that differ in their seeds alone are one setting:
settings are compared over pairs of runs.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import DlxError
from ..judging.blocks import choose_block
from ..judging.intervals import LEVEL, Interval, hull, mean_by_rows, paired_shares, students_t
from ..problem import PROBLEMS
from ..seeds import derive
from .read import Run, amount, finite, get, mappings, read, span
from .rows import Rows, rows_of
from .seeds import pair_runs, settings_of

DRAWS = 2000
Values = npt.NDArray[np.float64]

_CELLS = 4_000_000
"""Counts that are held at a time: draws times rows."""


@dataclass(frozen=True)
class Noise:
    """One score of a run against that of the first.

    Attributes:
        runs: the places of the runs, from 1: one, or those of a setting that several seeds trained.
        against: the places of those that they are held against.
        score: the score's name.
        difference: the run's score minus the first's.
        interval: 95 % interval of the difference; None where it is not known.
        method: how the interval was come by; "" without one.
        better: whether the run's score is the better one; None where they are equal.
    """

    runs: tuple[int, ...]
    against: tuple[int, ...]
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
            return f"{side}; its uncertainty is not known"
        if self.larger:
            return f"{side}: significant at 95 %"
        return "not significant at 95 %" if self.difference else "no difference"

    @property
    def label(self) -> str:
        """The places of the runs, as in "4, 5, 6"."""
        return ", ".join(map(str, self.runs))


def compare_with_first(runs: Sequence[Run]) -> list[Noise]:
    """Each run's judged scores against those of the first, where both have them.

    And whatever other scores have intervals of their own in both.
    Runs that differ in their seeds alone are one setting, and settings are held against the
    first; where there is only one setting, its runs are held against its first.
    """
    groups = _groups(runs)
    measure = get(get(runs[0].report, "answer", dict), "score", str).partition("/")[2]
    found = []
    for group in groups[1:]:
        names = (f"val/{measure}", f"test/{measure}") if measure else ()
        others = [n for n in _spread(runs[0]) if n in _spread(runs[group[0] - 1])]
        for name in dict.fromkeys((*names, *others)):
            noise = _between(name, runs, groups[0], group)
            found += [noise] if noise is not None else []
    return found


def _spread(run: Run) -> list[str]:
    """The scores of a run that have intervals."""
    return [get(one, "name", str) for one in mappings(run.report, "scores") if span(one)]


def settings_apart(first: Sequence[Path], second: Sequence[Path], name: str) -> bool | None:
    """Whether two settings differ significantly in a score; None where that is not known.

    Args:
        first: run folders of one.
        second: run folders of the other.
        name: of the score.
    """
    try:
        runs = [read(folder) for folder in (*first, *second)]
    except DlxError:
        return None
    places = tuple(range(1, len(runs) + 1))
    found = _between(name, runs, places[: len(first)], places[len(first) :]) if runs else None
    return None if found is None else found.larger


def _groups(runs: Sequence[Run]) -> list[tuple[int, ...]]:
    """The places of the runs, a setting's together; of one setting alone each by itself."""
    groups = settings_of(runs)
    return groups if len(groups) > 1 else [(place,) for place in groups[0]]


def list_pairs(runs: Sequence[Run]) -> list[tuple[Run, Run]]:
    """The pairs of runs that are held against each other."""
    first, *others = _groups(runs)
    pairs = [pair for group in others for pair in pair_runs(runs, first, group)]
    return [(runs[a - 1], runs[b - 1]) for a, b in pairs]


def is_comparable(first: Run, second: Run, name: str) -> bool:
    """Whether a score of two runs is of the same thing: the data, the target, the direction."""
    data = [get(run.report, "data", dict) for run in (first, second)]
    alike = all(data[0].get(key) == data[1].get(key) for key in ("dataset", "sample"))
    same = data[0].get("digest") == data[1].get("digest") or has_same_rows(first, second)
    targets = [tuple(get(run.report, "problem", dict)) for run in (first, second)]
    goals = [_score(run, name).get("direction") for run in (first, second)]
    return alike and same and targets[0] == targets[1] and goals[0] == goals[1]


def _between(
    name: str, runs: Sequence[Run], firsts: tuple[int, ...], seconds: tuple[int, ...]
) -> Noise | None:
    """A score of two settings, a pair a seed where both were trained under the same seeds."""
    pairs = pair_runs(runs, firsts, seconds)
    moves = [_move(name, runs[a - 1], runs[b - 1]) for a, b in pairs]
    known = [move for move in moves if move is not None]
    if not known or len(known) < len(moves):
        return None
    difference = statistics.fmean(move[0] for move in known)
    interval, method = known[0][1], known[0][2].format(*pairs[0])
    if len(known) > 1:
        interval, method = over_seeds(known, _margins(pairs, [move[0] for move in known]))
    goal = _score(runs[firsts[0] - 1], name).get("direction")
    better = (difference > 0) == (goal != "min") if difference else None
    return Noise(seconds, firsts, name, difference, interval, method, better)


Move = tuple[float, Interval | None, str]
"""A difference, its interval, and by which method; {0} and {1} in it are the two runs."""


def over_seeds(
    moves: Sequence[Move], margins: Sequence[Sequence[float]]
) -> tuple[Interval | None, str]:
    """How far the mean difference of several seeds could move: with other seeds and other rows.

    Both sources are added as squares (Zou and Donner, 2008); the rows may be the same for all
    seeds, so that their share in it does not shrink with more of them.

    Args:
        moves: of each pair of runs.
        margins: differences that are independent: of each seed, or of the runs of each setting.
    """
    mean = statistics.fmean(move[0] for move in moves)
    rows = mean_by_rows([move[0] for move in moves], [m[1] for m in moves], alike=len(moves))
    if rows is None:
        return None, ""
    seeds = [found[1] - found[0] for found in map(students_t, margins) if found is not None]
    half = math.hypot(*seeds) / 2
    interval = mean - math.hypot(mean - rows[0], half), mean + math.hypot(rows[1] - mean, half)
    return interval, (
        f"{len(moves)} pairs of runs: Student's t over seeds, combined with the interval over rows"
    )


def _margins(pairs: Sequence[tuple[int, int]], values: Sequence[float]) -> list[list[float]]:
    """The differences of pairs of one seed; of other pairs the mean of each run's."""
    firsts, seconds = ([pair[end] for pair in pairs] for end in (0, 1))
    if len(set(firsts)) == len(pairs) == len(set(seconds)):
        return [list(values)]
    return [
        [
            statistics.fmean(v for v, place in zip(values, places, strict=True) if place == one)
            for one in dict.fromkeys(places)
        ]
        for places in (firsts, seconds)
    ]


def _move(name: str, first: Run, second: Run) -> Move | None:
    """A score's difference of two runs; None where one lacks it, or it is not of the same thing."""
    entries = [_score(run, name) for run in (first, second)]
    values = [finite(entry.get("value")) for entry in entries]
    difference = values[1] - values[0]
    if not math.isfinite(difference) or not is_comparable(first, second, name):
        return None
    interval, method = (
        _over_rows(name, first, second)
        or _over_folds(name, first, second)
        or _combine_intervals(difference, span(entries[0]), span(entries[1]))
    )
    return difference, interval, method


def _score(run: Run, name: str) -> dict[str, object]:
    return next((one for one in mappings(run.report, "scores") if one.get("name") == name), {})


def _over_rows(name: str, first: Run, second: Run) -> tuple[Interval | None, str] | None:
    """Over the rows that both judged; None where they are not the same, or were not kept."""
    if any(get(get(run.report, "answer", dict), "score", str) != name for run in (first, second)):
        return None
    if not has_same_rows(first, second):
        return None
    pair = [rows_of(run, name, amount(_score(run, name), "value")) for run in (first, second)]
    if pair[0] is None or pair[1] is None or pair[0].how != pair[1].how:
        return None
    block = _block(first, second, pair[1].sums[:, 0] - pair[0].sums[:, 0])
    if not pair[0].decided:
        return _bootstrap(pair[0], pair[1], block)
    exact, method = _mcnemar(pair[0].sums[:, 0], pair[1].sums[:, 0])
    if block == 1:
        return exact, method
    found, method = _bootstrap(pair[0], pair[1], block)
    return hull(exact, found), method


def _block(first: Run, second: Run, moved: Values) -> int:
    """How many neighbours are drawn together: of rows in time, which lie in its order; else 1."""
    known = [amount(run.report, "block") or 1 for run in (first, second)]
    named = [get(get(run.report, "protocol", dict), "name", str) for run in (first, second)]
    if max(known) <= 1 and "chronological" not in named:  # older runs do not say how long
        return 1
    return choose_block(len(moved), int(max(known)), moved)


def has_same_rows(first: Run, second: Run) -> bool:
    """Whether two runs kept predictions of the same rows, with the same truth."""
    one, two = first.predictions, second.predictions
    truths = [key for key in one if key == "row" or key.split(":")[-1] == "true"]
    data = [get(run.report, "data", dict) for run in (first, second)]
    of_one_kind = all(data[0].get(key) == data[1].get(key) for key in ("dataset", "sample"))
    return of_one_kind and len(truths) > 1 and all(one[key] == two.get(key) for key in truths)


def _mcnemar(first: Values, second: Values) -> tuple[Interval | None, str]:
    """The difference of two shares of right rows, by the rows that only one has right."""
    won, lost, rows = int((second > first).sum()), int((first > second).sum()), len(first)
    method = (
        f"McNemar's exact test, only run {{1}} right on {won:,}, only run {{0}} right on {lost:,} "
        f"of {rows:,} rows"
    )
    return paired_shares(won, lost, rows), method


def _bootstrap(first: Rows, second: Rows, block: int = 1) -> tuple[Interval | None, str]:
    """The difference of two scores on rows drawn with replacement, the same for both."""
    if np.array_equal(first.sums, second.sums):
        return None, ""
    moved = np.concatenate(
        [
            second.score(counts @ second.sums) - first.score(counts @ first.sums)
            for counts in _draw_counts(len(first.sums), block)
        ]
    )
    if not np.isfinite(moved).all():
        return None, ""
    low, high = np.quantile(moved, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    method = f"paired bootstrap over {len(first.sums):,} rows"
    told = f"{method} in time, in blocks of {block:,}" if block > 1 else method
    return (float(low), float(high)), told


def _draw_counts(rows: int, block: int = 1) -> Iterator[Values]:
    """How often each row was drawn, (draws, rows), some draws at a time; blocks go in a circle."""
    source = np.random.default_rng(derive(0, "compare"))
    most = max(1, min(DRAWS, _CELLS // rows))
    for start in range(0, DRAWS, most):
        many = min(most, DRAWS - start)
        drawn = source.integers(rows, size=(many, math.ceil(rows / block)))
        places = (drawn[:, :, None] + np.arange(block)) % rows
        chosen = places.reshape(many, -1)[:, :rows] + rows * np.arange(many)[:, None]
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
    row = PROBLEMS.get(get(get(problems, target or next(iter(problems), ""), dict), "type", str))
    if measure not in ("accuracy", "top_k_accuracy") or row is None or row.answer != "class":
        return None
    if not all(map(math.isfinite, moved)):
        return None
    mean = sum(moved) / len(moved)
    low, high = paired_shares(round(abs(mean) * rows), 0, rows)
    return (low, high) if mean >= 0 else (-high, -low)


def _combine_intervals(
    difference: float, first: Interval | None, second: Interval | None
) -> tuple[Interval | None, str]:
    """From both scores' own intervals, as of rows that have nothing in common."""
    if first is None or second is None:
        return None, ""
    half = math.hypot(*((high - low) / 2 for low, high in (first, second)))
    return (difference - half, difference + half), "both intervals combined"
