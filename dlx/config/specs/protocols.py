"""Evaluation protocols by name: which rows train, validate and test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ..fields import Component, Table, option

_VALIDATION = "size of the validation set: a share below 1, else a count"
_GROUP = "rows with the same value in this column stay together, for example patient"


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Options that every protocol has, and what is known of it before the data are read.

    Attributes:
        validates: whether it holds rows out for validation.
        in_time: whether it keeps the order of rows in time.
        needs_time: whether it cuts no other rows than those in time.
        folds: whether it may train several models.
    """

    validates: ClassVar[bool] = True
    in_time: ClassVar[bool] = False
    needs_time: ClassVar[bool] = False
    folds: ClassVar[bool] = False

    test: float = option(
        0.2,
        "size of the test set if the dataset has no official one: a share below 1, else a count",
        gt=0,
    )


@dataclass(frozen=True, kw_only=True)
class Drawn(Protocol):
    """Options of the protocols that draw rows."""

    test_seed: int = option(
        0,
        "seed of the test split; separate from `seed`, so that `seed` never changes the test set",
        ge=0,
    )
    duplicates: Literal["refuse", "together", "allow"] = option(
        "refuse",
        "equal rows: refuse a random split that separates them, keep them together, or allow it",
    )
    train: float | None = option(
        None,
        "training rows that are used, drawn at random from those that there are, classes in "
        "proportion: a share below 1, else a count; null: all",
        gt=0,
        newer=True,
    )
    classes: str = option(
        "",
        "target whose classes every set has in proportion; empty: the first that is learnt. With "
        "it a learner without targets cuts as one that learns them does, and sees no more of it",
        newer=True,
        example="digit",
    )


class TrainTest(Drawn):
    """No validation set: every row outside the test set trains, and the last weights are used."""

    validates: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class Holdout(Drawn):
    """Some of the training rows are held out as the validation set (book 4.2.1)."""

    validation: float = option(0.2, _VALIDATION, gt=0)
    shuffle: bool = option(True, "draw the rows at random; false: those that `take` says")
    take: Literal["first", "last"] = option(
        "first",
        "which rows are held out where none are drawn; Keras' validation_split: last",
        newer=True,
    )
    stratify: bool = option(True, "keep the proportions of the classes (only when shuffled)")
    group: str = option("", _GROUP)


@dataclass(frozen=True, kw_only=True)
class KFold(Drawn):
    """k equal parts; each is the validation set of a new model trained on the others (4.2.1)."""

    folds: ClassVar[bool] = True

    k: int = option(4, "parts", ge=2)
    shuffle: bool = option(True, "draw the parts at random; false: consecutive rows")
    stratify: bool = option(True, "keep the proportions of the classes (only when shuffled)")
    group: str = option("", _GROUP)


@dataclass(frozen=True, kw_only=True)
class IteratedKFold(Drawn):
    """K-fold several times, the rows shuffled again each time (book 4.2.1)."""

    folds: ClassVar[bool] = True

    k: int = option(4, "parts", ge=2)
    iterations: int = option(3, "how often K-fold is repeated", ge=2, le=1000)
    stratify: bool = option(True, "keep the proportions of the classes")
    group: str = option("", _GROUP)


@dataclass(frozen=True, kw_only=True)
class InTime(Protocol):
    """Options of the protocols that cut rows in time."""

    in_time: ClassVar[bool] = True
    needs_time: ClassVar[bool] = True

    gap: int | None = option(
        None,
        "rows left out between two sets; null: as far as a row's inputs reach back and its target "
        "lies ahead",
        ge=0,
    )
    overlap: Literal["refuse", "report"] = option(
        "refuse",
        "a `gap` that lets rows of one set hold in their inputs what targets of the set before it "
        "tell: refuse it, or report these rows as a data warning (as the book's 6.3 is cut)",
        newer=True,
    )


@dataclass(frozen=True, kw_only=True)
class Chronological(InTime):
    """The earliest rows train, later rows validate, the latest are the test set (book 4.2.2)."""

    validation: float = option(0.2, _VALIDATION, gt=0)


@dataclass(frozen=True, kw_only=True)
class Rolling(InTime):
    """Several origins in time, each with a new model: earlier rows train, the next validate."""

    folds: ClassVar[bool] = True

    k: int = option(4, "origins; the stretches that validate follow each other", ge=2)
    validation: float = option(
        0.1,
        "size of the stretch that validates after each origin: a share below 1 of the rows outside "
        "the test set, else a count",
        gt=0,
    )
    window: Literal["expanding", "sliding"] = option(
        "expanding",
        "rows that train: expanding: all before the origin; sliding: the latest, as many as before "
        "the first origin",
    )


class Official(Drawn):
    """The dataset's official validation set, as of pictures in a folder named validation."""


class TestAsValidation(Drawn):
    """The test rows are the validation set (book 4.4): such a run may publish no test score."""


class Auto(Drawn):
    """Chooses by the data and says which rule applied: time, few rows, or many (book 4.2.1)."""

    in_time: ClassVar[bool] = True
    folds: ClassVar[bool] = True


_CODE = "dlx.data.protocols"
PROTOCOLS = Table(
    "protocol",
    {
        "auto": Component(Auto, "dlx.data.auto:auto"),
        "holdout": Component(Holdout, f"{_CODE}:holdout"),
        "kfold": Component(KFold, f"{_CODE}:kfold"),
        "iterated_kfold": Component(IteratedKFold, f"{_CODE}:iterated_kfold"),
        "chronological": Component(Chronological, f"{_CODE}:chronological"),
        "rolling": Component(Rolling, "dlx.data.rolling:rolling"),
        "official": Component(Official, f"{_CODE}:official"),
        "train_test": Component(TrainTest, f"{_CODE}:train_test"),
        "test_as_validation": Component(TestAsValidation, f"{_CODE}:test_as_validation"),
    },
)
