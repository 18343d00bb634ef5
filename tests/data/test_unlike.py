"""What rows have that others had not, and how that is told."""

from __future__ import annotations

import numpy as np

from dlx.data.columns import Categories, Dense, Image, Sequence, Text, Window
from dlx.data.unlike import Unlike

ALL = np.arange(3)


def table(*rows: tuple[float, float]) -> Dense:
    return Dense(np.array(rows, np.float32), ("Age", "Fare"))


def said(found: Unlike | None, row: int = 0, beyond: float = 0.0) -> list[str]:
    assert found is not None
    return found.say(row, beyond)


def test_numbers_out_of_range_are_told_by_column_the_farthest_first() -> None:
    known = table((20, 5), (80, 7), (40, 10)).remember(ALL)
    new = table((300, 4), (80, 5), (81, 7), (np.nan, 7), (50, np.inf))
    found = new.compare(known)
    assert said(found) == ["Age 300 > 80", "Fare 4 < 5"]
    assert said(found, 1) == []
    assert said(found, 2) == ["Age 81 > 80"]
    assert said(found, 2, beyond=0.1) == []
    assert said(found, 3) == ["Age missing"]
    assert said(found, 4) == ["Fare inf > 10"]


def test_only_the_rows_that_are_asked_for_count() -> None:
    known = table((20, 5), (80, 7), (900, 10)).remember(np.array([0, 1]))
    assert said(table((100, 6)).compare(known)) == ["Age 100 > 80"]


def test_missing_values_are_usual_where_training_rows_had_some() -> None:
    known = table((20, np.nan), (80, np.nan), (np.nan, np.nan)).remember(ALL)
    assert said(table((np.nan, np.nan)).compare(known)) == []
    assert said(table((30, 1)).compare(known)) == ["Fare 1, always missing in training"]


def test_a_constant_column_has_a_range_too() -> None:
    known = table((20, 7), (80, 7), (40, 7)).remember(ALL)
    found = table((30, 8)).compare(known)
    assert said(found) == ["Fare 8 > 7"]
    assert found is not None
    assert found.amounts[0].tolist() == [0, np.float32(1 / 7)]


def test_many_columns_are_counted() -> None:
    known = Dense(np.zeros((3, 9))).remember(ALL)
    found = Dense(np.ones((1, 9))).compare(known)
    assert said(found) == ["0 1 > 0", "1 1 > 0", "2 1 > 0", "6 more"]


def test_pictures_are_told_by_brightness_and_contrast() -> None:
    grey = np.full((3, 1, 4, 4), 100, np.uint8)
    grey[:, :, 0] = 120
    known = Image(grey).remember(ALL)
    white = Image(np.full((1, 1, 4, 4), 255, np.uint8)).compare(known)
    assert said(white) == ["brightness 255 > 105", "contrast 0 < 8.66"]
    as_numbers = Dense(grey[:, 0].astype(np.float32))
    found = Dense(np.full((1, 4, 4), 255, np.float32)).compare(as_numbers.remember(ALL))
    assert said(found) == said(white)


def test_of_windows_the_last_step_counts_and_of_ids_how_many() -> None:
    series = np.arange(10, dtype=np.float32).reshape(-1, 1)
    windows = Window(series, np.array([3, 5, 9]), 2, 1, ("load",))
    known = windows.remember(np.array([0, 1]))
    assert said(windows.compare(known), 2) == ["load 9 > 5"]
    ids = Sequence(np.arange(10), np.array([0, 1, 3, 10]))
    assert said(ids.compare(ids.remember(np.array([0, 1]))), 2) == ["length 7 > 2"]


def test_values_of_categories_that_no_training_row_had() -> None:
    seen = Categories.of_texts({"Sex": ["f", "m", "f", "m"], "Deck": ["A", "A", "", "B"]})
    assert seen.remember(np.arange(4))["sizes"].tolist() == [2, -1]  # hardly a value twice
    known = seen.remember(np.array([0, 1, 2, 3, 0, 1]))
    new = Categories.of_texts({"Sex": ["x" * 40, "m", ""], "Deck": ["B", "C", ""]})
    found = new.compare(known)
    assert said(found) == [f"Sex {'x' * 29}\N{HORIZONTAL ELLIPSIS} unseen"]
    assert said(found, 1) == ["Deck C unseen"]
    assert said(found, 2) == ["Sex missing"]
    assert b"Sex" not in known["hashes"].tobytes()


def test_what_cannot_be_compared_tells_nothing() -> None:
    words = Text(["a", "b"])
    assert words.remember(np.arange(2)) == {}
    assert words.compare({}) is None
