"""How many of the training rows are used: a limit that every protocol that draws rows has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlx.config.specs.protocols import PROTOCOLS
from dlx.data.carry_out import carry_out
from dlx.data.protocols import Split
from dlx.data.samples import Samples
from dlx.errors import UsageError

LABELS = np.repeat([0, 1], [90, 30])


def cut(protocol: str = "holdout", seed: int = 0, sample: bool = False, **options: Any) -> Split:
    columns = {"x": np.arange(120.0)[:, None], "y": LABELS}
    samples = Samples(columns, inputs=("x",), targets=("y",), sample=sample)
    return carry_out(PROTOCOLS.default(protocol, **options)(), samples, seed, "y")


@pytest.mark.parametrize("protocol", ["holdout", "kfold", "train_test", "test_as_validation"])
def test_the_other_parts_are_those_without_a_limit(protocol: str) -> None:
    whole, some = cut(protocol), cut(protocol, train=16)
    assert np.array_equal(whole.test, some.test)
    for full, fold in zip(whole.folds, some.folds, strict=True):
        assert np.array_equal(full.validation, fold.validation)
        assert np.array_equal(full.train, np.sort(np.r_[fold.train, fold.unused]))
        assert np.bincount(LABELS[fold.train]).tolist() == [12, 4]
        assert not len(full.unused)


def test_a_larger_limit_adds_rows_and_takes_none_away() -> None:
    drawn = [set(cut(train=n).folds[0].train.tolist()) for n in (8, 16, 40)]
    assert drawn[0] < drawn[1] < drawn[2]
    assert drawn[1] != set(cut(train=16, seed=1).folds[0].train.tolist())


def test_it_is_told_and_may_be_a_share_or_all() -> None:
    told = "; 16 of 77 training rows are used (drawn at random, classes in proportion)"
    assert cut(train=16).rule == cut().rule + told
    assert len(cut(train=0.5).folds[0].train) == 38
    assert np.array_equal(cut(train=77).folds[0].train, cut().folds[0].train)
    assert len(cut(train=200, sample=True).folds[0].train) == 15  # made-up data have few rows


@pytest.mark.parametrize("train", [78, 2.5, 0.001])
def test_what_cannot_be_drawn_is_refused(train: float) -> None:
    with pytest.raises(UsageError) as caught:
        cut(train=train)
    what, _, accepted = str(caught.value).split("\n")
    assert what.startswith(f"`protocol.train` is {train:g}, which makes ")
    assert what.endswith(" of 77 training rows")
    assert accepted == "  accepted: a share below 1, or a number from 1 to 77"
