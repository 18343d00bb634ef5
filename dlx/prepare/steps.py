"""The preparation steps. Each has `fit` (training rows in, state out) and `apply` (any rows).

A state holds only numbers, lists and texts, so that it can be saved as JSON and read as data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from ..config.specs import prepare as specs
from ..data.columns import (
    Array,
    Column,
    Dense,
    Numeric,
    Rows,
    Sequence,
    Text,
    as_column,
)
from ..errors import Problem, UsageError

State = dict[str, Any]
Options = TypeVar("Options")

START, UNKNOWN = 1, 2
"""Reserved ids, as Keras has them; 0 is padding."""


class Step(ABC, Generic[Options]):
    """One preparation step.

    Attributes:
        costly: whether its result is worth keeping in the cache.
        fitted: whether it learns anything from the training rows, with its options.
        takes_missing: whether it sees missing values (NaN); where it does not, it is given none.
        on_tables: whether it works on each row of a table alone, so that of windows over a series
            it is given the steps, each once.
    """

    costly: ClassVar[bool] = False
    fitted: bool = True
    takes_missing: ClassVar[bool] = False
    on_tables: ClassVar[bool] = False

    def __init__(self, options: Options) -> None:
        self.options = options

    def fit(self, column: Column) -> State:  # noqa: ARG002
        """Learns from training rows; nothing where a step does not say what."""
        return {}

    @abstractmethod
    def apply(self, column: Column, state: State) -> Column:
        """Transforms any rows."""

    def remarks(self, state: State) -> list[str]:  # noqa: ARG002
        """What of what it learnt is worth a word, as sentences without a stop."""
        return []

    def counts(self, state: State) -> dict[str, int]:  # noqa: ARG002
        """What it counted in the training rows, by name."""
        return {}

    def unknown(self, column: Column, state: State) -> Array | None:  # noqa: ARG002
        """Which share of each row's words it does not know; None where it knows no words."""
        return None


@dataclass(frozen=True)
class Labels:
    """What a target says of some rows.

    Attributes:
        ids: of their classes, (rows,).
        classes: the name of each class.
    """

    ids: Array
    classes: tuple[str, ...]

    def take(self, rows: Rows) -> Labels:
        """Those of some of the rows."""
        return Labels(self.ids[rows], self.classes)


class StepOnTarget(Step[Options]):
    """A step that learns from training rows and from what a target says of them.

    Its options are `dlx.config.specs.prepare.OnTarget`.
    """

    @abstractmethod
    def fit_to(self, column: Column, labels: Labels) -> State:
        """Learns from training rows; the labels are those of the same rows."""


def fit_apply_step(
    step: Step[Any], column: Column, train: Rows, labels: Labels | None = None
) -> tuple[State, Column]:
    """What a step learns from some rows, and what it makes of all.

    A step may have a method `fit_apply(column, train)` that does both in one pass. The labels, of
    all rows, are for a step that learns from a target.
    """
    if isinstance(step, StepOnTarget):
        assert labels is not None, "of the target that its options choose"
        learnt = step.fit_to(column.take(train), labels.take(train))
        return learnt, apply_step(step, column, learnt)
    if both := getattr(step, "fit_apply", None):
        state, made = both(column, train)
        return state, as_column(made)
    learnt = fit_step(step, column.take(train) if step.fitted else column)
    return learnt, apply_step(step, column, learnt)


def fit_step(step: Step[Any], column: Column) -> State:
    """What a step learns from a column of training rows."""
    return step.fit(column.table() if _on_tables(step) else column)


def apply_step(step: Step[Any], column: Column, state: State) -> Column:
    """What a step makes of a column, by what it learnt."""
    if not _on_tables(step):
        return as_column(step.apply(column, state))
    return column.with_table(as_column(step.apply(column.table(), state)))


def _on_tables(step: Step[Any]) -> bool:
    return getattr(step, "on_tables", False)


def _dense(column: Column, step: str) -> Dense:
    if isinstance(column, Dense):
        return column
    raise _no_numbers(column, step)


def _numbers(column: Column, step: str) -> Numeric:
    if isinstance(column, Numeric):
        return column
    raise _no_numbers(column, step)


def _no_numbers(column: Column, step: str) -> UsageError:
    hint = "multi_hot or pad turn lists of ids into such rows"
    return other_kind(column, step, "the same number of numbers in each row", hint)


