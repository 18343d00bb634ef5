"""The cells of a table with what each column is taken for: what everything else here looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .coded import Coded, Codes, Numbers
from .leaks import bins, texts

Convert = Callable[[Sequence[str]], Numbers]
"""Gives the numbers of texts; dates as seconds since 1970, NaN for what is missing."""


@dataclass(frozen=True)
class Cells:
    """A table's cells.

    Attributes:
        paths: its files.
        what: how it is told, as "titanic.csv (comma, UTF-8)".
        rows: how many there are.
        columns: each column's cells, of all rows or of every so many.
        types: what each column is taken for, as `dataset.columns` has it.
        rules: why, in words.
        converts: of columns of numbers and dates, what makes numbers of their texts.
        options: options of the dataset by which it is read so again.
        notes: what was repaired or left out in reading.
    """

    paths: tuple[Path, ...]
    what: str
    rows: int
    columns: dict[str, Coded]
    types: dict[str, str]
    rules: dict[str, str]
    converts: dict[str, Convert]
    options: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @cached_property
    def _numbers(self) -> dict[str, Numbers]:
        return {
            name: self.columns[name].numbers(convert) for name, convert in self.converts.items()
        }

    @property
    def profiled(self) -> int:
        """Rows whose cells are here."""
        return len(next(iter(self.columns.values()), ()))

    def numbers(self, name: str) -> Numbers | None:
        """The numbers of a column, or its dates as seconds; None for others."""
        return self._numbers.get(name)

    def values(self, name: str) -> Codes:
        """Of each row, the number of its value, or of the bin that it lies in."""
        numbers = self.numbers(name)
        return texts(self.columns[name]) if numbers is None else bins(numbers)

    def of_type(self, *types: str) -> list[str]:
        """The columns that are taken for one of some types, in their order."""
        return [name for name in self.columns if self.types[name] in types]

    def find_numbering(self) -> Iterator[str]:
        """The identifiers that number the rows: each is one more than the one before."""
        for name in self.of_type("identifier"):
            texts = self.columns[name].texts
            whole = len(texts) == self.profiled and all(map(str.isdecimal, texts))
            if whole and len({int(b) - int(a) for a, b in pairwise(texts)}) == 1:
                yield name

    def dates(self) -> dict[str, Numbers]:
        """The columns of dates, as seconds."""
        return {name: np.asarray(self._numbers[name]) for name in self.of_type("date")}
