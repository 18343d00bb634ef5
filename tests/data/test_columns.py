"""Every kind of column keeps the contract; what rows are known by is what it has always been."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlx.data
from dlx.config.specs.datasets import DATASETS
from dlx.data.columns import (
    Categories,
    Column,
    Dense,
    Image,
    Input,
    Sequence,
    Shown,
    Sparse,
    Text,
    Window,
    as_column,
)
from dlx.data.fingerprints import contents_digest, input_hashes, row_hashes
from dlx.data.samples import Frame, Ragged, Samples
from dlx.errors import UsageError
from dlx.runs.ledger import rows_of

LISTS = [[3, 1], [], [2], [5, 6, 7], []]
IDS = np.array([v for row in LISTS for v in row], dtype=np.int32)
OFFSETS = np.cumsum([0, *map(len, LISTS)]).astype(np.int64)
WORDS = ("zero", "one", "two", "three")

COLUMNS: dict[str, Column] = {
    "numbers of shape (rows, 2, 3)": Dense(np.arange(30.0).reshape(5, 2, 3)),
    "numbers of shape (rows, 2)": Dense(np.arange(10).reshape(5, 2), ("a", "b")),
    "numbers of shape (rows,)": Dense(np.arange(5, dtype=np.float32)),
    "pictures of 3 x 2 x 1 bytes": Image(np.arange(30, dtype=np.uint8).reshape(5, 3, 2, 1)),
    "texts": Text(["a", "", "ß", "d", "e"]),
    "categories: sex, port": Categories.of_texts(
        {"sex": ["m", "f", "m", "", "f"], "port": ["S", "S", "ß", "C", "C"]}
    ),
    "lists of ids": Sequence(IDS, OFFSETS, words=WORDS),
    "multi-hot rows": Sparse(IDS, OFFSETS, 9),
    "multi-hot rows with weights": Sparse(IDS, OFFSETS, 9, IDS.astype(np.float32) / 2),
    "rows of ids": Sequence.of_rows(np.arange(10, dtype=np.int32).reshape(5, 2), 11, WORDS),
}
SERIES = np.arange(18, dtype=np.float32).reshape(9, 2)
WINDOWS = Window(SERIES, np.arange(4, 9), 5, 2, ("a", "b"))
COLUMNS[WINDOWS.holds] = WINDOWS


@pytest.mark.parametrize("words", COLUMNS)
def test_every_kind_is_told_of_in_words(words: str) -> None:
    assert COLUMNS[words].holds == words


@pytest.mark.parametrize(
    ("words", "told"),
    {
        "numbers of shape (rows, 2, 3)": Input("dense", (2, 3)),
        "numbers of shape (rows,)": Input("dense", ()),
        "pictures of 3 x 2 x 1 bytes": Input("dense", (3, 2, 1)),
        "multi-hot rows": Input("multi_hot", (9,)),
        "multi-hot rows with weights": Input("multi_hot", (9,)),
        "rows of ids": Input("ids", (2,), 11),
        "windows of 3 steps, 2 apart, with 2 features": Input("steps", (3, 2)),
    }.items(),
)
def test_a_model_is_told_what_an_input_is(words: str, told: Input) -> None:
    assert COLUMNS[words].describe() == told


@pytest.mark.parametrize("words", ["texts", "categories: sex, port", "lists of ids"])
def test_what_no_model_takes_is_refused(words: str) -> None:
    with pytest.raises(UsageError, match="after preparation"):
        COLUMNS[words].ready()


@pytest.mark.parametrize(
    ("words", "kind", "content"),
    [
        ("numbers of shape (rows, 2, 3)", "image", [[[6.0, 7.0, 8.0], [9.0, 10.0, 11.0]]]),
        ("numbers of shape (rows, 2)", "row", {"a": 2.0, "b": 3.0}),
        ("numbers of shape (rows,)", "row", {"": 1.0}),
        ("texts", "text", ""),
        ("rows of ids", "text", "two three"),
        ("multi-hot rows", "row", {}),
        ("multi-hot rows with weights", "row", {}),
        ("windows of 3 steps, 2 apart, with 2 features", "row", {"a": 10.0, "b": 11.0}),
    ],
)
def test_a_row_is_shown_as_people_see_it(words: str, kind: Any, content: Any) -> None:
    shown = COLUMNS[words].show(1)

    assert shown.kind == kind
    found = shown.content.tolist() if kind == "image" else shown.content
    assert found == content
    assert COLUMNS["lists of ids"].show(3) == Shown("text", "5 6 7")
    assert COLUMNS["multi-hot rows"].show(2) == Shown("row", {"2": 1.0})
    weighted = COLUMNS["multi-hot rows with weights"]
    assert weighted.show(3) == Shown("row", {"5": 2.5, "6": 3.0, "7": 3.5})
    named = Sparse(IDS, OFFSETS, 9, words=WORDS).take(np.array([0, 3]))
    assert named.show(0) == Shown("row", {"three": 1.0, "one": 1.0})
    assert named.show(1) == Shown("row", {"5": 1.0, "6": 1.0, "7": 1.0})


def test_colours_come_first() -> None:
    pixels = np.arange(24).reshape(1, 4, 2, 3)

    np.testing.assert_array_equal(Dense(pixels).show(0).content, pixels[0].transpose(2, 0, 1))


def test_readers_may_hand_over_arrays_and_lists() -> None:
    """As plugins written before there were kinds of columns do."""
    given = {
        "table": np.ones((2, 2), np.uint8),
        "texts": ["a", "b"],
        "names": np.array(["x", None], dtype=object),
        "numbers": [1.0, 2.0],
        "ids": Ragged(np.array([1, 0]), np.array([0, 1, 2])),
    }

    frame = Frame(given, features={"table": ("a", "b")}, words={"ids": WORDS})  # type: ignore[arg-type]

    kinds = {name: column.kind for name, column in frame.columns.items()}
    assert kinds == {
        "table": "dense", "texts": "text", "names": "text", "numbers": "dense", "ids": "sequence",
    }  # fmt: skip
    assert frame.columns["table"].show(0) == Shown("row", {"a": 1.0, "b": 1.0})
    assert frame.columns["ids"].show(0) == Shown("text", "one")
    assert as_column(frame.columns["ids"]) is frame.columns["ids"]
    assert len(frame) == 2


KNOWN = {
    "wine": "f7ec3185466b4a5c5f9725b9803309176127f710ad0d2b47d8e4c3f414ecbda9",
    "digits": "5f16317861376ae93d3713fed018d029b97487ccda25e3ede05957292e53caf6",
    "diabetes": "6c8fafaa59a30d57fb14e2dd2f798bd4ca86996545238819a9e65a922a60338e",
}
CONTENTS = "463ebdb5ce72bbf2f08b87ea4ff7819f467e895a386e9ceb537d76a3723281f4"
ROWS_OF_CONTENTS = "18b6d719f1b145543b9c7b194e3b8266831eda8660775d1b8c66989e18b99e74"


def known_by(samples: Samples) -> str:
    return rows_of(row_hashes(samples, input_hashes(samples), np.arange(len(samples)))).key


@pytest.mark.parametrize("name", KNOWN)
def test_rows_of_shipped_tables_are_known_by_what_they_always_were(name: str) -> None:
    assert known_by(dlx.data.read(DATASETS.default(name)())) == KNOWN[name]


def test_contents_are_known_by_what_they_always_were() -> None:
    samples = Samples(
        {
            "x": np.arange(6, dtype=np.float32).reshape(3, 2),
            "ids": Ragged(np.array([4, 5, 6], np.int32), np.array([0, 2, 2, 3])),
            "text": ["a", "", "ß"],
            "names": np.array(["b", "a", "c"], dtype=object),
            "y": np.array([0, 1, 0]),
        },  # type: ignore[arg-type]
        ("x", "ids", "text"),
        ("y",),
        np.array([2]),
        classes={"y": ("no", "yes")},
        features={"x": ("a", "b")},
        words={"ids": WORDS},
    )

    assert contents_digest(samples) == CONTENTS
    assert known_by(samples) == ROWS_OF_CONTENTS
