"""What a column poses as a target, and why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from dlx.beginning.coded import Numbers, code
from dlx.beginning.posing import AmbiguousError, pose
from dlx.errors import UsageError


def convert(texts: Sequence[str]) -> Numbers:
    """Their numbers."""
    return np.array([float(text) for text in texts])


def posed(cells: Sequence[str], type_: str = "category", asked: str = "") -> tuple[str, str]:
    found = pose(code("y", cells), type_, asked, convert if type_ == "number" else None, "dlx")
    return found.problem, found.rule


@pytest.mark.parametrize(
    ("cells", "type_", "asked", "problem", "rule"),
    [
        ("0110", "number", "", "binary", "it has two values: 0 and 1"),
        (["yes", "no", "yes"], "category", "", "binary", "it has two values: yes and no"),
        ("abcabc", "category", "", "multiclass", "it has 3 values that are no numbers"),
        (
            [*map(str, range(30))],
            "number",
            "",
            "regression",
            "it has 30 different whole numbers, more than 20",
        ),
        (
            ["1.5", "2", "2.5"],
            "number",
            "",
            "regression",
            "it has 3 different numbers, not all of them whole",
        ),
        (
            ["a|b", "b", "a"],
            "category",
            "",
            "multilabel",
            "cells hold several labels with | between them",
        ),
        ("123", "number", "multiclass", "multiclass", "--target says multiclass"),
        ("123", "number", "regression", "regression", "--target says regression"),
    ],
)
def test_problems(cells: Sequence[str], type_: str, asked: str, problem: str, rule: str) -> None:
    assert posed(cells, type_, asked) == (problem, rule)


@pytest.mark.parametrize(
    ("cells", "type_", "what"),
    [
        (["", ""], "category", "y has no value in any row"),
        ("aaa", "category", "y has one value only, a: there is nothing to predict"),
        (
            ["2024-01-01", "2024-01-02"],
            "date",
            "y holds dates, which cannot be predicted",
        ),
        (
            "abc",
            "text",
            "y has another value in each of 3 rows: none is left to learn it from",
        ),
        ("abcdaee", "text", "y has 5 different texts in 7 rows"),
    ],
)
def test_columns_that_cannot_be_predicted(cells: Sequence[str], type_: str, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        posed(cells, type_)
    assert caught.value.problems[0].what == what


def test_a_row_without_a_label_is_no_row_without_an_answer() -> None:
    found = pose(code("y", ["a|b", "b", "", "a"]), "category", "", None, "dlx")
    assert (found.problem, found.missing) == ("multilabel", 0)
    rule = "cells hold several labels with | between them"
    assert found.rule == f"{rule}; an empty cell holds none of them (1 row)"


def test_few_whole_numbers_are_not_decided_upon() -> None:
    with pytest.raises(AmbiguousError) as caught:
        posed("1234512345", "number")
    assert [*caught.value.options] == ["multiclass", "regression"]
    assert caught.value.target == "y"
