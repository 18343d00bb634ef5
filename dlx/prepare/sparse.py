"""Steps that make or weigh multi-hot rows: rows of zeros with a few other numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..config.specs import prepare as specs
from ..data.columns import Array, Column, Rows, Sequence, Sparse
from ..errors import Problem, UsageError
from .steps import Labels, State, Step, StepOnTarget, ids_of, other_kind

Floats = npt.NDArray[np.float64]


class MultiHot(Step[specs.MultiHot]):
    """Which ids a row contains, kept as the sorted distinct ids; how often, or TF-IDF."""

    costly = True

    def __init__(self, options: specs.MultiHot) -> None:
        super().__init__(options)
        self.fitted = options.mode == "tf_idf"

    def fit(self, column: Column) -> State:
        """For TF-IDF how many rows there are, and how many of them contain each id."""
        if not self.fitted:
            return {}
        ids, _, _ = self._count(column)
        counts = np.bincount(ids, minlength=self.options.size)
        return {"rows": len(column), "rows_with": counts.tolist()}

    def apply(self, column: Column, state: State) -> Column:
        """Sparse rows of ones, or with weights.

        TF-IDF is as scikit-learn's TfidfTransformer has it by default: the count times
        ln((1 + rows) / (1 + rows with the id)) + 1, then each row divided by its Euclidean length.

        Raises:
            UsageError: an id is as large as the size or larger.
        """
        ids, counts, offsets = self._count(column)
        words = ids_of(column, "multi_hot").words
        found = Sparse(ids, offsets, self.options.size, words=words)
        if self.options.mode == "binary":
            return found
        weights = 1 + np.log(counts) if self.options.sublinear else counts.astype(np.float64)
        if self.options.mode == "tf_idf":
            known = np.asarray(state["rows_with"], np.float64)
            weights *= (np.log((1 + state["rows"]) / (1 + known)) + 1)[ids]
            weights = _of_length_one(weights, offsets)
        return replace(found, weights=weights.astype(np.float32))

    def _count(self, column: Column) -> tuple[Array, Array, Rows]:
        """Each row's distinct ids in ascending order, how often each occurs, and offsets."""
        given, size = ids_of(column, "multi_hot"), self.options.size
        largest = int(given.values.max(initial=0))
        if largest >= size:
            what = f"prepare step multi_hot has size {size:,}, but the data contain id {largest:,}"
            hint = f"keep fewer words (num_words={size}), or size={largest + 1}"
            raise UsageError(Problem(what, "", f"a size of {largest + 1:,} or more", hint))
        pieces = list(_distinct(given, size))
        ids = np.concatenate([np.zeros(0, np.int32), *(one for one, _, _ in pieces)])
        counts = np.concatenate([np.zeros(0, np.int64), *(one for _, one, _ in pieces)])
        lengths = np.concatenate([np.zeros(1, np.int64), *(one for _, _, one in pieces)])
        return ids, counts, np.cumsum(lengths)


_CHUNK_ROWS = 4096


def _distinct(rows_of_ids: Sequence, size: int) -> Iterator[tuple[Array, Array, Rows]]:
    """Distinct ids, counts and lengths of some rows at a time: row and id sorted as one number."""
    step = max(1, min(_CHUNK_ROWS, (2**31 - 1) // size))
    for start in range(0, len(rows_of_ids), step):
        offsets = rows_of_ids.offsets[start : start + step + 1]
        count = len(offsets) - 1
        rows = np.repeat(np.arange(count, dtype=np.int32) * size, np.diff(offsets))
        keys = rows + rows_of_ids.values[offsets[0] : offsets[-1]].astype(np.int32)
        keys.sort()
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        counts = np.diff(first, append=len(keys))
        keys = keys[first]
        rows = keys // size
        yield keys - rows * size, counts, np.bincount(rows, minlength=count)


def _of_length_one(weights: Floats, offsets: Rows) -> Floats:
    """Each row divided by its Euclidean length."""
    lengths = np.diff(offsets)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    squares = np.bincount(rows, weights * weights, minlength=len(lengths))
    found: Floats = weights / np.sqrt(squares)[rows]
    return found


class NaiveBayes(StepOnTarget[specs.NaiveBayes]):
    """Each position by how much it speaks for one of two classes (Wang and Manning, 2012).

    The log-count ratio of "Baselines and Bigrams" (https://aclanthology.org/P12-2018): with
    p = alpha + the number of rows of the second class that have the position, and q that of the
    first, ln((p / sum of p) / (q / sum of q)).
    """

    costly = True

    def fit_to(self, column: Column, labels: Labels) -> State:
        """How many rows of each class have each position."""
        given = _sparse(column)
        lengths = np.diff(given.offsets)
        class_of_each = np.repeat(labels.ids, lengths)
        counts = [
            np.bincount(given.indices[class_of_each == one], minlength=given.size).tolist()
            for one in (0, 1)
        ]
        return {"classes": list(labels.classes), "rows_with": counts}

    def apply(self, column: Column, state: State) -> Column:
        """The same positions; ones become ratios, weights are multiplied by them."""
        given = _sparse(column)
        ratios = self._ratios(state)[given.indices]
        weights = ratios if given.weights is None else given.weights * ratios
        return replace(given, weights=weights.astype(np.float32))

    def _ratios(self, state: State) -> Floats:
        first, second = np.asarray(state["rows_with"], np.float64) + self.options.alpha
        found: Floats = np.log(second / second.sum()) - np.log(first / first.sum())
        return found


def _sparse(column: Column) -> Sparse:
    if isinstance(column, Sparse):
        return column
    hint = "add multi_hot before it" if isinstance(column, Sequence) else ""
    raise other_kind(column, "naive_bayes", "multi-hot rows", hint)
