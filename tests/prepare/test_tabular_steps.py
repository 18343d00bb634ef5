from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from dlx.data.columns import CategoryIds, Column, Dense
from dlx.errors import UsageError
from dlx.prepare import Pipeline

Make = Callable[..., Any]
COLOURS = ["red", "red", "blue", "blue", "", "", "grey", "pink"]
TRAIN = np.arange(7)
"""`pink` is unseen, `grey` is rare."""


@pytest.fixture
def fitted(step: Make, samples: Make) -> Callable[..., tuple[Pipeline, Column]]:
    """The pipeline of a single step, and what it makes of a column."""

    def run(column: Any, name: str, **options: Any) -> tuple[Pipeline, Column]:
        pipeline, columns = Pipeline.fit([step(name, **options)], samples(x=column), TRAIN)
        return pipeline, columns["x"]

    return run


class TestCategories:
    def test_rare_and_unseen_values_share_an_id_and_missing_has_its_own(self, fitted: Make) -> None:
        _, found = fitted(COLOURS, "categories", least=2)

        assert isinstance(found, CategoryIds)
        assert found.words == ("other", "missing", "blue", "red")
        assert found.ids[:, 0].tolist() == [3, 3, 2, 2, 1, 1, 0, 0]
        assert found.describe().ids == 4

    def test_one_hot_marks_the_same_values(self, fitted: Make) -> None:
        _, found = fitted(COLOURS, "categories", least=2, form="one_hot")

        assert isinstance(found, Dense)
        assert found.names == ("other", "missing", "blue", "red")
        assert found.values.argmax(axis=1).tolist() == [3, 3, 2, 2, 1, 1, 0, 0]

    def test_what_no_training_row_taught_has_no_mark(self, fitted: Make) -> None:
        _, found = fitted(COLOURS, "categories", least=1, form="one_hot")

        assert found.names == ("missing", "blue", "grey", "red")
        assert found.values[7].tolist() == [0, 0, 0, 0]

    def test_values_with_an_id_are_counted(self, fitted: Make) -> None:
        pipeline, _ = fitted(COLOURS, "categories", least=1)

        assert pipeline.counts("x") == {"values with an id": 4, "rare values": 0}

    def test_numbers_are_refused(self, fitted: Make) -> None:
        with pytest.raises(UsageError) as caught:
            fitted(np.zeros((8, 2)), "categories")

        assert str(caught.value) == (
            "prepare step categories got numbers of shape (rows, 2)\n"
            "  where: prepare.steps.0\n  accepted: category columns of a table, or texts"
        )


def seconds(*dates: str) -> np.ndarray[Any, Any]:
    stamps = [datetime.fromisoformat(one).replace(tzinfo=UTC).timestamp() for one in dates]
    return np.array([*stamps, *([stamps[0]] * (8 - len(stamps)))])[:, None]


class TestCalendar:
    DATES = seconds("1969-12-31T18:00", "2024-02-29T06:00", "2024-03-04T00:00")

    def test_parts_are_those_of_the_date(self, fitted: Make) -> None:
        _, found = fitted(Dense(self.DATES, ("when",)), "calendar")

        told = dict(zip(found.names, found.values.T.tolist(), strict=True))
        assert told["when year"][:3] == [1969, 2024, 2024]
        assert told["when days"][:3] == [0, 19782.5, 19786.25]
        month, weekday = np.array([11, 1, 2]) / 12, np.array([2, 3, 0]) / 7  # a Monday is 0
        for name, share in (("month", month), ("weekday", weekday), ("hour", [0.75, 0.25, 0])):
            angle = 2 * np.pi * np.asarray(share)
            np.testing.assert_allclose(told[f"when {name} sin"][:3], np.sin(angle), atol=1e-6)
            np.testing.assert_allclose(told[f"when {name} cos"][:3], np.cos(angle), atol=1e-6)

    def test_parts_that_are_the_same_everywhere_are_left_out(self, fitted: Make) -> None:
        _, found = fitted(Dense(seconds("2024-05-01", "2024-05-08"), ("when",)), "calendar")

        assert found.names == ("when days",)

    def test_of_a_missing_date_all_is_missing(self, step: Make, samples: Make) -> None:
        dates = np.where(np.arange(8)[:, None] == 1, np.nan, self.DATES)
        steps = [step("calendar", parts=("year", "month")), step("impute", strategy="zero")]

        _, columns = Pipeline.fit(steps, samples(x=Dense(dates, ("when",))), TRAIN)

        assert np.asarray(columns["x"])[1].tolist() == [0, 0, 0]

    def test_no_part_is_refused(self, step: Make) -> None:
        told = dict(step("calendar", parts=()).options.check())

        assert str(told["parts"]) == (
            "`parts` is []\n  accepted: parts of a date, each once\n  try: parts=[days]"
        )


class TestNormalScores:
    def test_training_values_are_normally_distributed(self, step: Make, samples: Make) -> None:
        skewed = np.exp(3 * np.random.default_rng(0).normal(size=(2000, 2)))
        train = np.arange(1000)

        _, columns = Pipeline.fit([step("normal_scores")], samples(x=skewed), train)

        found = np.asarray(columns["x"])
        assert found[:1000].mean(axis=0) == pytest.approx(0, abs=0.01)
        assert found[:1000].std(axis=0) == pytest.approx(1, abs=0.02)
        order = np.argsort(skewed[:, 0])
        assert (np.diff(found[order, 0]) >= 0).all()
        assert np.abs(found).max() < 2.6  # what lies beyond the training values is the outermost

    def test_equal_values_have_the_mean_of_their_ranks(self, fitted: Make) -> None:
        _, found = fitted(
            np.array([[0.0, 7], [0, 7], [0, 7], [1, 7], [1, 7], [1, 7], [1, 7], [2, 9]]),
            "normal_scores",
        )

        assert found.values[:3, 0] == pytest.approx([found.values[0, 0]] * 3)
        assert found.values[0, 0] < 0 < found.values[3, 0] == found.values[7, 0]
        assert found.values[:, 1] == pytest.approx(0)  # one that is constant says nothing
