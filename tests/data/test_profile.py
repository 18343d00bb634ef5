"""What each column holds: against what was put into it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlx.data.checks import check_profiles
from dlx.data.profile import Profile
from dlx.data.samples import Ragged, Samples

RANDOM = np.random.default_rng(0)
ROWS = 400


def of(column: Any, words: tuple[str, ...] = (), **roles: Any) -> list[Profile]:
    """Profiles of the inputs `x`, over all rows but the last 100."""
    features = {"x": tuple("abcdef")[: np.shape(column)[1]]} if np.ndim(column) == 2 else {}
    columns = {"x": column, "y": np.zeros(ROWS, np.int64)}
    words_of = {"x": words} if words else {}
    made = {"classes": {"y": ("no", "yes")}, "features": features, "words": words_of, **roles}
    return Samples(columns, ("x",), ("y",), **made).profile(np.arange(ROWS - 100))


def told(column: Any) -> list[tuple[str, str, str]]:
    return [(f.kind, f.name, f.text) for f in check_profiles(of(column))]


def test_numbers_feature_by_feature() -> None:
    values = RANDOM.normal(size=(ROWS, 3)).astype(np.float32)
    values[:, 1] = RANDOM.integers(1, 4, ROWS)
    values[:7, 0] = np.nan
    values[7:17, 0] = 0
    values[17, 0] = 50
    values[350:] = -1e6  # rows that are not to be looked at

    a, b, c = of(values)

    known = values[:300, 0][np.isfinite(values[:300, 0])]
    assert (a.feature, a.type, a.missing, a.zeros, a.outliers) == ("a", "numbers", 7, 10, 1)
    assert (a.low, a.high) == (float(known.min()), 50)
    assert (a.top, a.share) == ("0", pytest.approx(10 / 300))
    counts = np.bincount(values[:300, 1].astype(int))
    assert (b.type, b.top, b.share) == (
        "whole numbers",
        str(counts.argmax()),
        pytest.approx(counts.max() / 300),
    )
    assert (c.missing, c.zeros, c.top, c.share) == (0, 0, "", None)


def test_a_wide_column_is_told_as_a_whole() -> None:
    images = RANDOM.integers(0, 256, (ROWS, 28, 28)).astype(np.uint8)
    images[0, 0, 0] = 0

    (image,) = of(images)
    (flat,) = of(np.where(images < 9, np.nan, images).reshape(ROWS, -1))

    assert (image.type, image.low, image.high, image.unit) == ("28 x 28 values", 0, 255, "")
    assert image.zeros == (images[:300] == 0).sum()
    assert (flat.type, flat.low) == ("784 features", 9)
    assert flat.missing == (images[:300] < 9).sum()


def test_texts_and_lists() -> None:
    texts = ["SE"] * 200 + ["  ", ""] + ["a longer one"] * 198
    lists = Ragged(np.concatenate([np.full(350, 2), np.arange(50)]), np.array([*range(400), 400]))
    empty = Ragged(np.array([5, 5, 7]), np.array([0, 2, 3, *[3] * (ROWS - 2)]))

    (text,), (ids,), (hollow,) = of(texts), of(lists, ("zero", "one", "two")), of(empty)

    assert (text.type, text.missing, text.zeros) == ("texts, 2 different", 2, None)
    assert (text.low, text.high, text.unit) == (2, 12, "characters")
    assert (text.top, text.share) == ("SE", pytest.approx(200 / 300))
    assert (ids.top, ids.share, ids.low, ids.high, ids.unit) == ("two", 1.0, 1, 1, "ids")
    assert (hollow.missing, hollow.top, hollow.low, hollow.high) == (298, "id 5", 0, 2)


def test_targets_that_are_numbers_are_told_and_classes_are_not() -> None:
    columns = {"x": ["a"] * ROWS, "price": RANDOM.random(ROWS).astype(np.float32), "kind": [0]}
    samples = Samples(columns, ("x",), ("price", "kind"), classes={"kind": ("one",)})

    assert [p.name for p in samples.profile(np.arange(ROWS))] == ["x", "price"]


@pytest.mark.parametrize(
    "column",
    [
        np.full((ROWS, 1), np.nan),
        np.zeros((ROWS, 2), bool),
        np.zeros((ROWS, 0)),
        np.zeros((ROWS, 2, 2)),
        np.full((ROWS, 2, 2), np.nan),
        np.zeros(ROWS, np.uint8),
        np.array(["2026-01-01"] * ROWS, dtype="datetime64[D]"),
        np.array(["a"] * ROWS),
        [""] * ROWS,
        Ragged(np.zeros(0, np.int32), np.zeros(ROWS + 1, np.int64)),
    ],
)
def test_any_column_can_be_told(column: Any) -> None:
    for one in of(column):
        assert set(one.plain()) == set(Profile.__dataclass_fields__)
    check_profiles(of(column))


def with_zeros(values: Any) -> Any:
    values = np.asarray(values, dtype=np.float64).copy()
    values[::20] = 0
    return values[:, None]


@pytest.mark.parametrize(
    "values",
    [
        RANDOM.normal(120, 25, ROWS).clip(44, 200).round(),  # glucose
        RANDOM.normal(32, 6, ROWS).clip(18).round(1),  # body mass index
        -RANDOM.normal(50, 5, ROWS),
        RANDOM.uniform(1000, 1040, ROWS),
    ],
)
def test_zeros_far_from_all_else_may_stand_for_missing_values(values: Any) -> None:
    (finding,) = check_profiles(of(with_zeros(values)))

    assert (finding.kind, finding.name) == ("smell", "zeros")
    assert finding.text == "a: zeros may mean missing values"
    nearest = np.abs(with_zeros(values)[:300][with_zeros(values)[:300] != 0]).min()
    assert finding.examples == (
        (f"a: 15 zeros, no other value below {nearest:.4g} in absolute value"),
    )


@pytest.mark.parametrize(
    "values",
    [
        RANDOM.integers(0, 4, ROWS),  # counts
        RANDOM.integers(0, 24, ROWS),  # hours
        RANDOM.choice([0, 3, 3, 3, 2, 1], ROWS),  # categories, mostly the last
        RANDOM.random(ROWS) < 0.95,
        RANDOM.lognormal(3, 1, ROWS),  # amounts
        RANDOM.normal(0, 10, ROWS),
        RANDOM.normal(20, 2, ROWS) * RANDOM.choice([-1, 1], ROWS),
        RANDOM.integers(0, 17, ROWS),
    ],
)
def test_zeros_that_belong_there_are_not_told(values: Any) -> None:
    assert told(with_zeros(values)) == []


def test_a_value_that_is_nearly_all_is_told() -> None:
    rain = np.zeros((ROWS, 1))
    rain[::40] = np.arange(10)[:, None] + 1
    assert told(rain) == [("smell", "one value", "a: one value has 95% of the rows or more")]
    assert told(["same"] * ROWS) == [
        ("smell", "one value", "x: one value has 95% of the rows or more")
    ]
    assert told(np.ones((ROWS, 1))) == []  # the check of constant features tells that
    assert told([*["", "a", "b"] * 133, ""]) == [("fact", "missing", "x: texts or lists are empty")]


def test_many_columns_are_named_by_the_first() -> None:
    values = np.hstack([with_zeros(RANDOM.uniform(50, 60, ROWS)) for _ in range(5)])

    (finding,) = check_profiles(of(values))

    assert finding.text == "a, b, c and 2 more: zeros may mean missing values"
    assert (finding.count, len(finding.examples)) == (5, 3)
