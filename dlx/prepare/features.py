"""Steps over named features: holes, derived columns, choices, categories (book 4.5.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..config.names import did_you_mean, join_names
from ..config.specs import prepare as specs
from ..data.columns import Column, Dense
from ..errors import Problem, UsageError
from .steps import Options, State, Step, texts_of

Rows = npt.NDArray[np.float64]


def as_table(column: Column, step: str) -> Dense:
    """The column, as a table of double precision."""
    if isinstance(column, Dense) and column.is_table:
        return Dense(column.values.astype(np.float64), column.names)
    other = column.instead or "columns: [...] selects the columns for it"
    hint = "" if isinstance(column, Dense) else other
    accepted = "a table of numbers, one row per sample"
    raise UsageError(Problem(f"prepare step {step} got {column.holds}", "", accepted, hint))


def _place(name: str, step: str, features: tuple[str, ...]) -> int:
    if name in features:
        return features.index(name)
    known = join_names(features) or "none: this column's features have no names"
    what = f"prepare step {step}: there is no feature `{name}`"
    raise UsageError(Problem(what, "prepare.steps", known, did_you_mean(name, features)))


class Featured(Step[Options]):
    """Base of the steps over features: they see holes, which any other would spread."""

    takes_missing: ClassVar[bool] = True
    on_tables: ClassVar[bool] = True


class Impute(Featured[specs.Impute]):
    """Fills holes with a number, or with each feature's mean or median in the training rows."""

    def fit(self, column: Column) -> State:
        """What fills each feature, and which had holes in training."""
        rows = as_table(column, "impute").values
        known = ~np.isnan(rows)
        fill = np.full(rows.shape[1], self.options.value)
        if self.options.strategy in ("mean", "median"):
            middle = np.mean if self.options.strategy == "mean" else np.median
            for place in np.flatnonzero(known.any(axis=0)).tolist():
                fill[place] = middle(rows[known[:, place], place])
        holes = np.flatnonzero(~known.all(axis=0)).tolist()
        marked: list[int] = holes if self.options.indicator else []
        return {"fill": fill.tolist(), "indicators": marked}

    def apply(self, column: Column, state: State) -> Column:
        """The same table without holes, then a column of 0 and 1 for each that had some."""
        table, marked = as_table(column, "impute"), state["indicators"]
        holes = np.isnan(table.values)
        filled = np.where(holes, np.asarray(state["fill"]), table.values)
        whole = np.concatenate([filled, holes[:, marked].astype(np.float64)], axis=1)
        names = table.names and (*table.names, *(f"{table.names[i]} missing" for i in marked))
        return Dense(whole, names)


class Derive(Featured[specs.Derive]):
    """Adds features that are declared from others: no code is run."""

    def fit(self, column: Column) -> State:
        """Each expression with the places of its features; quantiles are those of training."""
        table = as_table(column, "derive")
        rows, names = table.values, table.names
        found = []
        for name, wanted in self.options.features.items():
            operation, operands = _operation(name, wanted)
            if name in names:
                what = f"prepare step derive: feature `{name}` already exists"
                raise UsageError(Problem(what, "prepare.steps", "a new name"))
            places = [_place(operand, "derive", names) for operand in operands]
            edges = list(wanted.edges)
            if operation == "bins" and not edges:
                known = rows[np.isfinite(rows[:, places[0]]), places[0]]
                shares = np.linspace(0, 1, wanted.quantiles + 1)[1:-1]
                edges = np.unique(np.quantile(known, shares)).tolist() if len(known) else []
            found.append([name, operation, places, edges, wanted.period])
        return {"features": found}

    def apply(self, column: Column, state: State) -> Column:
        """The table with the new features behind it; a hole in a part is a hole in the whole."""
        table = as_table(column, "derive")
        values, names = [table.values], list(table.names)
        for name, operation, places, edges, period in state["features"]:
            parts = [table.values[:, place] for place in places]
            values.append(_OPERATIONS[operation](parts, edges, period))
            names += [f"{name} sin", f"{name} cos"] if operation == "cyclic" else [name]
        return Dense(np.concatenate(values, axis=1), tuple(names))


