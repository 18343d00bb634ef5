"""Rows of a table as they were read, as one matrix of numbers; no preparation has touched them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .columns import Categories, Column, Dense, Rows

Floats = npt.NDArray[np.float64]

MOST_VALUES = 250
"""Categories of a column that are told apart: the most frequent, the others are as if missing."""


@dataclass(frozen=True)
class Field:
    """One column of the matrix.

    Attributes:
        input: column of the frame that it is from.
        place: which of that one's features it is.
        name: of the feature.
        values: the categories, by their codes; None of numbers.
    """

    input: str
    place: int
    name: str
    values: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Reading:
    """How rows become a matrix: the categories first, as codes of those of the training rows.

    Attributes:
        fields: the matrix's columns.
        left: inputs that are no columns of a table, as a text.
    """

    fields: tuple[Field, ...]
    left: tuple[str, ...] = ()

    @classmethod
    def learn(cls, columns: Mapping[str, Column], inputs: Sequence[str], train: Rows) -> Self:
        """How to read some inputs, with the categories that training rows have."""
        told = {name: fields_of(name, columns[name], train) for name in inputs}
        every = [one for found in told.values() for one in found]
        every.sort(key=lambda one: one.values is None)
        return cls(tuple(every), tuple(name for name, found in told.items() if not found))

    @property
    def categories(self) -> int:
        """How many of the columns are of categories."""
        return sum(one.values is not None for one in self.fields)

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def restore(cls, plain: Mapping[str, Any]) -> Self:
        """A reading that was kept.

        Raises:
            ValueError: it is none.
        """
        try:
            fields = [_restore_field(one) for one in plain["fields"]]
            return cls(tuple(fields), tuple(map(str, plain["left"])))
        except (KeyError, TypeError) as error:
            raise ValueError("no description of the columns that boosted trees read") from error

    def matrix(self, columns: Mapping[str, Column], rows: Rows) -> Floats:
        """Some rows, (rows, columns) float64; what is missing or of no known category is NaN."""
        found = np.full((len(rows), len(self.fields)), np.nan)
        taken = {name: columns[name].take(rows) for name in {one.input for one in self.fields}}
        for at, one in enumerate(self.fields):
            column = taken[one.input]
            found[:, at] = (
                _numbers(column)[:, one.place] if one.values is None else _codes(column, one)
            )
        return found


def _restore_field(plain: Mapping[str, Any]) -> Field:
    values = plain["values"]
    known = None if values is None else tuple(map(str, values))
    return Field(str(plain["input"]), int(plain["place"]), str(plain["name"]), known)


def fields_of(name: str, column: Column, train: Rows) -> list[Field]:
    """The columns that an input of a table has; none of what is no table."""
    if isinstance(column, Categories):
        counted = column.take(train)
        return [
            Field(name, place, one, _most_frequent(counted, place))
            for place, one in enumerate(column.names)
        ]
    if isinstance(column, Dense) and column.values.ndim == 1:
        return [Field(name, 0, name)]
    if isinstance(column, Dense) and column.is_table:
        return [Field(name, place, one) for place, one in enumerate(column.features)]
    return []


def is_table(columns: Mapping[str, Column], inputs: Sequence[str]) -> bool:
    """Whether some input is numbers or categories side by side."""
    none = np.zeros(0, dtype=np.int64)
    return any(fields_of(name, columns[name], none) for name in inputs)


def _numbers(column: Column) -> Floats:
    assert isinstance(column, Dense)
    values = np.asarray(column.values, dtype=np.float64)
    return values.reshape(len(values), -1)


def _most_frequent(column: Categories, place: int) -> tuple[str, ...]:
    """The categories of a column that rows have, the most frequent first, ties by their text."""
    values = column.values[place]
    counts = np.bincount(column.codes[:, place], minlength=len(values))
    order = sorted(np.flatnonzero(counts).tolist(), key=lambda code: (-counts[code], values[code]))
    return tuple(values[code] for code in order[:MOST_VALUES])


def _codes(column: Column, one: Field) -> Floats:
    """The codes of the categories that are known."""
    assert isinstance(column, Categories)
    assert one.values is not None
    known = {value: float(code) for code, value in enumerate(one.values)}
    own = np.array([known.get(value, np.nan) for value in column.values[one.place]])
    return own[column.codes[:, one.place]]
