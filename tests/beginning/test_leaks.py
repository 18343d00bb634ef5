"""Columns that give a target away are named, those that are merely useful are not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

from dlx.beginning.coded import code
from dlx.beginning.leaks import bins, judge_classes, measure, split_name, suspect_name, texts

DRAW = np.random.default_rng(0)
CLASSES = DRAW.integers(0, 2, 400).astype(np.int64)


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer])
def test_no_measurement_of_a_flower_a_wine_or_a_tumour_is_suspected(load: object) -> None:
    data = load()  # type: ignore[operator]
    kinds = data.target.astype(np.int64)
    for column in data.data.T:
        assert measure("x", bins(column.astype(float)), "y", kinds) is None


def test_no_measurement_of_the_diabetes_table_is_suspected() -> None:
    data = load_diabetes()
    assert not any(measure("x", bins(one), "y", data.target) for one in data.data.T)


def test_a_class_under_another_name_is_named_with_its_rule() -> None:
    column = code("alive", ["yes" if one else "no" for one in CLASSES])
    found = measure("alive", texts(column), "Survived", CLASSES)
    assert found is not None
    assert (found.column, found.target, found.why, found.share) == (
        *("alive", "Survived", "measured"),
        1.0,
    )
    usual = 400 - max(np.bincount(CLASSES))
    assert found.rule == (
        "a rule that knows alive alone, tried on rows that it was not made from, is wrong for 0 of "
        f"400 rows, where always the most frequent class is wrong for {usual} (told where 90% of "
        "them are put right)"
    )


def test_a_class_is_also_given_away_by_who_has_a_value_at_all() -> None:
    cells = [f"boat {place}" if one else "" for place, one in enumerate(CLASSES)]
    assert measure("boat", texts(code("boat", cells)), "y", CLASSES) is not None


def test_a_threshold_that_few_rows_pass_gives_a_class_away() -> None:
    level = DRAW.normal(size=2000)
    assert measure("level", bins(level), "y", (level > 0.7).astype(np.int64)) is not None


def test_a_useful_column_stays_below_the_bound() -> None:
    noisy = np.where(DRAW.random(400) < 0.08, 1 - CLASSES, CLASSES)
    assert measure("useful", noisy, "y", CLASSES) is None


def test_a_number_under_another_name_is_named_whatever_its_scale() -> None:
    amount = DRAW.lognormal(size=500)
    assert measure("log", bins(np.log(amount)), "amount", amount) is not None
    assert measure("noisy", bins(amount + DRAW.normal(size=500)), "amount", amount) is None


def test_of_few_rows_of_the_rarer_class_nothing_is_told() -> None:
    rare = np.zeros(400, np.int64)
    rare[:7] = 1
    assert judge_classes(rare, rare) is None


def test_texts_that_stand_in_one_row_each_tell_nothing_of_others() -> None:
    assert measure("id", texts(code("id", map(str, range(400)))), "y", CLASSES) is None


@pytest.mark.parametrize(
    ("name", "target", "rule"),
    [
        ("DateOfResult", "ill", "its name has the word 'result'"),
        ("price_after_tax", "sold", "its name has the word 'after'"),
        ("Survived_2", "Survived", "its name has that of the target Survived"),
        ("SalePriceLog", "sale_price", "its name has that of the target sale_price"),
        ("Fare", "Survived", ""),
        ("rafter", "ill", ""),
        ("dayOfWeek", "y", ""),
    ],
)
def test_names_of_what_is_known_later_are_asked_about(name: str, target: str, rule: str) -> None:
    found = suspect_name(name, target)
    assert (found.rule if found else "") == rule


def test_the_words_of_a_name() -> None:
    assert split_name("PatientID_no2 Größe") == ["patient", "id", "no", "2", "größe"]
