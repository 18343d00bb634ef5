from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dlx.config.schema import Copies
from dlx.data.columns import as_column
from dlx.errors import UsageError
from dlx.prepare.copies import add_copies

Make = Callable[..., Any]
NUMBERS = np.random.default_rng(0).normal(size=(40, 4))
TRAIN = np.arange(0, 40, 2)


def test_copies_are_of_training_rows_with_one_feature_missing(samples: Make) -> None:
    made, train, made_of = add_copies(samples(x=NUMBERS), TRAIN, Copies(share=0.5), 0)

    table = np.asarray(made.columns["x"])
    copies = table[40:]
    assert (len(copies), train.tolist()) == (10, [*TRAIN.tolist(), *range(40, 50)])
    assert set(made_of.tolist()) <= set(TRAIN.tolist())
    np.testing.assert_array_equal(np.isnan(copies).sum(axis=1), 1)
    np.testing.assert_array_equal(
        np.where(np.isnan(copies), NUMBERS[made_of], copies), NUMBERS[made_of]
    )
    np.testing.assert_array_equal(table[:40], NUMBERS)


def test_copies_have_the_targets_of_their_rows_for_a_step_that_learns_them(samples: Make) -> None:
    given = samples(x=NUMBERS)
    given.columns["label"] = as_column(np.arange(40))
    made, train, made_of = add_copies(given, TRAIN, Copies(share=0.5), 0)
    target = np.asarray(made.columns["label"])
    assert target.dtype == np.int64
    assert target[train].tolist() == [*TRAIN.tolist(), *made_of.tolist()]


def test_only_the_named_features_are_removed(samples: Make) -> None:
    options = Copies(share=2.0, features=("two", "four"))

    made, _, _ = add_copies(samples(x=NUMBERS), TRAIN, options, 0)

    holes = np.isnan(np.asarray(made.columns["x"])[40:])
    assert holes.any(axis=0).tolist() == [False, True, False, True]


def test_the_seed_decides_and_none_changes_nothing(samples: Make) -> None:
    found = [add_copies(samples(x=NUMBERS), TRAIN, Copies(share=1.0), s)[2] for s in (0, 0, 1)]
    given = samples(x=NUMBERS)

    assert found[0].tolist() == found[1].tolist() != found[2].tolist()
    assert add_copies(given, TRAIN, Copies(), 0)[0] is given


@pytest.mark.parametrize(("name", "told"), [("tow", "did you mean two?"), ("zzz", "one, two")])
def test_an_unknown_feature_is_told_of(samples: Make, name: str, told: str) -> None:
    with pytest.raises(UsageError, match=told.replace("?", r"\?")):
        add_copies(samples(x=NUMBERS), TRAIN, Copies(share=1.0, features=(name,)), 0)


def test_a_training_learns_from_them_and_validation_has_none(cli: Any) -> None:
    steps = "prepare.steps=[{name: impute, indicator: true},{name: standardise}]"
    answer = cli("train", "task=wine", "trainer.epochs=1", steps, "prepare.copies.share=0.5")

    assert answer.code == 0, answer.err
    assert "171 training, 28 validation" in answer.out  # 114 rows and 57 copies


def test_without_a_step_that_fills_them_they_are_refused(cli: Any) -> None:
    answer = cli("train", "task=wine", "prepare.copies.share=0.5")

    assert answer.code == 2
    assert (
        "{name: impute}, early in prepare.steps, fills missing values (also those of "
        "copies)" in answer.err
    )
