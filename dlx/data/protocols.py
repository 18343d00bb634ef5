"""Step 3, the evaluation protocol: which rows train, which validate, which test.

A protocol gives one or several folds; each trains a fresh model on `train` and watches it on
`validation`. The test rows are apart from all of them and the same for every seed.

Each is a function of its options, the samples, the seed that its draws derive from, and the target
whose classes keep their shares. It raises `UsageError` where a part would be empty, or where there
is no such column to group by.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ..config.specs import protocols as specs
from ..errors import MethodError, Problem, UsageError
from ..seeds import derive
from .columns import Dense, Rows
from .draw import Ids, deal, draw
from .fingerprints import input_hashes
from .samples import Samples

SAMPLE_SHARE = 0.2

MadeBy = Literal["dlx", "book", "official", "time"]


@dataclass(frozen=True)
class Fold:
    """Rows of one training; all but those that train may be none.

    Attributes:
        train: those that a model is trained on.
        validation: those that it is watched on.
        unused: those that would train too if `protocol.train` did not leave them out.
    """

    train: Rows
    validation: Rows
    unused: Rows = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


@dataclass(frozen=True)
class Split:
    """What a protocol gives.

    Attributes:
        name: the protocol that was applied, also where it was chosen by the data.
        folds: one or several pairs of training and validation rows.
        test: rows that are looked at once, at the end; may be empty.
        rule: what was done, as a sentence.
        made_by: who cut the validation rows: dlx drew them, the book's order, or time.
        test_made_by: who cut the test rows.
        test_validates: whether the validation rows are the test rows.
    """

    name: str
    folds: tuple[Fold, ...]
    test: Rows
    rule: str
    made_by: MadeBy = "dlx"
    test_made_by: MadeBy = "dlx"
    test_validates: bool = False

    @property
    def rest(self) -> Rows:
        """Every row outside the test part that any fold uses, ascending."""
        parts = [rows for fold in self.folds for rows in (fold.train, fold.validation)]
        used: Rows = np.unique(np.concatenate(parts))
        return used


@dataclass(frozen=True)
class _Outer:
    """Rows outside and inside the test part, how it was cut, and what draws of the others keep.

    Attributes:
        rest: rows outside it.
        test: rows inside it.
        rule: how it was cut.
        made_by: who cut it.
        labels: class of every row of the dataset where the classes are to keep their shares.
        units: unit of every row of the dataset where some are to stay together.
    """

    rest: Rows
    test: Rows
    rule: str
    made_by: MadeBy
    labels: Ids | None
    units: Ids | None

    def folds(self, k: int, seed: int) -> tuple[Fold, ...]:
        """The rest, dealt into k parts at random."""
        return _make_folds(deal(self.rest, k, seed, self.labels, self.units), self.rest)

    def how(self, options: Any) -> str:
        """What a draw kept, in words after others."""
        said = [", classes in proportion"] if self.labels is not None else []
        said += [f", rows of one {options.group} together"] if options.group else []
        said += [", equal rows together"] if options.duplicates == "together" else []
        return "".join(said)


def holdout(options: specs.Holdout, samples: Samples, seed: int, target: str) -> Split:
    """Holds some of the non-test rows out for validation (book 4.2.1)."""
    outer = _outer(options, samples, target)
    rest = outer.rest
    count = count_rows(options.validation, len(rest), "protocol.validation", samples.sample)
    if options.shuffle:
        validation = draw(rest, count, derive(seed, "holdout"), outer.labels, outer.units)
        how = "drawn at random" + outer.how(options)
    else:
        validation = rest[:count] if options.take == "first" else rest[-count:]
        how = f"the {options.take} ones"
    train = np.setdiff1d(rest, validation, assume_unique=True)
    held = len(validation)
    rule = f"{held:,} of {len(rest):,} training rows held out for validation ({how}); {outer.rule}"
    made_by: MadeBy = "dlx" if options.shuffle else "book"
    fold = Fold(train, np.sort(validation))
    return Split("holdout", (fold,), outer.test, rule, made_by, outer.made_by)


def kfold(options: specs.KFold, samples: Samples, seed: int, target: str) -> Split:
    """Every non-test row validates once: k folds whose sizes differ by one at most (4.2.1)."""
    outer = _outer(options, samples, target)
    _check_parts(options.k, outer.rest)  # before anything is done for each of them
    if options.shuffle:
        folds = outer.folds(options.k, derive(seed, "kfold"))
        how = "drawn at random" + outer.how(options)
    else:
        parts = np.array_split(outer.rest, options.k)
        folds, how = _make_folds(parts, outer.rest), "consecutive rows"
    rule = f"{options.k} folds of {_sizes(folds)} rows ({how}), a new model for each; {outer.rule}"
    made_by: MadeBy = "dlx" if options.shuffle else "book"
    return Split("kfold", folds, outer.test, rule, made_by, outer.made_by)


def iterated_kfold(options: specs.IteratedKFold, samples: Samples, seed: int, target: str) -> Split:
    """K-fold several times over, the rows drawn afresh each time (book 4.2.1)."""
    outer = _outer(options, samples, target)
    _check_parts(options.k, outer.rest)
    folds: tuple[Fold, ...] = ()
    for iteration in range(options.iterations):
        folds += outer.folds(options.k, derive(seed, "kfold", iteration))
    rule = (
        f"{options.iterations} times {options.k} folds of {_sizes(folds)} rows "
        f"(shuffled again each time{outer.how(options)}), a new model for each; {outer.rule}"
    )
    return Split("iterated_kfold", folds, outer.test, rule, "dlx", outer.made_by)


def chronological(
    options: specs.Chronological,
    samples: Samples,
    seed: int,  # noqa: ARG001 - nothing is drawn
    target: str,  # noqa: ARG001 - time does not look at classes
) -> Split:
    """The earliest rows train, later ones validate, the latest test (book 4.2.2).

    Raises:
        UsageError: the samples have no time, or a part would be empty.
        MethodError: the gap is shorter than the target looks ahead.
    """
    gap = gap_of(options, samples)
    order, test, test_rule = cut_test(options, samples, gap)
    count = count_rows(options.validation, len(order), "protocol.validation", samples.sample)
    at = len(order) - count
    validation, train = order[at:], order[: end_before(samples, order, at, gap)]
    if not len(train):
        raise refuse_gap(options, samples, f"less than {len(order) - count:,} rows")
    rule = f"in time: {len(train):,} rows train, the next {count:,} validate, {test_rule}"
    fold = Fold(np.sort(train), np.sort(validation))
    made_by = made_by_of(options)
    return Split("chronological", (fold,), test, rule, made_by, made_by)


def cut_test(options: specs.InTime, samples: Samples, gap: int) -> tuple[Rows, Rows, str]:
    """The rows before the test part in the order of time, those of the test part, and the rule.

    Raises:
        UsageError: the samples have no time, or a part would be empty.
    """
    order = sort_by_time(samples)
    left_out = f", {gap:,} rows left out between two sets" if gap else ""
    if samples.test is None:
        count = count_rows(options.test, len(order), "protocol.test", samples.sample)
        at = len(order) - count
        test, order = order[at:], order[: end_before(samples, order, at, gap)]
        rule = f"the latest {count:,} rows are the test set"
    else:
        test, order = samples.test, order[~np.isin(order, samples.test)]
        order = order[: max(0, len(order) - gap)]
        rule = f"the official test set of {len(test):,} rows"
    if not len(order):
        raise refuse_gap(options, samples, f"far less than {len(samples):,} rows")
    return order, np.sort(test), rule + left_out


def end_before(samples: Samples, order: Rows, at: int, gap: int) -> int:
    """Where the rows end that may be in the set before one: rows of its first time are left out.

    Args:
        samples: the rows.
        order: some of them in the order of time.
        at: where in that order the later set begins.
        gap: rows that are left out before it.
    """
    end = max(0, at - gap)
    time = np.asarray(samples.columns[samples.time])[order]
    if end and time[end - 1] == time[at]:
        end = int(np.searchsorted(time, time[at], side="left"))
    return end


def gap_of(options: specs.InTime, samples: Samples) -> int:
    """Rows between two parts: no row of one may hold in its inputs what another's target tells.

    Raises:
        MethodError: fewer are asked for.
    """
    if options.gap is None:
        return samples.span
    if options.gap < samples.span and options.overlap == "refuse":
        what = (
            f"temporal leak: {samples.tell_span()}, and `protocol.gap` is {options.gap:,}: "
            "the last training rows contain information from the next set"
        )
        accepted = f"{samples.span:,} or more; null; protocol.overlap=report tells how many rows"
        raise MethodError(Problem(what, "protocol.gap", accepted, "protocol.gap=null"))
    return options.gap


def made_by_of(options: specs.InTime) -> MadeBy:
    """Who cut the rows: time, or the book where sets may overlap, so that this is reported."""
    return "book" if options.overlap == "report" else "time"


def refuse_gap(options: specs.InTime, samples: Samples, accepted: str) -> UsageError:
    """The error where the rows that are left out between two parts leave none to train on."""
    if options.gap is not None:
        what = f"`protocol.gap` is {options.gap:,}, which leaves no row to train on"
        return UsageError(Problem(what, accepted=accepted))
    if not samples.span:
        what = f"no row is earlier than the next set by {samples.time}: too many have the same time"
        hint = "smaller protocol.test and protocol.validation; protocol=holdout cuts at random"
        return UsageError(Problem(what, accepted=accepted, hint=hint))
    what = f"{samples.tell_span()}: rows left out between two sets leave none to train on"
    hint = "smaller protocol.test and protocol.validation, or dataset options that reach less far"
    return UsageError(Problem(what, accepted=accepted, hint=hint))


def train_test(options: specs.TrainTest, samples: Samples, seed: int, target: str) -> Split:  # noqa: ARG001
    """Trains on every row outside the test part; there is no validation."""
    outer = _outer(options, samples, target)
    folds = (Fold(outer.rest, np.zeros(0, dtype=np.int64)),)
    rule = f"all {len(outer.rest):,} training rows train, none validate; {outer.rule}"
    return Split("train_test", folds, outer.test, rule, "dlx", outer.made_by)


def official(options: specs.Official, samples: Samples, seed: int, target: str) -> Split:  # noqa: ARG001
    """The validation rows that the dataset names; all others outside the test part train.

    Raises:
        UsageError: it names none.
    """
    if samples.validation is None:
        what = "protocol official needs a dataset with an official validation set"
        raise UsageError(Problem(what, "protocol", "a dataset that has one", "protocol=holdout"))
    outer = _outer(options, samples, target)
    validation = np.intersect1d(samples.validation, outer.rest)
    train = np.setdiff1d(outer.rest, validation, assume_unique=True)
    rule = f"the official validation set of {len(validation):,} rows; {outer.rule}"
    fold = Fold(train, validation)
    return Split("official", (fold,), outer.test, rule, "official", outer.made_by)


def test_as_validation(
    options: specs.TestAsValidation,
    samples: Samples,
    seed: int,  # noqa: ARG001 - nothing is drawn
    target: str,
) -> Split:
    """The test rows validate, and no test part is left: the book's 4.4."""
    outer = _outer(options, samples, target)
    rule = f"all {len(outer.rest):,} training rows train, the test rows validate: {outer.rule}"
    none = np.zeros(0, dtype=np.int64)
    fold = Fold(outer.rest, outer.test)
    return Split("test_as_validation", (fold,), none, rule, outer.made_by, outer.made_by, True)


