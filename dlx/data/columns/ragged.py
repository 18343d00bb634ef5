"""Rows of different length, laid end to end: ids in order, and which positions are set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from ...errors import Problem, UsageError
from ..profile import Profile, of_ids
from ..unlike import Unlike, beyond, limits_of
from .base import Array, Column, Input, Rows, Shown


def _places(offsets: Rows, rows: Rows) -> tuple[Rows, Rows]:
    """Where the values of some rows lie, in this order, and the offsets that they then have."""
    lengths = np.diff(offsets)[rows]
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    within = np.arange(ends[-1]) - np.repeat(ends[:-1], lengths)
    return np.repeat(offsets[rows], lengths) + within, ends


def _row_bytes(values: Array, offsets: Rows, rows: Rows) -> list[bytes]:
    whole = np.ascontiguousarray(values).tobytes()
    ends = (offsets * values.itemsize).tolist()
    return [whole[ends[row] : ends[row + 1]] for row in rows.tolist()]


@dataclass(frozen=True, eq=False)
class Sequence(Column):
    """Rows of ids in order.

    Attributes:
        values: all rows' ids end to end, shape (total,).
        offsets: where each row begins, and the end of the last, shape (rows + 1,), int64.
        size: number of distinct ids, one more than the largest possible; 0 where nobody knows.
        words: the word of each id, for showing rows.
        length: of every row, where they were made to have the same; None elsewhere.
    """

    kind: ClassVar[str] = "sequence"
    held: ClassVar[str] = "dlx.sources.held:HeldIds"

    values: Array
    offsets: Rows
    size: int = 0
    words: tuple[str, ...] = ()
    length: int | None = None

    @classmethod
    def of_rows(cls, ids: Array, size: int, words: tuple[str, ...] = ()) -> Self:
        """Rows of one length: ids of shape (rows, length), so many distinct ones."""
        rows, length = ids.shape
        offsets = np.arange(rows + 1, dtype=np.int64) * length
        return cls(ids.reshape(-1), offsets, size, words, length)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def holds(self) -> str:
        """What it holds, in words."""
        return "lists of ids" if self.length is None else "rows of ids"

    def rows(self) -> Array:
        """The ids of rows of one length, shape (rows, length)."""
        return self.values.reshape(len(self), self.length or 0)

    def row(self, index: int) -> Array:
        """The ids of one row."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def lengths(self) -> Rows:
        """How many ids each row has."""
        return np.diff(self.offsets)

    def remember(self, rows: Rows) -> dict[str, Array]:
        """The range of the lengths."""
        return limits_of(self.lengths()[rows].reshape(-1, 1))

    def compare(self, known: Mapping[str, Array]) -> Unlike | None:
        """How far out of the range the length of each row lies."""
        return beyond(self.lengths().reshape(-1, 1), ("length",), known)

    def take(self, rows: Rows) -> Self:
        """These rows, in this order."""
        if self.length is not None:
            return self.of_rows(self.rows()[rows], self.size, self.words)
        places, offsets = _places(self.offsets, rows)
        return type(self)(self.values[places], offsets, self.size, self.words)

    def hashes(self, rows: Rows) -> list[bytes]:
        """The bytes of each of these rows."""
        return _row_bytes(self.values, self.offsets, rows)

    def describe(self) -> Input:
        """So many ids a row, or another number in each."""
        if self.length is not None:
            return Input("ids", (self.length,), self.size, words=self.words)
        if not self.size:
            what = "holds lists of ids after preparation, and nobody says how many ids there are"
            hint = "add {name: truncate}, {name: pad} or {name: multi_hot} to prepare.steps"
            raise UsageError(
                Problem(what, "", "a step that learns it from the training rows", hint)
            )
        longest = int(self.lengths().max(initial=1))
        return Input("ids", (0,), self.size, True, longest, self.words)

    def show(self, row: int) -> Shown:
        """The row's words; of an id without one, the number."""
        words = self.words
        ids = self.row(row).tolist()
        return Shown("text", " ".join(words[i] if i < len(words) else str(i) for i in ids))

    def name_features(self, names: tuple[str, ...], words: tuple[str, ...]) -> Self:  # noqa: ARG002
        """The column with these words, where it has none of its own."""
        if self.words:
            return self
        return type(self)(self.values, self.offsets, self.size, words, self.length)

    def profile(self, name: str) -> Iterator[Profile]:
        """How long rows are, and which id is the most frequent."""
        yield of_ids(name, self.values, self.lengths(), self.words)


@dataclass(frozen=True, eq=False)
class Sparse(Column):
    """Rows of zeros with a few other numbers, as the positions of those.

    Attributes:
        indices: each row's positions end to end, ascending and distinct.
        offsets: where each row begins, and the end of the last, shape (rows + 1,), int64.
        size: length of a row once it is written out.
        weights: the number at each position, of the shape of `indices`; None: 1 everywhere.
        words: what each position stands for, where that is known.
    """

    kind: ClassVar[str] = "sparse"
    held: ClassVar[str] = "dlx.sources.held:HeldSparse"

    indices: npt.NDArray[np.int32]
    offsets: Rows
    size: int
    weights: npt.NDArray[np.float32] | None = None
    words: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def holds(self) -> str:
        """What it holds, in words."""
        return "multi-hot rows" if self.weights is None else "multi-hot rows with weights"

    def take(self, rows: Rows) -> Self:
        """These rows, in this order."""
        places, offsets = _places(self.offsets, rows)
        weights = None if self.weights is None else self.weights[places]
        return type(self)(self.indices[places], offsets, self.size, weights, self.words)

    def hashes(self, rows: Rows) -> list[bytes]:
        """The bytes of each of these rows' positions, and of their weights."""
        places = _row_bytes(self.indices, self.offsets, rows)
        if self.weights is None:
            return places
        weights = _row_bytes(self.weights, self.offsets, rows)
        return [place + weight for place, weight in zip(places, weights, strict=True)]

    def describe(self) -> Input:
        """Which of so many positions are set."""
        return Input("multi_hot", (self.size,))

    def show(self, row: int) -> Shown:
        """What the positions that are set stand for, and the weight of each."""
        within = slice(self.offsets[row], self.offsets[row + 1])
        names = map(self.name, self.indices[within].tolist())
        if self.weights is None:
            return Shown("row", dict.fromkeys(names, 1.0))
        return Shown("row", dict(zip(names, self.weights[within].tolist(), strict=True)))

    def name(self, place: int) -> str:
        """What a position stands for, else its number."""
        return self.words[place] if place < len(self.words) else str(place)
