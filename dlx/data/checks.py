"""Checks on the data and on how they were cut: leaks are refused, smells are reported.

The three pitfalls of the book's 4.2.2: parts that are not alike, the arrow of time, redundancy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..errors import MethodError, Problem
from .columns import Array, Column, Dense, Rows
from .likeness import near_pairs
from .profile import Profile
from .protocols import Split
from .samples import Samples
from .targets import EncodedTarget, class_counts

CHANCE = 0.001
"""Parts differ beyond chance below this p value: once in a thousand honest cuts."""
ALIKE = 0.999
"""Correlation above which a feature is suspected to be the target under another name."""
DOMINANT = 0.95
"""Share of the rows from which on one value says little beyond itself."""
EXAMPLES = 3


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Attributes:
        kind: "leak" is refused, "smell" is worth a look, "fact" is good to know.
        name: of the check.
        text: what was found, as a sentence.
        part: the part or the two parts it was found in, as in "train-test"; "": all rows.
        count: how many rows or features it concerns.
        examples: some of them, in words.
    """

    kind: Literal["leak", "smell", "fact"]
    name: str
    text: str
    part: str
    count: int
    examples: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As `report.json` holds it."""
        return {**asdict(self), "examples": list(self.examples)}


Pairs = dict[str, list[tuple[Rows, Rows]]]
"""Name of two parts, and the rows of both: of every fold, or of the test set and the rest."""


def check(
    samples: Samples, split: Split, targets: Mapping[str, EncodedTarget], hashes: Sequence[bytes]
) -> list[Finding]:
    """Everything that the checks find in a dataset, its cut, and the hashes of its rows' inputs."""
    pairs = _pairs(split)
    return [
        *(Finding("smell", "mended", text, "", count) for text, count in samples.notes),
        *_same_rows(pairs),
        *_duplicates(samples, split, pairs, targets, hashes),
        *_find_repeats(split, hashes),
        *_find_likenesses(samples, pairs, hashes),
        *_order_in_time(samples, pairs),
        *_reach_across(samples, split, pairs),
        *_find_absent(pairs, targets),
        *_drift(pairs, targets),
        *_features(samples, split, targets),
    ]


def check_profiles(profiles: Sequence[Profile]) -> list[Finding]:
    """What the profiles of the columns, over training rows, give to think about."""
    zeros = [
        f"{p.name}: {p.zeros:,} zeros, no other value below {p.nearest:.4g} in absolute value"
        for p in profiles
        if p.nearest is not None
    ]
    usual = [
        f"{p.name}: {p.top} in {p.share:.1%}"
        for p in profiles
        if p.share and p.share >= DOMINANT and (p.unit == "characters" or p.low != p.high)
    ]
    empty = [f"{p.name}: {p.missing:,}" for p in profiles if p.missing and p.unit]
    return [
        *_finding("smell", "zeros", "zeros may mean missing values", zeros),
        *_finding("smell", "one value", f"one value has {DOMINANT:.0%} of the rows or more", usual),
        *_finding("fact", "missing", "texts or lists are empty", empty),
    ]


def _finding(
    kind: Literal["smell", "fact"], name: str, text: str, features: list[str]
) -> Iterator[Finding]:
    if features:
        names = ", ".join(one.rpartition(": ")[0] for one in features[:EXAMPLES])
        more = f" and {len(features) - EXAMPLES} more" if len(features) > EXAMPLES else ""
        shown = tuple(features[:EXAMPLES])
        yield Finding(kind, name, f"{names}{more}: {text}", "train", len(features), shown)


def refuse_leaks(findings: Sequence[Finding], duplicates: bool = True) -> None:
    """Refuses a cut that leaks from one part into another, by the findings of `check`.

    Rows of equal content in two parts are let pass where `duplicates` is false.

    Raises:
        MethodError: with counts, the first examples and what to type.
    """
    leaks = [f for f in findings if f.kind == "leak" and (duplicates or f.name != "duplicates")]
    if not leaks:
        return
    hints = {
        "duplicates": "protocol.duplicates=together keeps equal rows together",
        "time order": "protocol=chronological",
        "overlap in time": "protocol=chronological protocol.gap=null",
    }
    shown = [("leak: " + f.text, "; ".join(f.examples), hints.get(f.name, "")) for f in leaks]
    raise MethodError(*(Problem(what, where, hint=hint) for what, where, hint in shown))


