"""A column of cells as numbers of its different texts: small, and quick to count."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

LONGEST = 64
"""Characters of a cell that are kept; of a longer one its beginning and a hash."""

Codes = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Coded:
    """The cells of a column.

    Attributes:
        name: of the column.
        codes: of each row, the place of its text.
        texts: the different texts, in the order in which they appear.
        holes: of each text, whether it stands for a missing value.
    """

    name: str
    codes: Codes
    texts: tuple[str, ...]
    holes: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def known(self) -> npt.NDArray[np.bool_]:
        """Of each row, whether its value is there."""
        return ~self.holes[self.codes]

    @cached_property
    def counts(self) -> Codes:
        """Rows of each text; 0 for what stands for a missing value."""
        counted = np.bincount(self.codes, minlength=len(self.texts)).astype(np.int64)
        return np.where(self.holes, 0, counted)

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return int((~self.known).sum())

    @property
    def distinct(self) -> int:
        """Different values."""
        return int((self.counts > 0).sum())

    def most_frequent(self, many: int = 1) -> list[tuple[str, int]]:
        """The texts of most rows with their counts; ties in the order of the rows."""
        order = np.argsort(-self.counts, kind="stable")[:many]
        return [(self.texts[at], int(self.counts[at])) for at in order if self.counts[at]]

    def numbers(self, convert: Callable[[Sequence[str]], Numbers]) -> Numbers:
        """The number of each row, NaN where it is missing.

        Args:
            convert: gives the numbers of texts.
        """
        values = np.full(len(self.texts), np.nan)
        told = np.flatnonzero(~self.holes)
        if len(told):
            values[told] = convert([self.texts[at] for at in told])
        return values[self.codes]

    def take(self, rows: Codes) -> Coded:
        """Some of its rows."""
        return Coded(self.name, self.codes[rows], self.texts, self.holes)


class Coder:
    """Takes the cells of some columns, block by block.

    Args:
        names: of the columns.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._texts: list[dict[str, int]] = [{} for _ in names]
        self._codes: list[list[Codes]] = [[] for _ in names]

    def add(self, columns: Sequence[Sequence[str]]) -> None:
        """Takes the cells of the next rows, a sequence a column."""
        for cells, texts, codes in zip(columns, self._texts, self._codes, strict=True):
            kept = (cell if len(cell) <= LONGEST else _shorten(cell) for cell in cells)
            # the length is told before the text is added
            numbers = (texts.setdefault(cell, len(texts)) for cell in kept)
            codes.append(np.fromiter(numbers, np.int64, len(cells)))

    def columns(self, is_hole: Callable[[str], bool]) -> dict[str, Coded]:
        """The columns by name.

        Args:
            is_hole: whether a cell stands for a missing value.
        """
        found = {}
        for name, texts, codes in zip(self.names, self._texts, self._codes, strict=True):
            every = np.concatenate(codes) if codes else np.empty(0, np.int64)
            holes = np.fromiter(map(is_hole, texts), np.bool_, len(texts))
            found[name] = Coded(name, every, tuple(texts), holes)
        return found


def code(name: str, cells: Iterable[str], holes: Iterable[str] = ("",)) -> Coded:
    """One column of cells at once."""
    coder, known = Coder([name]), set(holes)
    coder.add([list(cells)])
    return coder.columns(known.__contains__)[name]


def _shorten(cell: str) -> str:
    """A long text's beginning, and what tells it from others that begin so."""
    digest = hashlib.blake2b(cell.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{cell[: LONGEST - 20]}… ({digest})"


def same_rows(columns: Iterable[Coded]) -> Codes:
    """Of each row, a number that equal rows have in common.

    Args:
        columns: those in which rows are to be equal; at least one.
    """
    mixed: npt.NDArray[np.uint64] | None = None
    draw = np.random.default_rng(0)
    for column in columns:
        odd = np.uint64(int(draw.integers(1, 2**63)) * 2 + 1)
        texts = draw.integers(0, 2**64, size=max(1, len(column.texts)), dtype=np.uint64)
        told = texts[column.codes] * odd
        mixed = told if mixed is None else (mixed * odd) ^ (mixed >> np.uint64(29)) ^ told
    assert mixed is not None
    return np.unique(mixed, return_inverse=True)[1].astype(np.int64)
