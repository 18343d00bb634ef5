"""Columns of categories side by side: which value of its column each cell is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from ...errors import Problem, UsageError
from ..profile import Profile, of_texts
from .base import Array, Column, Input, Rows, Shown

SEPARATOR = "\x1f"  # of units, as ASCII has it


@dataclass(frozen=True, eq=False)
class Categories(Column):
    """Columns of names, as a table has them.

    Attributes:
        codes: places in `values`, int32 of shape (rows, columns).
        names: of the columns.
        values: of each column the texts that it has, in the order of their codes; "" stands for a
            missing one.
    """

    kind: ClassVar[str] = "categories"
    held: ClassVar[str] = ""  # no device holds names

    codes: npt.NDArray[np.int32]
    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]

    @classmethod
    def of_texts(cls, columns: Mapping[str, list[str]]) -> Self:
        """Columns of texts by name; the values of each are sorted."""
        values = tuple(tuple(sorted(set(cells))) for cells in columns.values())
        codes = np.empty((len(next(iter(columns.values()), [])), len(columns)), np.int32)
        for place, (known, cells) in enumerate(zip(values, columns.values(), strict=True)):
            codes_of = {value: code for code, value in enumerate(known)}
            codes[:, place] = [codes_of[cell] for cell in cells]
        return cls(codes, tuple(columns), values)

    @property
    def holds(self) -> str:
        """What it holds, in words."""
        return f"categories: {', '.join(self.names)}"

    def __len__(self) -> int:
        return len(self.codes)

    def texts(self, name: str) -> list[str]:
        """The cells of one column as texts."""
        place = self.names.index(name)
        known = self.values[place]
        return [known[code] for code in self.codes[:, place].tolist()]

    def take(self, rows: Rows) -> Self:
        """These rows, in this order."""
        return type(self)(self.codes[rows], self.names, self.values)

    def hashes(self, rows: Rows) -> list[bytes]:
        """The texts of each of these rows, whatever their codes are."""
        return [
            SEPARATOR.join(self._row(row)).encode(errors="surrogatepass") for row in rows.tolist()
        ]

    def _row(self, row: int) -> list[str]:
        codes = self.codes[row].tolist()
        return [known[code] for known, code in zip(self.values, codes, strict=True)]

    @classmethod
    def restore(cls, arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> Self:
        """The column whose arrays and meta these were."""
        values = tuple(tuple(known) for known in meta["values"])
        return cls(arrays["codes"], tuple(meta["names"]), values)

    def describe(self) -> Input:
        """Refuses them: a model takes numbers."""
        hint = "add {name: categories} to prepare.steps"
        what = "still contains categories after preparation"
        raise UsageError(Problem(what, "", "numbers", hint))

    def show(self, row: int) -> Shown:
        """Each column's name and value."""
        pairs = zip(self.names, self._row(row), strict=True)
        return Shown("text", " ".join(f"{name}={value or '-'}" for name, value in pairs))

    def missing(self) -> int:
        """How many cells are missing."""
        found = 0
        for place, known in enumerate(self.values):
            if "" in known:
                found += int((self.codes[:, place] == known.index("")).sum())
        return found

    def profile(self, name: str) -> Iterator[Profile]:
        """Each column, as texts."""
        for feature in self.names:
            told = of_texts(name, self.texts(feature))
            kind = told.type.replace("texts", "categories")
            yield Profile(**{**told.plain(), "feature": feature, "type": kind})
