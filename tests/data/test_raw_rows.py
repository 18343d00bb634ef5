"""Rows of a table as one matrix, as they were read."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dlx.data.columns import Categories, Text
from dlx.data.raw_rows import MOST_VALUES, Reading, is_table
from dlx.data.samples import Frame

TRAIN = np.arange(5)


def frame(*kinds: str) -> Frame:
    """Six rows: two numbers, a column of categories, a date, a text."""
    return Frame(
        {
            "numbers": np.arange(12, dtype=np.float32).reshape(6, 2),
            "note": Text(["a"] * 6),
            "categories": Categories.of_texts({"Kind": list(kinds)}),
            "day": np.arange(6.0),
        },
        features={"numbers": ("Age", "Fare")},
    )


SEEN = frame("b", "", "b", "a", "b", "late")


def test_categories_are_codes_of_those_of_training_rows_and_stand_first() -> None:
    reading = Reading.learn(SEEN.columns, list(SEEN.columns), TRAIN)

    assert [one.name for one in reading.fields] == ["Kind", "Age", "Fare", "day"]
    assert (reading.categories, reading.left) == (1, ("note",))
    assert reading.fields[0].values == ("b", "", "a")
    found = reading.matrix(SEEN.columns, np.array([0, 3, 5]))
    gap = np.nan
    wanted = [[0, 0, 1, 0], [2, 6, 7, 3], [gap, 10, 11, 5]]
    np.testing.assert_array_equal(found, wanted)


def test_a_reading_that_was_kept_finds_the_same_names_in_other_codes() -> None:
    reading = Reading.learn(SEEN.columns, list(SEEN.columns), TRAIN)
    kept = Reading.restore(json.loads(json.dumps(reading.plain())))
    other = frame("a", "b", "", "0", "a", "b")

    assert kept == reading
    found = kept.matrix(other.columns, np.arange(6))[:, 0]
    np.testing.assert_array_equal(found, [2, 0, 1, np.nan, 2, 0])


def test_rare_categories_of_many_are_as_if_missing() -> None:
    names = [f"n{place:03}" for place in range(MOST_VALUES + 20)]
    column = Categories.of_texts({"Id": [*names, *names[-30:]]})
    reading = Reading.learn({"x": column}, ["x"], np.arange(len(column)))
    found = reading.matrix({"x": column}, np.arange(len(names)))[:, 0]
    assert reading.fields[0].values == (*names[-30:], *names[: MOST_VALUES - 30])
    assert np.isnan(found).sum() == 20


def test_texts_and_pictures_are_no_table() -> None:
    pictures = Frame({"image": np.zeros((3, 4, 4)), "note": Text(["a"] * 3)})
    assert not is_table(pictures.columns, ["image", "note"])
    assert is_table(SEEN.columns, ["note", "categories"])
    with pytest.raises(ValueError, match="no description of the columns that boosted trees read"):
        Reading.restore({"fields": [{"input": "x"}], "left": []})
