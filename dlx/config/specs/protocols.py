"""Evaluation protocols by name: which rows train, validate and test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ..fields import Component, Table, option


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Options that every protocol has, and what is known of it before the data are read.

    Attributes:
        validates: whether it holds rows out for validation.
        in_time: whether it keeps the order of rows in time.
        folds: whether it may train several models.
    """

    validates: ClassVar[bool] = True
    in_time: ClassVar[bool] = False
    folds: ClassVar[bool] = False

    test: float = option(
        0.2,
        "test rows where the dataset has no official test part: a share below 1, else a count",
        gt=0,
    )


@dataclass(frozen=True, kw_only=True)
class Drawn(Protocol):
    """Options of the protocols that draw rows."""

    test_seed: int = option(
        0, "cuts the test part; apart from `seed`, so that seeds never move it", ge=0
    )
    duplicates: Literal["refuse", "together", "allow"] = option(
        "refuse",
        "rows of equal content: refuse a drawn cut that parts them, keep them together, or allow",
    )


@dataclass(frozen=True, kw_only=True)
class TrainTest(Drawn):
    """No validation: every row outside the test part trains, and the last weights are used."""

    validates: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class Holdout(Drawn):
    """Some of the training rows are held out for validation (book 4.2.1)."""

    validation: float = option(0.2, "held-out rows: a share below 1, else a count", gt=0)
    shuffle: bool = option(True, "draw the rows at random; false takes the first ones")
    stratify: bool = option(True, "keep the classes' shares (only when shuffled)")
    group: str = option("", "column whose equal values stay in one part, as in patient")


@dataclass(frozen=True, kw_only=True)
class KFold(Drawn):
    """k equal parts; each validates once a fresh model trained on the others (book 4.2.1)."""

    folds: ClassVar[bool] = True

    k: int = option(4, "parts", ge=2)
    shuffle: bool = option(True, "draw the parts at random; false cuts consecutive rows")
    stratify: bool = option(True, "keep the classes' shares (only when shuffled)")
    group: str = option("", "column whose equal values stay in one part, as in patient")


@dataclass(frozen=True, kw_only=True)
class IteratedKFold(Drawn):
    """K-fold several times, the rows drawn afresh each time (book 4.2.1)."""

    folds: ClassVar[bool] = True

    k: int = option(4, "parts", ge=2)
    iterations: int = option(3, "how often the rows are drawn afresh", ge=2, le=1000)
    stratify: bool = option(True, "keep the classes' shares")
    group: str = option("", "column whose equal values stay in one part, as in patient")


@dataclass(frozen=True, kw_only=True)
class Chronological(Protocol):
    """The past trains, what follows validates, the latest tests (book 4.2.2, arrow of time)."""

    in_time: ClassVar[bool] = True

    validation: float = option(0.2, "held-out rows: a share below 1, else a count", gt=0)
    gap: int | None = option(
        None, "rows left out between two parts; null: as many as a target looks ahead", ge=0
    )


@dataclass(frozen=True, kw_only=True)
class TestAsValidation(Drawn):
    """The test rows validate, as the book's 4.4 does: such a run may publish no test score."""


@dataclass(frozen=True, kw_only=True)
class Auto(Drawn):
    """Chooses by the data and says which rule fired: time, few rows, or many (book 4.2.1)."""

    in_time: ClassVar[bool] = True
    folds: ClassVar[bool] = True


_CODE = "dlx.data.protocols"
PROTOCOLS = Table(
    "protocol",
    {
        "auto": Component(Auto, f"{_CODE}:auto"),
        "holdout": Component(Holdout, f"{_CODE}:holdout"),
        "kfold": Component(KFold, f"{_CODE}:kfold"),
        "iterated_kfold": Component(IteratedKFold, f"{_CODE}:iterated_kfold"),
        "chronological": Component(Chronological, f"{_CODE}:chronological"),
        "train_test": Component(TrainTest, f"{_CODE}:train_test"),
        "test_as_validation": Component(TestAsValidation, f"{_CODE}:test_as_validation"),
    },
)