def ids_of(column: Column, step: str) -> Sequence:
    """The lists of ids of a column.

    Raises:
        UsageError: it holds something else.
    """
    if isinstance(column, Sequence) and column.length is None:
        return column
    hint = "add tokenize before it" if isinstance(column, Text) else ""
    if isinstance(column, Sequence):
        hint = "leave it out, or the step before it that made rows of one length"
    raise other_kind(column, step, "lists of ids", hint)


def texts_of(column: Column, step: str, hint: str = "") -> list[str]:
    """The texts of a column.

    Raises:
        UsageError: it holds something else.
    """
    if isinstance(column, Text):
        return column.values
    raise other_kind(column, step, "texts", hint)


def other_kind(column: Column, step: str, accepted: str, hint: str) -> UsageError:
    """Tells that a step cannot take a column."""
    what = f"prepare step {step} got {column.holds}"
    if column.instead:
        return UsageError(Problem(what, hint=column.instead))
    return UsageError(Problem(what, "", accepted, hint))


class Standardise(Step[specs.Standardise]):
    """(x - mean) / std, feature by feature; a constant feature becomes 0."""

    on_tables = True

    def fit(self, column: Column) -> State:
        """Mean and standard deviation of each feature, in float64."""
        mean, std = _numbers(column, "standardise").moments()
        return {"mean": mean.tolist(), "std": std.tolist()}

    def apply(self, column: Column, state: State) -> Column:
        """Rows of the same shape."""
        std, given = np.asarray(state["std"]), _numbers(column, "standardise")
        return given.rescale(np.asarray(state["mean"]), np.where(std == 0, 1.0, std))


class Scale(Step[specs.Scale]):
    """x / divide_by, or each feature's training range to [0, 1]."""

    on_tables = True

    def fit(self, column: Column) -> State:
        """The range of each feature; nothing where the divisor is given."""
        given = _numbers(column, "scale")
        if self.options.divide_by is not None:
            return {}
        low, high = given.limits()
        return {"low": low.tolist(), "high": high.tolist()}

    def apply(self, column: Column, state: State) -> Column:
        """Rows of the same shape."""
        given = _numbers(column, "scale")
        if self.options.divide_by is not None:
            return given.divide(self.options.divide_by)
        low = np.asarray(state["low"])
        width = np.asarray(state["high"]) - low
        return given.rescale(low, np.where(width == 0, 1.0, width))


class Flatten(Step[specs.Flatten]):
    """One vector a row."""

    fitted = False

    def apply(self, column: Column, state: State) -> Column:  # noqa: ARG002
        """Rows of shape (rows, values)."""
        given = _dense(column, "flatten")
        flat = given.values.reshape(len(given), -1)
        return Dense(flat, given.names if flat.shape == given.values.shape else ())


_MOST_NUMBERS = 2**31
"""Of all rows written out: 8 GiB."""


class OneHot(Step[specs.OneHot]):
    """A vector with a single 1 for each whole number; of ids in order, zeros for padding."""

    def fit(self, column: Column) -> State:
        """How many different values the vector has room for."""
        rows = self._require_whole(column)
        known = column.size if isinstance(column, Sequence) else int(rows.max(initial=0)) + 1
        return {"size": self.options.size or known}

    def apply(self, column: Column, state: State) -> Column:
        """Float32 rows of shape (rows, ..., size); values out of range become zeros.

        Raises:
            UsageError: they would take more memory than any machine should give to them.
        """
        rows = self._require_whole(column)
        if rows.size * state["size"] > _MOST_NUMBERS:
            what = " x ".join(f"{size:,}" for size in (*rows.shape, state["size"]))
            what = f"prepare step one_hot would make {what} numbers"
            hint = "remove it, and begin model.layers with {embedding: 32}"
            raise UsageError(Problem(what, "", f"at most {_MOST_NUMBERS:,}", hint))
        marks = rows[..., None] == np.arange(state["size"])
        if isinstance(column, Sequence):
            marks[rows == 0] = False
        return Dense(marks.astype(np.float32))

    def _require_whole(self, column: Column) -> npt.NDArray[Any]:
        if isinstance(column, Sequence) and column.length is not None:
            return column.rows()
        if isinstance(column, Sequence):
            hint = "add {name: pad} before it"
            raise other_kind(column, "one_hot", "whole numbers, or rows of ids of one length", hint)
        rows = _dense(column, "one_hot").values
        if not np.issubdtype(rows.dtype, np.integer) and not np.array_equal(rows, np.floor(rows)):
            what = "prepare step one_hot got fractions"
            raise UsageError(Problem(what, accepted="whole numbers"))
        return rows