def _outer(options: specs.Drawn, samples: Samples, target: str) -> _Outer:
    """The test part: the official one, else cut once by `protocol.test_seed`."""
    everything = np.arange(len(samples), dtype=np.int64)
    units, labels = _units(options, samples), labels_of(samples, target)
    made_by: MadeBy = "official"
    if samples.test is not None:
        test, rule = samples.test, f"the official test set of {len(samples.test):,} rows"
    else:
        made_by, drawn = "dlx", derive(options.test_seed, "test")
        count = count_rows(options.test, len(samples), "protocol.test", samples.sample)
        test = np.sort(draw(everything, count, drawn, labels, units))
        by = f"protocol.test_seed={options.test_seed}"
        rule = f"{len(test):,} rows split off as the test set by {by}"
    rest = np.setdiff1d(everything, test, assume_unique=True)
    kept = labels if getattr(options, "stratify", False) else None
    return _Outer(rest, test, rule, made_by, kept, units)


def _make_folds(parts: list[Rows], rest: Rows) -> tuple[Fold, ...]:
    """A fold for each part: it validates, the others train."""
    if (full := sum(len(part) > 0 for part in parts)) < len(parts):
        raise UsageError(_few_units(len(parts), full))
    return tuple(Fold(np.setdiff1d(rest, part, assume_unique=True), part) for part in parts)


