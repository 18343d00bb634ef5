"""Samples: named columns of equal length, as a reader hands them over. NumPy only, no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ragged:
    """Rows of different length, laid end to end.

    Attributes:
        values: all rows' values, shape (total,).
        offsets: where each row begins, and the end of the last, shape (rows + 1,), int64.
    """

    values: npt.NDArray[Any]
    offsets: Rows

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def row(self, index: int) -> npt.NDArray[Any]:
        """The values of one row."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def lengths(self) -> Rows:
        """How many values each row has."""
        return np.diff(self.offsets)

    def take(self, rows: Rows) -> Ragged:
        """These rows, in this order."""
        lengths = self.lengths()[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        return Ragged(self.values[np.repeat(self.offsets[rows], lengths) + within], offsets)


Column = npt.NDArray[Any] | Ragged | list[str]
"""Dense rows (rows, ...), rows of different length, or texts."""


@dataclass(frozen=True)
class Samples:
    """What a dataset holds.

    Attributes:
        columns: name -> column; all of the same length.
        inputs: names of the columns a model may see; of the others some have roles below.
        targets: names of the columns it is to predict: int64 class ids (rows,), float32 numbers
            (rows,) or (rows, k), or 0/1 labels (rows, k).
        test: rows of the official test part, in order; None where there is none.
        classes: target -> names of its classes, in the order of their ids.
        features: input -> names of its features, where it has any.
        words: input of word ids -> the word of each id, for showing rows.
        source: where the data come from, for `data.json`: files and their hashes, terms.
        digest: SHA-256 over what was read, by which runs tell whether they had the same data.
        former_digest: what earlier versions had in its place, where that is another one; else "".
        key: SHA-256 over all that the contents depend on, the reader's code included, for cache
            keys; "" where that cannot be known, so that nothing may be kept.
        time: the column whose values order the rows in time; "" where there is none.
        ahead: how many rows later a row's target is known.
        groups: columns by which rows may be kept together, as in patient.
        naive: target -> name of a naive forecast -> the column that holds it.
        identity: the column with a hash of each row, (rows, 16) bytes, made before any option
            changed what was read, so that no option makes old test rows new; "" where none does.
        sample: whether these are made-up sample data.
    """

    columns: dict[str, Column]
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    test: Rows | None = None
    source: dict[str, Any] = field(default_factory=dict)
    digest: str = ""
    former_digest: str = ""
    key: str = ""
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    features: dict[str, tuple[str, ...]] = field(default_factory=dict)
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    time: str = ""
    ahead: int = 0
    groups: tuple[str, ...] = ()
    naive: dict[str, dict[str, str]] = field(default_factory=dict)
    identity: str = ""
    sample: bool = False

    def __len__(self) -> int:
        return len(self.columns[self.targets[0]])

    def is_known_as(self, digest: Any) -> bool:
        """Whether a run that recorded this digest had the same data."""
        return digest == self.digest or bool(digest and digest == self.former_digest)
