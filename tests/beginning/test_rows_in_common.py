"""Copies of rows, groups that rows belong to, and their order in time."""

from __future__ import annotations

import numpy as np
import pytest

from dlx.beginning.coded import Coder, code, same_rows
from dlx.beginning.facts import Posed
from dlx.beginning.order import count_contradictions, count_copies, find_groups, find_time
from dlx.beginning.recipes import choose_protocol

DAY = 86_400.0


def test_cells_are_coded_block_by_block_as_at_once() -> None:
    cells = [*"abcab", "", "NA", "x" * 100, "x" * 101]
    coder = Coder(["one"])
    for start in range(0, len(cells), 2):
        coder.add([cells[start : start + 2]])
    found = coder.columns({"", "NA"}.__contains__)["one"]
    whole = code("one", cells, ("", "NA"))
    assert found.codes.tolist() == whole.codes.tolist()
    assert found.texts == whole.texts
    assert (found.missing, found.distinct) == (2, 5)
    assert found.most_frequent(2) == [("a", 2), ("b", 2)]
    assert all(len(text) < 100 for text in found.texts)


def test_equal_rows_are_those_that_are_equal_in_every_column() -> None:
    draw = np.random.default_rng(0)
    table = draw.integers(0, 3, (500, 4)).astype(str)
    columns = [code(str(place), column.tolist()) for place, column in enumerate(table.T)]
    assert count_copies(columns) == 500 - len(np.unique(table, axis=0))
    same = same_rows(columns)
    for row in range(50):
        assert ((table == table[row]).all(axis=1) == (same == same[row])).all()


def test_rows_with_the_same_inputs_may_contradict_each_other() -> None:
    inputs, target = [code("x", "aaab")], [code("y", "1121")]
    assert count_contradictions(inputs, target) == 1
    assert count_contradictions([], target) == 0


@pytest.mark.parametrize(
    ("name", "type_", "used"),
    [
        ("patient_id", "number", True),
        ("Ticket", "text", False),
        ("colour", "category", None),
        ("serial", "identifier", True),
        ("visit_id", "date", None),
    ],
)
def test_an_identifier_that_repeats_is_a_group(name: str, type_: str, used: bool | None) -> None:
    column = code(name, [str(row // 3) for row in range(60)])
    found = [*find_groups({name: column}, {name: type_})]
    assert [one.used for one in found] == ([] if used is None else [used])
    if name == "patient_id":
        assert found[0].rule == (
            "its name has the word 'patient', and 60 of 60 rows share one of its 20 values "
            "(3.0 rows a value, at most 3)"
        )


def test_an_identifier_of_one_row_each_is_no_group() -> None:
    column = code("patient_id", map(str, range(60)))
    assert not [*find_groups({"patient_id": column}, {"patient_id": "identifier"})]


@pytest.mark.parametrize(
    ("days", "used"),
    [
        ([1, 2, 2, 5], True),
        ([5, 3, 1, 0], True),
        ([1, 5, 2, 3], False),
        ([1, np.nan, 2, 3], None),
        ([4, 4, 4, 4], None),
    ],
)
def test_dates_order_the_rows_where_they_stand_in_that_order(
    days: list[float], used: bool | None
) -> None:
    found = find_time({"When": np.array(days) * DAY})
    assert (found.used if found else None) is used


def test_folds_are_no_more_than_groups_allow() -> None:
    """A test set may take two of five groups, and each fold needs one."""
    posed = [Posed("y", "regression", "")]
    folds = [choose_protocol(500, posed, 0, "", "site", many)[0]["k"] for many in (3, 5, 8, 100)]
    assert folds == [2, 3, 4, 5]


def test_rows_alike_are_kept_together_where_they_are_few() -> None:
    posed = [Posed("y", "regression", "")]
    few, _ = choose_protocol(500, posed, 0.02, "", "")
    many, rule = choose_protocol(500, posed, 0.4, "", "patient")
    assert (few["duplicates"], many["duplicates"], many["group"]) == (
        *("together", "allow"),
        "patient",
    )
    assert rule == (
        "500 rows, fewer than 2,000: K-fold twice, so that no single cut decides; rows of one "
        "patient stay together; 40% of the rows have the inputs of an earlier one, so many that "
        "they are cases alike, not copies, and may stand in two sets"
    )


@pytest.mark.parametrize(
    ("rows", "time", "name"),
    [
        (100, "When", "chronological"),
        (100, "", "iterated_kfold"),
        (5_000, "", "kfold"),
        (50_000, "", "holdout"),
    ],
)
def test_how_rows_are_cut_depends_on_how_many_there_are(rows: int, time: str, name: str) -> None:
    posed = [Posed("y", "binary", "", classes=(("a", rows - 3), ("b", 3)))]
    assert choose_protocol(rows, posed, 0, time, "")[0]["name"] == name
