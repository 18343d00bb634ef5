"""The preparation steps. Each has `fit` (training rows in, state out) and `apply` (any rows).

A state holds only numbers, lists and texts, so that it can be saved as JSON and read as data.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from ..config.specs import prepare as specs
from ..data.columns import AnyColumn, IdRows, MultiHotRows, kind
from ..data.samples import Ragged
from ..errors import Problem, UsageError

State = dict[str, Any]

START, UNKNOWN, FIRST_WORD = 1, 2, 3
"""Reserved ids, as Keras has them; 0 is padding."""


class Step(Protocol):
    """One preparation step.

    Attributes:
        costly: whether its result is worth keeping in the cache.
        fitted: whether it learns anything from the training rows.
    """

    costly: ClassVar[bool]
    fitted: ClassVar[bool]

    def fit(self, column: AnyColumn) -> State:
        """Learns from training rows."""
        ...

    def apply(self, column: AnyColumn, state: State) -> AnyColumn:
        """Transforms any rows."""
        ...


def _dense(column: AnyColumn, step: str) -> npt.NDArray[Any]:
    if isinstance(column, np.ndarray):
        return column
    raise UsageError(
        Problem(
            f"prepare step {step} got {kind(column)}",
            accepted="the same number of numbers in each row",
            hint="multi_hot or pad turn lists of ids into such rows",
        )
    )


def _ragged(column: AnyColumn, step: str) -> Ragged:
    if isinstance(column, Ragged):
        return column
    hint = "add tokenize before it" if isinstance(column, list) else ""
    raise UsageError(
        Problem(f"prepare step {step} got {kind(column)}", accepted="lists of ids", hint=hint)
    )


class Standardise:
    """(x - mean) / std, feature by feature; a constant feature becomes 0."""

    costly = False
    fitted = True

    def __init__(self, options: specs.Standardise) -> None:
        self.options = options

    def fit(self, column: AnyColumn) -> State:
        """Mean and standard deviation of each feature, in float64."""
        rows = _dense(column, "standardise").astype(np.float64)
        # The mean of equal numbers may be a bit off, which leaves a tiny deviation to divide by.
        constant = rows.max(axis=0) == rows.min(axis=0)
        std = np.where(constant, 0.0, rows.std(axis=0))
        return {"mean": rows.mean(axis=0).tolist(), "std": std.tolist()}

    def apply(self, column: AnyColumn, state: State) -> AnyColumn:
        """Float32 rows of the same shape."""
        std = np.asarray(state["std"])
        rows = _dense(column, "standardise").astype(np.float64)
        scaled = (rows - np.asarray(state["mean"])) / np.where(std == 0, 1.0, std)
        return np.asarray(scaled, dtype=np.float32)


class Scale:
    """x / divide_by, or each feature's training range to [0, 1]."""

    costly = False
    fitted = True

    def __init__(self, options: specs.Scale) -> None:
        self.options = options

    def fit(self, column: AnyColumn) -> State:
        """The offset and width of each feature; nothing where the divisor is given."""
        rows = _dense(column, "scale")
        if self.options.divide_by is not None:
            return {}
        low, high = rows.min(axis=0), rows.max(axis=0)
        return {"low": low.astype(np.float64).tolist(), "high": high.astype(np.float64).tolist()}

    def apply(self, column: AnyColumn, state: State) -> AnyColumn:
        """Float32 rows of the same shape."""
        rows = _dense(column, "scale")
        if self.options.divide_by is not None:
            divisor = np.float32(self.options.divide_by)
            return np.asarray(np.divide(rows, divisor, dtype=np.float32))
        low = np.asarray(state["low"])
        width = np.asarray(state["high"]) - low
        return np.asarray((rows - low) / np.where(width == 0, 1.0, width), dtype=np.float32)


class Flatten:
    """One vector a row."""

    costly = False
    fitted = False

    def __init__(self, options: specs.Flatten) -> None:
        self.options = options

    def fit(self, column: AnyColumn) -> State:  # noqa: ARG002 - there is nothing to learn
        """Learns nothing."""
        return {}

    def apply(self, column: AnyColumn, state: State) -> AnyColumn:  # noqa: ARG002
        """Rows of shape (rows, values)."""
        rows = _dense(column, "flatten")
        return rows.reshape(len(rows), -1)


class MultiHot:
    """Which ids a row contains, kept as the sorted distinct ids."""

    costly = True
    fitted = False

    def __init__(self, options: specs.MultiHot) -> None:
        self.options = options

    def fit(self, column: AnyColumn) -> State:  # noqa: ARG002 - there is nothing to learn
        """Learns nothing."""
        return {}

    def apply(self, column: AnyColumn, state: State) -> AnyColumn:  # noqa: ARG002
        """Sparse rows of zeros and ones.

        Raises:
            UsageError: an id is as large as the size or larger.
        """
        ragged = _ragged(column, "multi_hot")
        size = self.options.size
        largest = int(ragged.values.max(initial=0))
        if largest >= size:
            raise UsageError(
                Problem(
                    f"prepare step multi_hot has size {size:,}, but the data contain id "
                    f"{largest:,}",
                    accepted=f"a size of {largest + 1:,} or more",
                    hint=f"keep fewer words (num_words={size}), or size={largest + 1}",
                )
            )
        return MultiHotRows(_distinct(ragged, size), size)