def _check_parts(k: int, rest: Rows) -> None:
    if k > len(rest):
        raise UsageError(_empty_part(k, rest))


def _empty_part(k: int, rest: Rows) -> Problem:
    what = f"`protocol.k` is {k}, which leaves a fold empty"
    return Problem(what, accepted=f"at most the {len(rest):,} rows there are")


def _few_units(k: int, full: int) -> Problem:
    """Why a fold is empty though there are rows enough: too many of them stay together."""
    what = f"`protocol.k` is {k}, which leaves a fold empty, as rows that belong together stay so"
    hint = f"protocol.k={full}" if full > 1 else "protocol=holdout"
    return Problem(what, accepted=f"at most {full:,} folds of these rows", hint=hint)


def _sizes(folds: tuple[Fold, ...]) -> str:
    sizes = sorted({len(fold.validation) for fold in folds})
    return f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"


def _units(options: specs.Drawn, samples: Samples) -> Ids | None:
    """What must not be parted: rows of one group, rows of equal content, or both."""
    links: list[Ids] = []
    group = getattr(options, "group", "")
    if group:
        links.append(np.unique(_column(samples, group), return_inverse=True)[1])
    if options.duplicates == "together":
        hashes = np.array(input_hashes(samples))
        links.append(np.unique(hashes, return_inverse=True)[1])
    if len(links) < 2:
        return links[0] if links else None
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = len(samples)
    firsts = [np.unique(link, return_index=True)[1][link] for link in links]
    ends = np.concatenate(firsts), np.concatenate([np.arange(size)] * len(links))
    graph = coo_array((np.ones(size * len(links)), ends), shape=(size, size))
    units: Ids = connected_components(graph, directed=False)[1].astype(np.int64)
    return units


