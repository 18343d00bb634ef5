"""The chain of preparation steps over the input columns of a dataset."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..config.fields import Chosen, to_plain
from ..config.specs import STEPS
from ..data.cache import Cache
from ..data.code import code_digest
from ..data.columns import AnyColumn, IdRows, MultiHotRows, kind, take
from ..data.samples import Ragged, Rows, Samples
from ..errors import Problem, UsageError
from .features import Featured

LAYOUT = 2
"""Part of the cache's key: raised whenever what is kept beside the columns changes."""


@dataclass(frozen=True)
class FittedStep:
    """One step on one column, with what it learnt from the training rows."""

    name: str
    column: str
    options: dict[str, Any]
    state: dict[str, Any]


@dataclass(frozen=True)
class Prepared:
    """Input columns ready for a model, for every row of the dataset.

    Attributes:
        columns: name -> float32 rows, multi-hot rows or rows of ids.
        steps: what was done, in order, and learnt.
    """

    columns: dict[str, AnyColumn]
    steps: tuple[FittedStep, ...]


def prepare(
    steps: Sequence[Chosen], samples: Samples, train: Rows, cache: Cache | None = None
) -> Prepared:
    """Fits each step on the training rows and applies it to all rows.

    Args:
        steps: the steps, in order.
        samples: the dataset.
        train: the rows that may be learnt from.
        cache: where costly results are kept between runs.

    Raises:
        UsageError: a step cannot take the column it is given, or the result has holes (NaN) or
            rows of different length.
    """
    columns: dict[str, AnyColumn] = {}
    fitted: list[FittedStep] = []
    for name in samples.inputs:
        mine = [s for s in steps if not s.options.columns or name in s.options.columns]
        column, learnt = _chain(mine, name, samples, train, cache)
        columns[name] = _checked(column, name)
        fitted.extend(learnt)
    return Prepared(columns, tuple(fitted))


def _chain(
    steps: Sequence[Chosen], name: str, samples: Samples, train: Rows, cache: Cache | None
) -> tuple[AnyColumn, list[FittedStep]]:
    """Runs the steps on one column; what costly ones gave last time is taken from the cache."""
    column: AnyColumn = samples.columns[name]
    learnt: list[FittedStep] = []
    built = [step.load()(step.options) for step in steps]
    last_costly = max((i for i, step in enumerate(built) if step.costly), default=-1)
    key = _key(steps[: last_costly + 1], name, samples, train)
    cache = cache if key else None
    names = samples.features.get(name, ())
    start = 0
    if cache is not None and (found := cache.load(key)) is not None:
        column, states, names = found.columns[name], found.meta["states"], found.meta["names"]
        learnt = [_fitted(s, name, state) for s, state in zip(steps, states, strict=False)]
        start = last_costly + 1
    if not steps:
        _check_holes(column, name, "")
    for index in range(start, len(steps)):
        step = built[index]
        if isinstance(step, Featured):
            step.features = names
        # Any other step would spread a hole over all rows.
        _check_holes(column, name, "", missing_allowed=isinstance(step, Featured))
        before = _shape_of_a_row(column)
        state = step.fit(take(column, train) if step.fitted else column)
        column = step.apply(column, state)
        if isinstance(step, Featured):
            names = step.features_after(state)
        elif _shape_of_a_row(column) != before:
            names = ()  # they are no longer the features that had these names
        learnt.append(_fitted(steps[index], name, state))
        if cache is not None and index == last_costly:
            states = [s.state for s in learnt]
            cache.store(key, {name: column}, {"states": states, "names": names})
    return column, learnt


def _shape_of_a_row(column: AnyColumn) -> tuple[int, ...]:
    return column.shape[1:] if isinstance(column, np.ndarray) else ()


def _fitted(step: Chosen, column: str, state: dict[str, Any]) -> FittedStep:
    options = {k: v for k, v in to_plain(step.options).items() if k != "columns"}
    return FittedStep(step.name, column, options, state)


def _key(steps: Sequence[Chosen], name: str, samples: Samples, train: Rows) -> str:
    """What the cache knows a column by; "" where there is nothing to keep, or no telling."""
    code = [code_digest(step.target) for step in steps]
    if not steps or not samples.key or not all(code):
        return ""
    targets = [step.target for step in steps]
    facts = [LAYOUT, samples.key, name, to_plain(list(steps)), targets, code]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    if any(step.load().fitted for step in steps):
        digest.update(np.ascontiguousarray(train).tobytes())
    return digest.hexdigest()


def _checked(column: AnyColumn, name: str) -> AnyColumn:
    if isinstance(column, (MultiHotRows, IdRows)):
        return column
    if isinstance(column, list):
        raise UsageError(
            Problem(
                f"input {name} still contains texts after preparation",
                accepted="numbers",
                hint="add {name: tokenize} and {name: multi_hot} to prepare.steps",
            )
        )
    if isinstance(column, Ragged):
        raise UsageError(
            Problem(
                f"input {name} holds {kind(column)} of different lengths after preparation",
                accepted="rows of the same length",
                hint="add {name: multi_hot} or {name: pad} to prepare.steps",
            )
        )
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
        dense = np.ascontiguousarray(column, dtype=np.float32)
    _check_holes(dense, name, " after preparation")
    return dense


def _check_holes(column: AnyColumn, name: str, when: str, missing_allowed: bool = False) -> None:
    """Refuses numbers that are missing (NaN) or infinite."""
    if not isinstance(column, np.ndarray) or column.dtype.kind != "f":
        return
    wrong = np.isinf(column) if missing_allowed else ~np.isfinite(column)
    holes = wrong.reshape(len(column), -1).any(axis=1)
    if holes.any():
        rows = np.flatnonzero(holes)
        hint = "{name: impute}, early in prepare.steps, fills missing values (also those of copies)"
        raise UsageError(
            Problem(
                f"input {name} has missing (NaN) or infinite values{when} "
                f"in {len(rows):,} row{'s' if len(rows) > 1 else ''}",
                f"first in row {rows[0]}",
                "numbers",
                hint if np.isnan(column).any() else "",
            )
        )


def reapply(steps: Sequence[FittedStep], samples: Samples) -> Prepared:
    """Applies steps that were fitted earlier, as a run folder holds them.

    Args:
        steps: in order, with what they learnt.
        samples: the dataset.

    Raises:
        UsageError: a step is not known, or cannot take the column it is given.
    """
    columns: dict[str, AnyColumn] = {}
    for name in samples.inputs:
        column: AnyColumn = samples.columns[name]
        for step in steps:
            if step.column == name:
                entry = STEPS.entries.get(step.name)
                if entry is None:
                    raise UsageError(Problem(f"there is no prepare step `{step.name}`"))
                built = Chosen(step.name, entry.options(**step.options), entry.target)
                column = built.load()(built.options).apply(column, step.state)
        columns[name] = _checked(column, name)
    return Prepared(columns, tuple(steps))
