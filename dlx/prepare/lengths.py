"""Rows of ids cut at one end, or cut and filled to one length."""

from __future__ import annotations

import numpy as np

from ..config.specs import prepare as specs
from ..data.columns import Array, Column, Rows, Sequence
from .steps import UNKNOWN, State, Step, ids_of


def learn_largest(given: Sequence) -> State:
    """The largest id, for the size of an embedding: that there may be, else that there is."""
    return {"largest": given.size - 1 if given.size else int(given.values.max(initial=0))}


def cut_rows(given: Sequence, length: int, last: bool, state: State) -> tuple[Array, Rows, int]:
    """At most so many ids of each row, its first or its last ones.

    Ids larger than any in training become the unknown one.

    Returns:
        The ids end to end, how many each row has, and the number of distinct ids.
    """
    lengths = given.lengths()
    kept = np.minimum(lengths, length)
    first = given.offsets[:-1] + (lengths - kept if last else 0)
    within = np.arange(kept.sum()) - np.repeat(np.cumsum(kept) - kept, kept)
    values = given.values[np.repeat(first, kept) + within]
    largest = max(state["largest"], UNKNOWN)
    return np.where(values > largest, UNKNOWN, values).astype(np.int32), kept, largest + 1


class Pad(Step[specs.Pad]):
    """Rows of ids cut or filled with zeros to one length."""

    costly = True

    def fit(self, column: Column) -> State:
        """How large ids are."""
        return learn_largest(ids_of(column, "pad"))

    def apply(self, column: Column, state: State) -> Column:
        """Ids of shape (rows, length); the options say which end is filled, and which is cut."""
        given, length = ids_of(column, "pad"), self.options.length
        front, cut = self.options.side == "front", self.options.cut or self.options.side
        values, kept, size = cut_rows(given, length, cut == "front", state)
        rows = np.repeat(np.arange(len(given)), kept)
        within = np.arange(len(values)) - np.repeat(np.cumsum(kept) - kept, kept)
        out = np.zeros((len(given), length), dtype=np.int32)
        out[rows, within + (np.repeat(length - kept, kept) if front else 0)] = values
        return Sequence.of_rows(out, size, given.words)


class Truncate(Step[specs.Truncate]):
    """Rows of ids cut to a length at most; they keep their own below it."""

    def fit(self, column: Column) -> State:
        """How large ids are."""
        return learn_largest(ids_of(column, "truncate"))

    def apply(self, column: Column, state: State) -> Column:
        """Lists of ids, none longer than the length."""
        given, last = ids_of(column, "truncate"), self.options.keep == "last"
        values, kept, size = cut_rows(given, self.options.length, last, state)
        offsets = np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)
        return Sequence(values, offsets, size, given.words)