def _column(samples: Samples, name: str) -> Any:
    if name not in samples.groups:
        known = ", ".join(samples.groups) or "none: this dataset has no column to group by"
        raise UsageError(Problem(f"`protocol.group` is {name}", accepted=known))
    return np.asarray(samples.columns[name])


def sort_by_time(samples: Samples) -> Rows:
    """All rows from the earliest to the latest; equal times in the order of the dataset."""
    if not samples.time:
        what = "the protocol needs rows in time, but the dataset has no time column"
        raise UsageError(Problem(what, hint="protocol=holdout"))
    return np.argsort(np.asarray(samples.columns[samples.time]), kind="stable").astype(np.int64)


def count_rows(asked: float, rows: int, key: str, sample: bool) -> int:
    """A share below 1 or a count, as a count that leaves both sides something."""
    if sample and asked >= rows:  # a count of the real rows; a made-up sample has far fewer
        asked = SAMPLE_SHARE
    count = round(asked * rows) if asked < 1 else asked
    if not 1 <= count < rows or count != int(count):
        what = f"`{key}` is {asked:g}, which makes {count:,.10g} of {rows:,} rows"
        accepted = f"a share below 1, or a number from 1 to {rows - 1:,}"
        raise UsageError(Problem(what, accepted=accepted if rows > 1 else "more rows than one"))
    return int(count)


def labels_of(samples: Samples, target: str) -> Ids | None:
    """Class ids, or None where the target is no single class, or there is none ("")."""
    column = samples.columns.get(target)
    if isinstance(column, Dense) and column.values.ndim == 1 and column.values.dtype.kind in "iu":
        return column.values.astype(np.int64)
    return None