def _pairs(split: Split) -> Pairs:
    folds = [(fold.train, fold.validation) for fold in split.folds if len(fold.validation)]
    test = [(split.rest, split.test)] if len(split.test) else []
    return {part: cuts for part, cuts in (("train-val", folds), ("train-test", test)) if cuts}


def _same_rows(pairs: Pairs) -> Iterator[Finding]:
    for part, first, second in _each(pairs):
        both = np.intersect1d(first, second)
        if len(both):
            text = f"{len(both):,} rows are in two sets ({part})"
            shown = tuple(f"row {row}" for row in both[:EXAMPLES])
            yield Finding("leak", "same row", text, part, len(both), shown)


def _each(pairs: Pairs) -> Iterator[tuple[str, Rows, Rows]]:
    return ((part, *cut) for part, cuts in pairs.items() for cut in cuts)


def _duplicates(
    samples: Samples,
    split: Split,
    pairs: Pairs,
    targets: Mapping[str, EncodedTarget],
    hashes: Sequence[bytes],
) -> Iterator[Finding]:
    """Rows of equal inputs in two parts: a leak where dlx drew the cut, else worth knowing."""
    made_by = {"train-val": split.made_by, "train-test": split.test_made_by}
    for part, cuts in pairs.items():
        equal = [found for first, second in cuts for found in _equal_rows(first, second, hashes)]
        if not equal:
            continue
        kind: Literal["leak", "smell"] = "leak" if made_by[part] == "dlx" else "smell"
        second = _PARTS[part]
        rows = "row has" if len(equal) == 1 else "rows have"
        text = f"{len(equal):,} {second} {rows} the same inputs as a training row"
        at_odds = sum(_disagree(targets, a, b) for a, b in equal)
        text += f"; {at_odds:,} of them with another target" if at_odds else ""
        shown = tuple(
            f"{samples.tell_row(b)} ({second}) = {samples.tell_row(a)} (training)"
            for a, b in equal[:EXAMPLES]
        )
        yield Finding(kind, "duplicates", text, part, len(equal), shown)


_PARTS = {"train-val": "validation", "train-test": "test"}
"""The rows that are not trained on, by the name of the pair."""


def _equal_rows(first: Rows, second: Rows, hashes: Sequence[bytes]) -> list[tuple[int, int]]:
    """Each row of the second part that is also in the first, with the first such row there."""
    place: dict[bytes, int] = {}
    for row in first.tolist():
        place.setdefault(hashes[row], row)
    return [(place[hashes[r]], r) for r in second.tolist() if hashes[r] in place]


def _disagree(targets: Mapping[str, EncodedTarget], a: int, b: int) -> bool:
    return any(not np.array_equal(t.values[a], t.values[b]) for t in targets.values())


def rows_seen_elsewhere(split: Split, hashes: Sequence[bytes]) -> Rows:
    """The test rows whose inputs are also outside the test part."""
    equal = _equal_rows(split.rest, split.test, hashes)
    return np.array([row for _, row in equal], dtype=np.int64)


def _find_repeats(split: Split, hashes: Sequence[bytes]) -> Iterator[Finding]:
    rows = split.rest.tolist()
    many = len(rows) - len({hashes[row] for row in rows})
    if many:
        text = f"{many:,} rows outside the test set have the same inputs as another row"
        yield Finding("fact", "repeated rows", text, "train", many)


