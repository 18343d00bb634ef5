"""What rows have in common: copies of each other, groups, an order in time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from .coded import Coded, Numbers, same_rows
from .facts import Group, TimeOrder
from .leaks import split_name

NAMED = (
    *("id", "ids", "uid", "uuid", "guid", "key", "no", "nr", "code", "user", "customer", "client"),
    *("patient", "subject", "person", "household", "family", "account", "session", "device"),
    *("store", "shop", "site", "hospital", "school", "group", "ticket", "batch", "vin", "player"),
)
"""Words in the name of a column whose values name what rows belong to."""
SURE = ("id", "ids", "uid", "uuid", "guid", "patient", "subject", "person", "customer", "group")
"""Those of which a repeated value surely names one and the same."""
PARTS_OF_TIME = (
    ("year", "yr", "jahr"),
    ("month", "mo", "monat"),
    ("day", "tag"),
    ("hour", "hr", "stunde"),
    ("minute", "min"),
)
"""Words in the names of columns that say when a row was, the longest span first."""
FEWEST_GROUPS = 5
IN_ORDER = 1.0
"""Share of neighbouring rows that must stand in the order of their dates."""


def count_copies(columns: Sequence[Coded]) -> int:
    """Rows that are equal to an earlier one in some columns; 0 where there are no columns."""
    if not columns:
        return 0
    same = same_rows(columns)
    return len(same) - int(same.max(initial=-1)) - 1


def count_contradictions(inputs: Sequence[Coded], targets: Sequence[Coded]) -> int:
    """Rows with the same inputs as an earlier one, and other targets."""
    if not inputs or not targets:
        return 0
    return count_copies(inputs) - count_copies([*inputs, *targets])


def find_groups(columns: Mapping[str, Coded], types: Mapping[str, str]) -> Iterator[Group]:
    """Columns whose values name what several rows belong to, those to be used first.

    Args:
        columns: all but targets.
        types: what each is taken for.
    """
    found = [group for name in columns if (group := _group(columns[name], types[name]))]
    yield from sorted(found, key=lambda group: not group.used)


def _group(column: Coded, type_: str) -> Group | None:
    words = set(split_name(column.name))
    rows, groups = len(column) - column.missing, column.distinct
    may_name = type_ == "identifier" or words & {*NAMED}
    if type_ in ("date", "skip") or not may_name or groups < FEWEST_GROUPS or groups >= rows:
        return None
    shared = int(column.counts[column.counts > 1].sum())
    largest = int(column.counts.max())
    sure = type_ == "identifier" or bool(words & {*SURE})
    word = next((one for one in split_name(column.name) if one in NAMED), "")
    why = f"its name has the word {word!r}" if word else "it is an identifier"
    rule = (
        f"{why}, and {shared:,} of {rows:,} rows share one of its {groups:,} values "
        f"({rows / groups:.1f} rows a value, at most {largest:,})"
    )
    return Group(column.name, groups, largest, sure, rule)


def find_parts(numbers: Mapping[str, Numbers]) -> list[str]:
    """Columns that together say when rows were, which stand in that order; none where they do not.

    Args:
        numbers: of each row by column, NaN where missing.
    """
    words = {name: {*split_name(name)} for name in numbers}
    of = [next((n for n in words if words[n] & {*one}), "") for one in PARTS_OF_TIME]
    if not all(of[:2]):
        return []
    found = [name for name in of if name]
    table = np.stack([numbers[name] for name in found])
    placed = np.lexsort(table[::-1])
    return found if (placed == np.arange(len(placed))).all() and np.ptp(table[0]) > 0 else []


def find_time(dates: Mapping[str, Numbers]) -> TimeOrder | None:
    """The column of dates by which rows may be ordered; None where there is none.

    Args:
        dates: seconds since 1970 of each row by column, NaN where missing.
    """
    order: list[TimeOrder] = []
    for name, seconds in dates.items():
        known = seconds[np.isfinite(seconds)]
        steps = np.diff(known)
        if len(known) < len(seconds) or not (steps != 0).any():
            continue
        if (steps >= 0).mean() >= IN_ORDER:
            rule = f"rows stand in the order of their dates in {name}"
            order.append(TimeOrder(name, True, rule))
        elif (steps <= 0).mean() >= IN_ORDER:
            rule = f"rows stand in the order of their dates in {name}, the latest first"
            order.append(TimeOrder(name, True, rule))
        else:
            rule = f"{name} has a date in every row, but the rows are not in its order"
            order.append(TimeOrder(name, False, rule))
    return next((one for one in order if one.used), order[0] if order else None)