def _operation(name: str, wanted: specs.Expression) -> tuple[str, tuple[str, ...]]:
    """The one operation that an expression names, and the features it works on."""
    asked = {op: getattr(wanted, op) for op in _OPERATIONS if getattr(wanted, op)}
    if len(asked) != 1:
        what = f"prepare step derive: feature `{name}` names {len(asked)} operations"
        raise UsageError(Problem(what, "prepare.steps", f"one of {join_names(_OPERATIONS)}"))
    operation, operands = next(iter(asked.items()))
    operands = (operands,) if isinstance(operands, str) else tuple(operands)
    if operation in ("ratio", "difference") and len(operands) != 2:
        what = f"prepare step derive: {operation} of `{name}` has {len(operands)} features"
        raise UsageError(Problem(what, "prepare.steps", "two features, as in [RM, TAX]"))
    if operation == "cyclic" and wanted.period is None:
        what = f"prepare step derive: cyclic feature `{name}` has no period"
        raise UsageError(Problem(what, "prepare.steps", hint="period: 24 for an hour of the day"))
    unused = [
        option
        for option, owner in (("edges", "bins"), ("quantiles", "bins"), ("period", "cyclic"))
        if operation != owner and getattr(wanted, option) != getattr(specs.Expression(), option)
    ]
    if wanted.edges and wanted.quantiles != specs.Expression().quantiles:
        unused.append("quantiles")
    if unused:
        what = f"prepare step derive: `{unused[0]}` of `{name}` has no effect with {operation}"
        if operation == "bins":
            what += " with edges"
        raise UsageError(Problem(what, "prepare.steps", hint=f"take out {unused[0]}"))
    if list(wanted.edges) != sorted(set(wanted.edges)):
        what = f"prepare step derive: edges of `{name}` are not increasing"
        raise UsageError(Problem(what, "prepare.steps", "increasing edges, each once"))
    return operation, operands


def _ratio(parts: Sequence[Rows], _: Sequence[float], __: float | None) -> Rows:
    """0 where the divisor is 0: the ratio says nothing there."""
    a, b = parts
    return np.divide(a, b, out=np.zeros_like(a), where=b != 0)[:, None]


def _log(parts: Sequence[Rows], _: Sequence[float], __: float | None) -> Rows:
    """log(1 + |x|) with the sign of x, so that any number has one."""
    return (np.sign(parts[0]) * np.log1p(np.abs(parts[0])))[:, None]


def _bins(parts: Sequence[Rows], edges: Sequence[float], _: float | None) -> Rows:
    """The number of the bin, from 0; a hole stays one."""
    numbers = np.searchsorted(np.asarray(edges), parts[0], side="right").astype(np.float64)
    return np.where(np.isfinite(parts[0]), numbers, np.nan)[:, None]


def _cyclic(parts: Sequence[Rows], _: Sequence[float], period: float | None) -> Rows:
    """Sine and cosine of the angle, so that the end of a period lies beside its beginning."""
    angle = 2 * np.pi * parts[0] / (period or 1.0)
    return np.stack([np.sin(angle), np.cos(angle)], axis=1)


_OPERATIONS: dict[str, Callable[[Sequence[Rows], Sequence[float], float | None], Rows]] = {
    "ratio": _ratio,
    "difference": lambda parts, _, __: (parts[0] - parts[1])[:, None],
    "product": lambda parts, _, __: np.prod(parts, axis=0)[:, None],
    "sum": lambda parts, _, __: np.sum(parts, axis=0)[:, None],
    "log": _log,
    "bins": _bins,
    "cyclic": _cyclic,
}


class Select(Featured[specs.Select]):
    """Keeps some features, or drops some."""

    fitted = False

    def fit(self, column: Column) -> State:
        """The places of the features that stay."""
        table = as_table(column, "select")
        if not self.options.keep and not self.options.drop:
            what = "prepare step select selects no feature"
            raise UsageError(Problem(what, "prepare.steps", "keep: [...] or drop: [...]"))
        keep = [_place(name, "select", table.names) for name in self.options.keep]
        drop = {_place(name, "select", table.names) for name in self.options.drop}
        stay = [p for p in keep or range(table.values.shape[1]) if p not in drop]
        if not stay:
            raise UsageError(Problem("prepare step select leaves no feature", "prepare.steps"))
        return {"places": stay}

    def apply(self, column: Column, state: State) -> Column:
        """The table with those features, in that order."""
        table, places = as_table(column, "select"), state["places"]
        names = table.names and tuple(table.names[place] for place in places)
        return Dense(table.values[:, places], names)


class LabelEncode(Featured[specs.LabelEncode]):
    """Categories as whole numbers; all that training did not have share one of their own."""

    def fit(self, column: Column) -> State:
        """The categories of the training rows, sorted."""
        return {"categories": sorted(set(_categories(column)))}

    def apply(self, column: Column, state: State) -> Column:
        """Whole numbers of shape (rows, 1); unknown ones are the number of categories."""
        place = {category: number for number, category in enumerate(state["categories"])}
        unknown = len(place)
        numbers = [place.get(text, unknown) for text in _categories(column)]
        return Dense(np.asarray(numbers, dtype=np.int64)[:, None])


def _categories(column: Column) -> list[str]:
    return texts_of(column, "label_encode", "columns: [...] selects the columns for it")