def _find_likenesses(samples: Samples, pairs: Pairs, hashes: Sequence[bytes]) -> Iterator[Finding]:
    """Pictures of two parts that look almost alike, but are not equal."""
    if not samples.looks:
        return
    looks: Array = np.asarray(samples.columns[samples.looks])
    for part, cuts in pairs.items():
        near = near_pairs(looks, cuts)
        if near is None:
            text = f"pictures are too many to look for those of two sets that look alike ({part})"
            yield Finding("fact", "look alike", text, part, len(looks))
            continue
        found = [(a, b) for a, b in near if hashes[a] != hashes[b]]
        if found:
            second = _PARTS[part]
            verb = "picture looks" if len(found) == 1 else "pictures look"
            text = f"{len(found):,} {second} {verb} almost like a training picture"
            shown = tuple(
                f"{samples.tell_row(b)} ({second}) and {samples.tell_row(a)} (training)"
                for a, b in found[:EXAMPLES]
            )
            yield Finding("smell", "look alike", text, part, len(found), shown)


def has_repeats(findings: Sequence[Mapping[str, Any]]) -> bool:
    """Whether some rows have equal inputs, by findings as `report.json` holds them."""
    return any(found.get("name") in ("duplicates", "repeated rows") for found in findings)


def _order_in_time(samples: Samples, pairs: Pairs) -> Iterator[Finding]:
    """Every row to be predicted must be later than every row learnt from."""
    if not samples.time:
        return
    time = np.asarray(samples.columns[samples.time])
    for part, first, second in _each(pairs):
        early = second[time[second] <= time[first].max()]
        if len(early):
            text = f"{len(early):,} {_PARTS[part]} rows are not later than every training row"
            shown = tuple(f"row {row}: {samples.time} {time[row]}" for row in early[:EXAMPLES])
            yield Finding("leak", "time order", text, part, len(early), shown)


def _reach_across(samples: Samples, split: Split, pairs: Pairs) -> Iterator[Finding]:
    """No row may hold in its inputs what the target of a row of the set before it tells."""
    if not samples.time or not samples.span:
        return
    place = np.empty(len(samples), dtype=np.int64)
    place[np.argsort(np.asarray(samples.columns[samples.time]), kind="stable")] = np.arange(
        len(samples)
    )
    made_by = {"train-val": split.made_by, "train-test": split.test_made_by}
    for part, first, second in _each(pairs):
        apart = place[second] - place[first].max()
        near = second[(apart > 0) & (apart <= samples.span)]
        if len(near):
            kind: Literal["leak", "smell"] = (
                "smell" if made_by[part] in ("official", "book") else "leak"
            )
            text = f"{len(near):,} {_PARTS[part]} rows overlap with training rows: "
            text += samples.tell_span()
            shown = tuple(f"row {row}" for row in near[:EXAMPLES])
            yield Finding(kind, "overlap in time", text, part, len(near), shown)


def _find_absent(pairs: Pairs, targets: Mapping[str, EncodedTarget]) -> Iterator[Finding]:
    """Classes without a row in a part: nothing to learn them from, or an average without them."""
    classed = {name: target for name, target in targets.items() if target.classes}
    parts = {part.partition("-")[2]: [held for _, held in cuts] for part, cuts in pairs.items()}
    learnt = [rows for rows, _ in next(iter(pairs.values()), [])]
    for part, cuts in (*parts.items(), ("train", learnt)):
        for name, target in classed.items():
            counts = [class_counts(target.values, target.classes, rows) for rows in cuts]
            absent = [one for one in target.classes if not all(count[one] for count in counts)]
            if absent:
                of = f"{len(absent):,} of the {len(target.classes):,} classes of target {name}"
                title = _PARTS.get(f"train-{part}", "training")
                text = f"no {title} row{' of some fold' * (len(cuts) > 1)} is of {of}"
                shown = tuple(absent[:EXAMPLES])
                yield Finding("smell", "absent class", text, part, len(absent), shown)


def _drift(pairs: Pairs, targets: Mapping[str, EncodedTarget]) -> Iterator[Finding]:
    """Targets distributed otherwise in two parts, beyond chance.

    Classes: chi-squared test of homogeneity over the counts of both parts; numbers: two-sample
    Kolmogorov-Smirnov test; both at p < 0.001.
    """
    for part, ((first, second), *_) in pairs.items():
        for name, target in targets.items():
            p = _p_value(target, first, second)
            if p < CHANCE:
                how = f"more than by chance (p={p:.1g})"
                text = f"target {name} has a different distribution in {part}, {how}"
                shown = tuple(_counts(target, rows) for rows in (first, second))
                yield Finding("smell", "drift", text, part, len(second), shown)