_CHUNK_ROWS = 4096


def _distinct(ragged: Ragged, size: int) -> Ragged:
    """Each row's distinct values in ascending order: row and value sorted as one number."""
    step = max(1, min(_CHUNK_ROWS, (2**31 - 1) // size))
    values, lengths = [np.zeros(0, np.int32)], [np.zeros(1, np.int64)]
    for start in range(0, len(ragged), step):
        offsets = ragged.offsets[start : start + step + 1]
        count = len(offsets) - 1
        rows = np.repeat(np.arange(count, dtype=np.int32) * size, np.diff(offsets))
        keys = rows + ragged.values[offsets[0] : offsets[-1]].astype(np.int32)
        keys.sort()
        keys = keys[np.diff(keys, prepend=-1) != 0]
        rows = keys // size
        values.append(keys - rows * size)
        lengths.append(np.bincount(rows, minlength=count))
    return Ragged(np.concatenate(values), np.cumsum(np.concatenate(lengths)))


class OneHot:
    """A vector with a single 1 for each whole number."""

    costly = False
    fitted = True

    def __init__(self, options: specs.OneHot) -> None:
        self.options = options

    def fit(self, column: AnyColumn) -> State:
        """How many different values the vector has room for."""
        rows = self._whole(column)
        return {"size": self.options.size or int(rows.max(initial=0)) + 1}

    def apply(self, column: AnyColumn, state: State) -> AnyColumn:
        """Float32 rows of shape (rows, ..., size); values out of range become zeros."""
        rows = self._whole(column)
        return np.asarray(rows[..., None] == np.arange(state["size"]), dtype=np.float32)

    def _whole(self, column: AnyColumn) -> npt.NDArray[Any]:
        rows = _dense(column, "one_hot")
        if not np.issubdtype(rows.dtype, np.integer) and not np.array_equal(rows, np.floor(rows)):
            raise UsageError(
                Problem("prepare step one_hot got fractions", accepted="whole numbers")
            )
        return rows


class Pad:
    """Rows of ids cut or filled with zeros to one length."""

    costly = True
    fitted = True

    def __init__(self, options: specs.Pad) -> None:
        self.options = options

    def fit(self, column: AnyColumn) -> State:
        """The largest id, for the size of an embedding."""
        return {"largest": int(_ragged(column, "pad").values.max(initial=0))}

    def apply(self, column: AnyColumn, state: State) -> AnyColumn:
        """Ids of shape (rows, length); the side says which end is filled and cut.

        Ids larger than any in training become the unknown one.
        """
        ragged = _ragged(column, "pad")
        length, front = self.options.length, self.options.side == "front"
        lengths = ragged.lengths()
        kept = np.minimum(lengths, length)
        first = ragged.offsets[:-1] + (lengths - kept if front else 0)
        rows = np.repeat(np.arange(len(ragged)), kept)
        within = np.arange(kept.sum()) - np.repeat(np.cumsum(kept) - kept, kept)
        out = np.zeros((len(ragged), length), dtype=np.int32)
        column_of = within + (np.repeat(length - kept, kept) if front else 0)
        values = ragged.values[np.repeat(first, kept) + within]
        largest = max(state["largest"], UNKNOWN)
        out[rows, column_of] = np.where(values > largest, UNKNOWN, values)
        return IdRows(out, largest + 1)


_WORD = re.compile(r"[^\s!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~]+")


class Tokenize:
    """Words to ids as Keras' reviews have them: the start mark, then the most frequent words."""

    costly = True
    fitted = True

    def __init__(self, options: specs.Tokenize) -> None:
        self.options = options

    def fit(self, column: AnyColumn) -> State:
        """The vocabulary of the training texts, most frequent first, ties as they appear."""
        counts = Counter(chain.from_iterable(self._words(text) for text in _texts(column)))
        room = self.options.num_words - FIRST_WORD
        return {"words": [word for word, _ in counts.most_common(room)]}

    def apply(self, column: AnyColumn, state: State) -> AnyColumn:
        """Lists of ids, each beginning with the start mark."""
        ids = {word: FIRST_WORD + rank for rank, word in enumerate(state["words"])}
        rows = [
            [START, *(ids.get(word, UNKNOWN) for word in self._words(text))]
            for text in _texts(column)
        ]
        values = np.fromiter(chain.from_iterable(rows), dtype=np.int32)
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        return Ragged(values, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    def _words(self, text: str) -> list[str]:
        return _WORD.findall(text.lower() if self.options.lower else text)


def _texts(column: AnyColumn) -> list[str]:
    if isinstance(column, list):
        return column
    raise UsageError(Problem(f"prepare step tokenize got {kind(column)}", accepted="texts"))
