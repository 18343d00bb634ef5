"""Rows of numbers, all of one shape: tables, images, class ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from ...config.names import plural
from ...errors import Problem, UsageError
from ..profile import WIDE, Profile, of_many, of_numbers, of_texts
from ..unlike import PICTURE, PICTURES, Unlike, beyond, describe_pictures, evenly, limits_of
from .base import Array, Input, Numeric, Rows, Shown


@dataclass(frozen=True, eq=False)
class Dense(Numeric):
    """Rows of numbers, all of one shape; to NumPy it is an array.

    Attributes:
        values: shape (rows, ...).
        names: of the features, where they have any.
    """

    kind: ClassVar[str] = "dense"
    held: ClassVar[str] = "dlx.sources.held:HeldDense"

    values: Array
    names: tuple[str, ...] = ()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.values, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def holds(self) -> str:
        """What it holds, in words."""
        return f"numbers of shape {('rows', *self.values.shape[1:])}".replace("'", "")

    @property
    def is_table(self) -> bool:
        """Whether each row is numbers side by side."""
        return self.values.ndim == 2 and self.values.dtype.kind in "fiub"

    @property
    def features(self) -> tuple[str, ...]:
        """Names of a table's features; their numbers where they have none."""
        return self.names or tuple(map(str, range(self.values.shape[1])))

    def take(self, rows: Rows) -> Self:
        """These rows, in this order."""
        return type(self)(self.values[rows], self.names)

    def hashes(self, rows: Rows) -> list[bytes]:
        """The bytes of each of these rows."""
        values = np.asarray(self.values)  # a mapped array takes ten times as long for a row
        return [values[row].tobytes() for row in rows.tolist()]

    def describe(self) -> Input:
        """Numbers of the shape of a row."""
        return Input("dense", self.values.shape[1:])

    def show(self, row: int) -> Shown:
        """A picture where a row has two or three dimensions, the last of three its colours."""
        values = np.asarray(self.values[row])
        if values.ndim in (2, 3):
            return Shown("image", np.moveaxis(np.atleast_3d(values), 2, 0))
        if values.ndim > 1:
            return Shown("row", {})
        names = self.features if values.ndim else ("",)
        pairs = zip(names, values.ravel(), strict=True)
        return Shown("row", {name: float(value) for name, value in pairs})

    def name_features(self, names: tuple[str, ...], words: tuple[str, ...]) -> Self:  # noqa: ARG002
        """The column with these names, where it has none of its own."""
        return self if self.names else type(self)(self.values, names)

    def profile(self, name: str) -> Iterator[Profile]:
        """Each feature of a narrow table; of what is wider, the whole."""
        values = self.values
        if values.dtype.kind not in "fiub":
            yield of_texts(name, [str(cell) for cell in values])
        elif values.ndim == 1:
            yield of_numbers(name, "", values.astype(np.float64))
        elif values.ndim == 2 and values.shape[1] <= WIDE:
            for feature, column in zip(self.features, values.T, strict=True):
                yield of_numbers(name, feature, column.astype(np.float64))
        else:
            yield of_many(name, values)

    def remember(self, rows: Rows) -> dict[str, Array]:
        """The range of each feature; of pictures those of brightness and contrast."""
        if self.values.dtype.kind not in "fiub":
            return {}
        return limits_of(type(self)(self.values[self._looked_at(rows)], self.names)._compared())

    def compare(self, known: Mapping[str, Array]) -> Unlike | None:
        """How far out of these ranges each row lies."""
        names = (
            PICTURE if self.values.ndim > 2 else self.features if self.values.ndim > 1 else ("",)
        )
        return beyond(self._compared(), names, known)

    def _looked_at(self, rows: Rows) -> Rows:
        return evenly(rows, PICTURES) if self.values.ndim > 2 else rows

    def _compared(self) -> Array:
        if self.values.ndim > 2:
            return describe_pictures(self.values)
        return self.values.reshape(len(self), -1)

    def missing(self) -> int:
        """How many numbers are missing (NaN)."""
        return int(np.isnan(self.values).sum()) if self.values.dtype.kind == "f" else 0

    def check(self, when: str = "", missing_allowed: bool = False) -> None:
        """Refuses numbers that are missing (NaN) or infinite."""
        rows = self.unusable(missing_allowed)
        if len(rows):
            raise self.refusal(when, plural(len(rows), "row"), f"first in row {rows[0]}")

    def unusable(self, missing_allowed: bool) -> Rows:
        """The rows with numbers that are infinite, or missing (NaN) where that is not allowed."""
        if self.values.dtype.kind != "f":
            return np.zeros(0, dtype=np.int64)
        wrong = np.isinf(self.values) if missing_allowed else ~np.isfinite(self.values)
        return np.flatnonzero(wrong.reshape(len(self), -1).any(axis=1))

    def refusal(self, when: str, many: str, first: str) -> UsageError:
        """What to say of unusable numbers: in how many rows, and where the first is."""
        what = f"has missing (NaN) or infinite values{when} in {many}"
        fill = "{name: impute}, early in prepare.steps, fills missing values"
        hint = f"{fill} (also those of copies)" if self.missing() else ""
        return UsageError(Problem(what, first, "numbers", hint))

    def ready(self) -> Self:
        """The numbers as float32, all of them finite."""
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
            values = np.ascontiguousarray(self.values, dtype=np.float32)
        found = type(self)(values, self.names)
        found.check(" after preparation")
        return found

    def moments(self) -> tuple[Array, Array]:
        """Mean and standard deviation of each number of a row; of equal numbers exactly 0."""
        rows = self.values.astype(np.float64)
        # The mean of equal numbers may be a bit off, which leaves a tiny deviation to divide by.
        constant = rows.max(axis=0) == rows.min(axis=0)
        return rows.mean(axis=0), np.where(constant, 0.0, rows.std(axis=0))

    def limits(self) -> tuple[Array, Array]:
        """The smallest and the largest value of each number of a row."""
        low, high = self.values.min(axis=0), self.values.max(axis=0)
        return low.astype(np.float64), high.astype(np.float64)

    def divide(self, by: float) -> Self:
        """Float32 rows, every number divided by one."""
        return replace(self, values=np.divide(self.values, np.float32(by), dtype=np.float32))

    def rescale(self, offset: Array, width: Array) -> Self:
        """Float32 rows, computed in double precision."""
        scaled = np.subtract(self.values, offset, dtype=np.float64) / width
        return replace(self, values=np.asarray(scaled, dtype=np.float32))
