"""Ids of category columns: as many a row as there are columns, each column with ids of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ..profile import Profile, of_ids
from .base import Array, Column, Input, Rows, Shown


@dataclass(frozen=True, eq=False)
class CategoryIds(Column):
    """What a table's categories become; see the prepare step `categories`.

    Attributes:
        ids: (rows, columns), int32; the ids 0 to columns - 1 are those of the rare values of each
            column, in order, and no two columns share an id.
        words: what each id stands for, as COLUMN=VALUE.
    """

    kind: ClassVar[str] = "category_ids"
    held: ClassVar[str] = "dlx.sources.held:HeldCategories"
    holds = "ids of categories"

    ids: Array
    words: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Rows) -> Self:
        """These rows, in this order."""
        return type(self)(self.ids[rows], self.words)

    def hashes(self, rows: Rows) -> list[bytes]:
        """The bytes of each of these rows."""
        return [self.ids[row].tobytes() for row in rows.tolist()]

    def describe(self) -> Input:
        """So many ids a row, of so many in all."""
        shape, many = self.ids.shape[1:], len(self.words)
        return Input("ids", shape, many, words=self.words, columns=True)

    def show(self, row: int) -> Shown:
        """What each id of the row stands for."""
        return Shown("text", " ".join(self.words[place] for place in self.ids[row].tolist()))

    def profile(self, name: str) -> Iterator[Profile]:
        """Which value is the most frequent."""
        lengths = np.full(len(self), self.ids.shape[1], dtype=np.int64)
        yield of_ids(name, self.ids.reshape(-1), lengths, self.words)