def _p_value(target: EncodedTarget, first: Rows, second: Rows) -> float:
    from scipy import stats

    a, b = target.values[first], target.values[second]
    if a.ndim > 1:
        return 1.0
    if not target.classes:
        return float(stats.ks_2samp(a, b).pvalue)
    many = len(target.classes)
    table = np.array([np.bincount(v.astype(np.int64), minlength=many) for v in (a, b)])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 1.0
    return float(stats.chi2_contingency(table).pvalue)


def _counts(target: EncodedTarget, rows: Rows) -> str:
    values = target.values[rows]
    if not target.classes:
        return f"mean {values.mean():.4g}"
    shares = np.bincount(values.astype(np.int64), minlength=len(target.classes)) / len(rows)
    top = np.argsort(-shares, kind="stable")[:EXAMPLES]
    return ", ".join(f"{target.classes[i]} {shares[i]:.1%}" for i in top.tolist())


def _features(
    samples: Samples, split: Split, targets: Mapping[str, EncodedTarget]
) -> Iterator[Finding]:
    """Missing values, constant features, and features that give the target away."""
    for column in samples.inputs:
        if not _is_table(samples.columns[column].last()):
            continue
        taken = samples.columns[column].take(split.rest)
        found, last = taken.table(), taken.last()
        assert isinstance(found, Dense)
        assert isinstance(last, Dense)
        rows = _as_rows(found)
        names = found.names or (found.features if found.values.ndim == 2 else (column,))
        yield from _missing(column, names, rows)
        constant = [n for n, v in zip(names, rows.T, strict=True) if _is_constant(v)]
        if constant:
            text = f"{len(constant)} features of {column} are the same in every training row"
            shown = tuple(constant[:EXAMPLES])
            yield Finding("smell", "constant features", text, "train", len(constant), shown)
        yield from _giveaways(column, names, _as_rows(last), split.rest, targets)


def _is_table(column: Column) -> bool:
    if not isinstance(column, Dense):
        return False
    return column.values.dtype.kind in "fiu" and column.values.ndim <= 2


def _as_rows(table: Dense) -> npt.NDArray[np.float64]:
    return table.values.astype(np.float64).reshape(len(table), -1)


def _is_constant(values: npt.NDArray[np.float64]) -> bool:
    known = values[np.isfinite(values)]
    return len(known) == 0 or bool(known.min() == known.max())


def _missing(column: str, names: Sequence[str], rows: Any) -> Iterator[Finding]:
    holes = np.isnan(rows).sum(axis=0)
    if holes.any():
        worst = np.argsort(-holes, kind="stable")[:EXAMPLES]
        shown = tuple(f"{names[i]}: {holes[i]:,}" for i in worst.tolist() if holes[i])
        text = f"{int(holes.sum()):,} values of {column} are missing"
        yield Finding("fact", "missing", text, "train", int(holes.sum()), shown)


def _giveaways(
    column: str, names: Sequence[str], rows: Any, used: Rows, targets: Mapping[str, EncodedTarget]
) -> Iterator[Finding]:
    for target, encoded in targets.items():
        values = encoded.values[used]
        if values.ndim != 1 or (encoded.classes and len(encoded.classes) > 2):
            continue
        found = [n for n, v in zip(names, rows.T, strict=True) if _correlation(v, values) > ALIKE]
        if found:
            text = f"features of {column} reveal target {target}: correlation above {ALIKE}"
            shown = tuple(found[:EXAMPLES])
            yield Finding("smell", "target given away", text, "train", len(found), shown)


def _correlation(feature: Any, target: Any) -> float:
    known = np.isfinite(feature)
    x, y = feature[known], target[known].astype(np.float64)
    if len(x) < 3 or x.std() == 0 or y.std() == 0:
        return 0.0
    return float(abs(np.corrcoef(x, y)[0, 1]))
