"""One short run on the real files of each of six datasets."""

from __future__ import annotations

import numpy as np
import pytest
from small import trained

from dlx.config.load import load
from dlx.errors import UsageError
from dlx.sources.data import read_data

pytestmark = [pytest.mark.data, pytest.mark.usefixtures("real_data")]

CATS = (
    *("dataset.size=20", "model.channels=[16,32]", "model.dense=[32]", "model.batch_norm=false"),
    *("model.dropout=0", "prepare.augment.image=[flip]", "schedule.name=constant"),
    *("trainer.epochs=6", "trainer.threads=1"),
)
SHORT = ("trainer.epochs=3", "trainer.threads=1")


@pytest.mark.parametrize(
    ("task", "overrides", "score", "low", "high"),
    [
        ("mnist", ("trainer.epochs=1", "trainer.threads=1"), "test/accuracy", 0.9, 1.0),
        ("imdb", ("trainer.epochs=2", "trainer.threads=1"), "test/accuracy", 0.85, 0.92),
        ("reuters", ("trainer.epochs=3", "trainer.threads=1"), "test/accuracy", 0.7, 0.85),
        ("boston_housing", ("trainer.epochs=40", "trainer.threads=1"), "test/mae", 1.5, 3.2),
        pytest.param("cats_vs_dogs", CATS, "test/accuracy", 0.6, 0.75, marks=pytest.mark.slow),
        pytest.param("beijing_windows", SHORT, "test/mae", 2.0, 2.5, marks=pytest.mark.slow),
    ],
)
def test_a_short_run_learns(
    task: str, overrides: tuple[str, ...], score: str, low: float, high: float
) -> None:
    try:
        run = trained(base=(f"task={task}", *overrides))
    except UsageError as error:
        if "missing" in str(error):
            pytest.skip(str(error.problems[0].what))
        raise

    answer = run.facts["answer"]
    assert answer["score"] == score
    assert low < answer["value"] < high
    assert answer["interval"][0] < answer["value"] < answer["interval"][1]
    assert answer["beats"] is True
    assert answer["looks"] == 1
    assert run.facts["sample"] is False


@pytest.mark.parametrize(
    ("task", "val", "test"),
    [
        (("task=beijing_windows",), (2.594, 9.370, 2.901), (2.680, 10.095, 3.287)),
        (("task=jena", "dataset.source=year_2024"), (2.923, 3.343), (2.368, 7.385)),
    ],
)
def test_forecasts_to_beat_are_these(
    task: tuple[str, ...], val: tuple[float, ...], test: tuple[float, ...]
) -> None:
    """Mean absolute errors in degrees: of the same hour yesterday, and of means of the hour."""
    try:
        data = read_data(load(task).config)
    except UsageError as error:
        pytest.skip(str(error.problems[0].what))
    (fold,) = data.split.folds
    truth = np.asarray(data.samples.columns["temperature"])

    for rows, expected in ((fold.validation, val), (data.split.test, test)):
        found = data.naive(rows, fold.train)["temperature"]
        errors = [np.abs(one - truth[rows]).mean() for one in found.values()]
        names = ["same hour yesterday", "mean of the hour", "mean of the hour in the month"]
        assert [*found] == names[: len(expected)]
        assert errors == pytest.approx(expected, abs=5e-4)
