from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlx.data.columns import IdRows, MultiHotRows, kind, take
from dlx.data.samples import Ragged

LISTS = [[3, 1], [], [2], [5, 6, 7], []]


def ragged() -> Ragged:
    offsets = np.cumsum([0, *map(len, LISTS)]).astype(np.int64)
    return Ragged(np.array([v for row in LISTS for v in row], dtype=np.int32), offsets)


COLUMNS: dict[str, Any] = {
    "numbers of shape (rows, 2, 3)": np.arange(30.0).reshape(5, 2, 3),
    "texts": ["a", "", "ß", "d", "e"],
    "lists of ids": ragged(),
    "multi-hot rows": MultiHotRows(ragged(), 9),
    "rows of ids": IdRows(np.arange(10, dtype=np.int32).reshape(5, 2), 10),
}


def row(column: Any, index: int) -> Any:
    if isinstance(column, MultiHotRows):
        return column.rows.row(index).tolist()
    if isinstance(column, Ragged):
        return column.row(index).tolist()
    return (column.values if isinstance(column, IdRows) else column)[index]


@pytest.mark.parametrize("words", COLUMNS)
@pytest.mark.parametrize(
    "rows", [[0, 1, 2, 3, 4], [4, 0], [3, 3, 1, 3], [1], []], ids=lambda rows: f"{rows}"
)
def test_rows_are_taken_in_the_order_given(words: str, rows: list[int]) -> None:
    column = COLUMNS[words]

    taken = take(column, np.array(rows, dtype=np.int64))

    assert type(taken) is type(column)
    assert len(taken) == len(rows)
    for place, index in enumerate(rows):
        np.testing.assert_array_equal(row(taken, place), row(column, index))


@pytest.mark.parametrize("words", COLUMNS)
def test_a_column_is_told_of_in_words(words: str) -> None:
    assert kind(COLUMNS[words]) == words


def test_what_is_known_of_the_rows_stays() -> None:
    rows = np.array([1, 2])

    assert take(COLUMNS["multi-hot rows"], rows).size == 9
    assert take(COLUMNS["rows of ids"], rows).ids == 10
