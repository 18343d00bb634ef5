"""What preparation makes of a column: dense rows, or multi-hot rows kept sparse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .samples import Column, Ragged, Rows


@dataclass(frozen=True)
class MultiHotRows:
    """Rows of zeros and ones, as the positions of the ones.

    Attributes:
        rows: each row's positions, ascending and distinct.
        size: length of a row once it is made.
    """

    rows: Ragged
    size: int

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows: Rows) -> MultiHotRows:
        """These rows, in this order."""
        return MultiHotRows(self.rows.take(rows), self.size)


@dataclass(frozen=True)
class IdRows:
    """Rows of ids, all of one length, with how many ids there are.

    Attributes:
        values: int32 ids, shape (rows, length).
        ids: number of distinct ids, one more than the largest possible.
    """

    values: npt.NDArray[np.int32]
    ids: int

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Rows) -> IdRows:
        """These rows, in this order."""
        return IdRows(self.values[rows], self.ids)


AnyColumn = Column | MultiHotRows | IdRows


def take(column: AnyColumn, rows: Rows) -> AnyColumn:
    """Some rows of a column, in the order given."""
    if isinstance(column, list):
        return [column[int(i)] for i in rows]
    if isinstance(column, np.ndarray):
        return column[rows]
    return column.take(rows)


def kind(column: Any) -> str:
    """What a column holds, in words."""
    if isinstance(column, list):
        return "texts"
    if isinstance(column, Ragged):
        return "lists of ids"
    if isinstance(column, MultiHotRows):
        return "multi-hot rows"
    if isinstance(column, IdRows):
        return "rows of ids"
    return f"numbers of shape {('rows', *column.shape[1:])}".replace("'", "")
