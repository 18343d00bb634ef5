"""One short run on the real files of each of six datasets."""

from __future__ import annotations

import pytest
from small import trained

from dlx.errors import UsageError

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
