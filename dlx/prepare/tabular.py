"""Steps on columns of a table: what categories and dates become."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from ..config.specs import tabular as specs
from ..data.columns import Categories as Coded
from ..data.columns import CategoryIds, Column, Dense, Text
from .features import Featured, as_table
from .steps import State, Step, other_kind

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
RARE = "other"
"""What stands for values that share an id."""
_DAY = 86400


class Categories(Step[specs.Categories]):
    """Each value of category columns as an id; rare and unseen ones of a column share one.

    Of k columns the ids 0 to k - 1 are those of the rare values of each, in order; whoever masks
    ids needs to know nothing else.
    """

    def fit(self, column: Column) -> State:
        """The values of each column that have an id of their own, sorted."""
        found = []
        for name, codes, values in _columns(column):
            counts = np.bincount(codes, minlength=len(values))
            kept = sorted(values[place] for place in np.flatnonzero(counts >= self.options.least))
            rare = int(counts[counts < self.options.least].sum())
            found.append({"name": name, "values": kept, "rare": rare})
        return {"columns": found}

    def apply(self, column: Column, state: State) -> Column:
        """Ids of shape (rows, columns), or float32 marks of shape (rows, values)."""
        ids, words = _ids(column, state), name_ids(state)
        if self.options.form == "ids":
            return CategoryIds(ids.astype(np.int32), words)
        marked = [place for place, one in enumerate(state["columns"]) if one["rare"]]
        marked += range(len(state["columns"]), len(words))
        marks = (ids[:, :, None] == np.asarray(marked, dtype=np.int64)).any(axis=1)
        return Dense(marks.astype(np.float32), tuple(words[place] for place in marked))

    def counts(self, state: State) -> dict[str, int]:
        """Values with an id of their own, and training rows with a rare one, over all columns."""
        told = state["columns"]
        values, rare = sum(len(one["values"]) for one in told), sum(one["rare"] for one in told)
        return {"values with an id": values, "rare values": rare}


def name_ids(state: State) -> tuple[str, ...]:
    """What each id stands for, as COLUMN=VALUE."""
    told = state["columns"]
    rare = [_name(one["name"], RARE) for one in told]
    return (*rare, *(_name(one["name"], value) for one in told for value in one["values"]))


def _name(column: str, value: str) -> str:
    return f"{column}={value or 'missing'}" if column else value or "missing"


def _ids(column: Column, state: State) -> Codes:
    """The id of each value, (rows, columns)."""
    first, found = len(state["columns"]), []
    for place, (one, (_, codes, values)) in enumerate(
        zip(state["columns"], _columns(column), strict=True)
    ):
        known = {value: first + number for number, value in enumerate(one["values"])}
        table = np.array([known.get(value, place) for value in values] or [place], dtype=np.int64)
        found.append(table[codes])
        first += len(known)
    return np.stack(found, axis=1)


def _columns(column: Column) -> list[tuple[str, Codes, list[str]]]:
    """Name, code of each row, and the value of each code, of every category column."""
    if isinstance(column, Text):
        known = {value: code for code, value in enumerate(dict.fromkeys(column.values))}
        return [("", np.array([known[one] for one in column.values], dtype=np.int64), [*known])]
    if not isinstance(column, Coded):
        raise other_kind(column, "categories", "category columns of a table, or texts", "")
    told = zip(column.names, column.codes.T, column.values, strict=True)
    return [(name, codes.astype(np.int64), list(values)) for name, codes, values in told]


class Calendar(Featured[specs.Calendar]):
    """Dates as numbers; of a missing date (NaN) all of them are missing."""

    on_tables = False

    def fit(self, column: Column) -> State:
        """The first date of each column, and the parts that differ within the training rows."""
        table = as_table(column, "calendar")
        origins, parts = [], []
        for seconds in table.values.T:
            known = seconds[np.isfinite(seconds)]
            origins.append(float(known.min()) if len(known) else 0.0)
            parts.append([part for part in self.options.parts if _differs(part, known)])
        return {"origins": origins, "parts": parts}

    def apply(self, column: Column, state: State) -> Column:
        """A table of double precision."""
        table = as_table(column, "calendar")
        names, found = [], []
        told = zip(table.values.T, table.features, state["origins"], state["parts"], strict=True)
        for seconds, name, origin, parts in told:
            for part in parts:
                numbers = _numbers(part, seconds, origin)
                found += numbers
                ends = (" sin", " cos") if len(numbers) == 2 else ("",)
                names += [f"{name} {part}{end}" for end in ends]
        return Dense(np.stack(found, axis=1), tuple(names))


def _differs(part: str, seconds: Floats) -> bool:
    """Whether a part of some dates is not the same everywhere; days stay in any case."""
    if part == "days" or not len(seconds):
        return part == "days"
    return any(len(np.unique(one)) > 1 for one in _numbers(part, seconds, 0.0))


_PERIODS = {"month": 12, "weekday": 7, "hour": 24}


def _numbers(part: str, seconds: Floats, origin: float) -> list[Floats]:
    """The numbers of a part of dates: one, or sine and cosine of a part that comes again."""
    known = np.isfinite(seconds)
    if part == "days":
        return [(seconds - origin) / _DAY]
    whole = np.where(known, seconds, 0).astype(np.int64)
    raw = np.where(known, _PARTS[part](whole), np.nan)
    if part not in _PERIODS:
        return [raw]
    angle = 2 * np.pi * raw / _PERIODS[part]
    return [np.sin(angle), np.cos(angle)]


def _since(unit: str, seconds: Codes) -> Codes:
    found: Codes = seconds.astype("datetime64[s]").astype(f"datetime64[{unit}]").astype(np.int64)
    return found


_PARTS: dict[str, Callable[[Codes], npt.NDArray[Any]]] = {
    "year": lambda seconds: _since("Y", seconds) + 1970,
    "month": lambda seconds: _since("M", seconds) % 12,
    "weekday": lambda seconds: (seconds // _DAY + 3) % 7,  # 1970 began with a Thursday
    "hour": lambda seconds: seconds % _DAY / 3600,
}


class NormalScores(Step[specs.NormalScores]):
    """Each feature by its rank among the training rows, as a normal distribution has it."""

    on_tables = True

    def fit(self, column: Column) -> State:
        """Values of each feature, ascending, and what each becomes."""
        rows = as_table(column, "normal_scores").values
        many = min(self.options.quantiles, max(2, len(rows)))
        levels = (np.arange(many) + 0.5) / many
        scores = np.array([NormalDist().inv_cdf(one) for one in levels.tolist()])
        features = []
        for values in np.quantile(rows, levels, axis=0).T:
            known, place = np.unique(values, return_inverse=True)
            mean = np.bincount(place, weights=scores) / np.bincount(place)  # of equal ones
            features.append({"values": known.tolist(), "scores": mean.tolist()})
        return {"features": features}

    def apply(self, column: Column, state: State) -> Column:
        """A table of the same shape, in double precision."""
        table = as_table(column, "normal_scores")
        pairs = zip(table.values.T, state["features"], strict=True)
        found = [np.interp(values, one["values"], one["scores"]) for values, one in pairs]
        return Dense(np.stack(found, axis=1), table.names)
