"""Evaluation protocols by name: which rows train, validate and test."""

from __future__ import annotations

from dataclasses import dataclass

from ..fields import Component, Table, option

_TEST = "test rows where the dataset has no official test part: a share below 1, else a count"
_TEST_SEED = "cuts the test part; apart from `seed`, so that seeds never move it"


@dataclass(frozen=True, kw_only=True)
class Holdout:
    """Some of the training rows are held out for validation (book 4.2.1)."""

    validation: float = option(0.2, "held-out rows: a share below 1, else a count", gt=0)
    shuffle: bool = option(True, "draw the rows at random; false takes the first ones")
    stratify: bool = option(True, "keep the classes' shares (only when shuffled)")
    test: float = option(0.2, _TEST, gt=0)
    test_seed: int = option(0, _TEST_SEED, ge=0)


@dataclass(frozen=True, kw_only=True)
class TrainTest:
    """No validation: every row outside the test part trains, and the last weights are used."""

    test: float = option(0.2, _TEST, gt=0)
    test_seed: int = option(0, _TEST_SEED, ge=0)


_CODE = "dlx.data.protocols"
PROTOCOLS = Table(
    "protocol",
    {
        "holdout": Component(Holdout, f"{_CODE}:holdout"),
        "train_test": Component(TrainTest, f"{_CODE}:train_test"),
    },
)
