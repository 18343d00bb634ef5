"""Targets: do they pose the problem that was declared, and as what does a loss take them?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..config.names import find_nearest, join_names
from ..errors import Problem, UsageError
from ..problem import PROBLEMS
from .columns import Dense, Rows
from .samples import Samples

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Answers:
    """Predictions as people read them.

    Attributes:
        values: in the form of the target: class ids, labels as True and False, numbers.
        names: what they stand for, see `TargetCodec.name`.
        probabilities: of each class or label (rows, k), of the second of two (rows,); None for
            numbers.
        quantiles: of a number, where a model gives several (rows, quantiles), in ascending order.
    """

    values: Array
    names: list[Any]
    probabilities: Array | None
    quantiles: Array | None = None


DECIDED = ("binary", "multilabel")
"""Problems whose answer is whether a probability is large enough."""


@dataclass(frozen=True)
class TargetCodec:
    """What a target's values and a model's answers stand for.

    Attributes:
        problem: its type, a key of `dlx.problem.PROBLEMS`.
        outputs: how many numbers a model gives for it.
        classes: names of its classes or labels; empty for numbers.
        positive: of two classes the one that precision and its kin are of.
        mean: of each number, where a model learns numbers less that, by `std`; else empty.
        std: of each number in the training rows; 1 of one that is always the same.
        log: whether a model learns ln(1 + number), of which mean and std are.
        quantiles: those of a number that the outputs are; its own answer is the one nearest to the
            median.
        threshold: from which probability on the second of two classes, or each label, is the
            answer; empty: 0.5.

    Raises:
        ValueError: there are not as many numbers of a kind as outputs, or they are no use.
    """

    problem: str
    outputs: int
    classes: tuple[str, ...] = ()
    positive: int = 1
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    threshold: tuple[float, ...] = ()
    log: bool = False
    quantiles: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        wide = 1 if self.quantiles else self.outputs
        many, sizes = wide if self.mean or self.std else 0, (len(self.mean), len(self.std))
        finite = np.isfinite([*self.mean, *self.std]).all()
        if sizes != (many, many) or not finite or min(self.std, default=1.0) <= 0:
            raise ValueError(f"mean {self.mean} and std {self.std} of {self.outputs} outputs")
        if self.quantiles and len(self.quantiles) != self.outputs:
            raise ValueError(f"quantiles {self.quantiles} of {self.outputs} outputs")
        decides = self.problem in DECIDED and len(self.threshold) == self.outputs
        inside = all(0 < one < 1 for one in self.threshold)
        if self.threshold and not (decides and inside):
            raise ValueError(f"threshold {self.threshold} of {self.outputs} outputs")

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which numbers every value of the target lies, of whatever rows."""
        row = PROBLEMS[self.problem]
        if row.bounded:
            return 0.0, 1.0
        return 0.0 if self.log or row.activation == "exp" else -np.inf, np.inf

    def plain(self) -> dict[str, Any]:
        """As `pipeline.json` holds it; what earlier versions did not have is left out if unset."""
        return {name: value for name, value in asdict(self).items() if value or name not in _NEWER}

    def encode(self, values: Array) -> Array:
        """Values of the target as a model learns them; answers below its bounds as these."""
        values = np.log1p(np.maximum(values, 0)) if self.log else values
        return (values - _float32(self.mean)) / _float32(self.std) if self.mean else values

    def undo(self, values: Array) -> Array:
        """Numbers as a model gives them in the target's unit."""
        values = values * _float32(self.std) + _float32(self.mean) if self.mean else values
        return np.maximum(np.expm1(values), np.float32(0)) if self.log else values

    def name(self, values: Array) -> list[Any]:
        """What some values of the target stand for: a class, a list of labels, or numbers.

        Args:
            values: class ids (rows,), labels (rows, k) of which more than 0.5 is set, or numbers.
        """
        if not self.classes:
            return list(values.tolist())
        if values.ndim == 2:
            marked = (np.flatnonzero(row > 0.5).tolist() for row in values)
            return [[self.classes[place] for place in row] for row in marked]
        return list(map(self.classes.__getitem__, values.astype(np.int64).tolist()))

    def texts(self, values: Array) -> list[str]:
        """Some values of the target as a line of text each, numbers with five digits."""
        return ["|".join(_cells(one)) for one in self.name(values)]

    def choose(self, activated: Array) -> Array:
        """The class of each row, or whether it has each label, by its probabilities.

        Args:
            activated: of each class (rows, classes) or label (rows, labels), of the second of two
                classes (rows,).
        """
        if self.problem == "multiclass":
            return np.asarray(activated.argmax(axis=1))
        return np.asarray(activated > np.asarray(self.threshold or 0.5))

    def decode(self, activated: Array) -> Answers:
        """What a model's predictions say: logits after the activation (`dlx.losses.activate`)."""
        if not self.classes:
            numbers = self.undo(activated)
            if not self.quantiles:
                return Answers(numbers, self.name(numbers), None)
            every = numbers.reshape(len(numbers), -1)
            median = every[:, find_median(self.quantiles)]
            return Answers(median, self.name(median), None, every)
        chosen = self.choose(activated)
        return Answers(chosen, self.name(chosen), activated)


def merge(codecs: Sequence[TargetCodec]) -> TargetCodec:
    """What the mean of several models' answers stands for: by the mean of their thresholds."""
    given = [one.threshold for one in codecs]
    if len(codecs) == 1 or not all(given):
        return codecs[0]
    return replace(codecs[0], threshold=tuple(np.mean(given, axis=0).tolist()))


def find_median(quantiles: Sequence[float]) -> int:
    """The place of the quantile that is nearest to the median; of two the lower one."""
    return min(range(len(quantiles)), key=lambda place: abs(quantiles[place] - 0.5))


_NEWER = ("mean", "std", "threshold", "log", "quantiles")


def _float32(numbers: tuple[float, ...]) -> Array:
    return np.asarray(numbers, dtype=np.float32)


def _cells(value: Any) -> list[str]:
    cells = value if isinstance(value, list) else [value]
    return [cell if isinstance(cell, str) else f"{cell:.5g}" for cell in cells]


@dataclass(frozen=True)
class EncodedTarget:
    """A target ready for a loss.

    Attributes:
        values: float32 (rows,) or (rows, k), or int64 class ids (rows,) for multiclass.
        codec: what they stand for.
        weights: of each class in the training loss; empty where all count alike; of labels of rows
            that have each, then of rows that lack it.
    """

    values: Array
    codec: TargetCodec
    weights: tuple[float, ...] = ()

    @property
    def outputs(self) -> int:
        """How many numbers a model gives for it."""
        return self.codec.outputs

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of its classes or labels; empty for numbers."""
        return self.codec.classes

    def standardise(self, rows: Rows, log: bool = False) -> TargetCodec:
        """The codec of numbers that are learned less their mean, by their standard deviation.

        Args:
            rows: those that may be learnt from.
            log: whether ln(1 + number) is learned so.
        """
        numbers = self.values[rows].astype(np.float64).reshape(len(rows), -1)
        numbers = np.log1p(numbers) if log else numbers
        # The mean of equal numbers may be a bit off, which leaves a tiny deviation to divide by.
        constant = numbers.max(axis=0) == numbers.min(axis=0)
        std = np.where(constant, 1.0, numbers.std(axis=0))
        mean = numbers.mean(axis=0)
        return replace(self.codec, mean=tuple(mean.tolist()), std=tuple(std.tolist()), log=log)


def encode(
    samples: Samples,
    name: str,
    problem: str,
    positive: str = "",
    quantiles: tuple[float, ...] = (),
) -> EncodedTarget:
    """Checks a target column against its problem and encodes it.

    Args:
        samples: the dataset.
        name: the target's column.
        problem: its type.
        positive: name of the positive class of two; "": the second.
        quantiles: those of a number that a model gives; none: the number.

    Raises:
        UsageError: the values contradict the problem: three classes declared binary, several
            labels a row declared single-label, values outside [0, 1], holes; or there is no such
            positive class.
    """
    values, outputs, classes = _encode_target(samples, name, problem)
    place = _positive(name, positive, classes) if problem == "binary" else 1
    outputs = len(quantiles) or outputs
    codec = TargetCodec(problem, outputs, classes, place, quantiles=quantiles)
    return EncodedTarget(values, codec)


def _encode_target(samples: Samples, name: str, problem: str) -> tuple[Array, int, tuple[str, ...]]:
    """Values, outputs and classes."""
    given = samples.columns[name]
    if not isinstance(given, Dense):
        accepted = "numbers; of classes their ids from 0 (int64), and the names in `classes`"
        raise UsageError(Problem(f"target {name} holds {given.holds}", "", accepted))
    column = given.values
    _check_whole(column, name)
    classes = samples.classes.get(name, ())
    if not PROBLEMS[problem].classes:
        return *_encode_values(column, name, problem), ()
    if PROBLEMS[problem].answer == "labels":
        if column.ndim != 2:
            raise _contradiction(name, problem, "each row has one label", "multiclass")
        _check_values(column, name, np.isin(column, (0, 1)), "0 or 1 for each label")
        labels = column.shape[1]
        return column.astype(np.float32), labels, classes or tuple(map(str, range(labels)))
    if column.ndim != 1:
        raise _contradiction(name, problem, "each row has several labels", "multilabel")
    ids = column.astype(np.int64)
    _check_values(column, name, (ids == column) & (ids >= 0), "class ids: whole numbers from 0")
    count = max(len(classes), int(ids.max(initial=0)) + 1)
    names = classes or tuple(str(i) for i in range(count))
    if problem == "multiclass":
        _check_values(column, name, ids < len(names), f"class ids below {len(names)}")
        return ids, count, names
    if count != 2:
        raise _contradiction(name, problem, f"there are {count} classes", "multiclass")
    return ids.astype(np.float32), 1, names


def _positive(name: str, asked: str, classes: tuple[str, ...]) -> int:
    if asked and asked not in classes:
        near = find_nearest(asked, classes)
        what = f"`targets.{name}.positive` is {asked}, but there is no such class"
        hint = f"targets.{name}.positive={near or classes[-1]}"
        raise UsageError(Problem(what, "", join_names(classes), hint))
    return classes.index(asked) if asked else 1


def _encode_values(column: Array, name: str, problem: str) -> tuple[Array, int]:
    with np.errstate(over="ignore"):
        values = column.astype(np.float32)
    _check_values(column, name, np.isfinite(values), "numbers of less than 3.4e38, as float32 has")
    row = PROBLEMS[problem]
    if row.answer == "numbers":
        if values.ndim != 2:
            raise _contradiction(name, problem, "each row has one number", "regression")
        return values, values.shape[1]
    if values.ndim != 1:
        raise _contradiction(name, problem, "each row has several numbers", "vector_regression")
    if problem == "count_regression":
        whole = (values >= 0) & (values == np.floor(values))
        _check_values(column, name, whole, "counts: whole numbers from 0")
    if row.bounded and (values.min() < 0 or values.max() > 1):
        found = f"its values go from {values.min():g} to {values.max():g}"
        raise _contradiction(name, problem, found, "regression")
    return values, 1


def _check_whole(column: Array, name: str) -> None:
    if len(column) == 0:
        raise UsageError(Problem(f"target {name} has no rows"))
    bad = ~np.isfinite(column.astype(np.float64)).reshape(len(column), -1).all(axis=1)
    if bad.any():
        what = f"target {name} has {int(bad.sum()):,} rows without a finite number"
        where = f"first in row {int(np.flatnonzero(bad)[0])}"
        raise UsageError(Problem(what, where, "a value in every row"))


def _check_values(column: Array, name: str, right: npt.NDArray[np.bool_], accepted: str) -> None:
    if not right.all():
        place = tuple(np.argwhere(~right)[0])
        what = f"target {name} contains {column[place]:g}"
        raise UsageError(Problem(what, f"first in row {place[0]}", accepted))


def check_scale(key: str, target: EncodedTarget, scale: str) -> None:
    """Refuses numbers that have no logarithm, where that is learned.

    Args:
        key: of the target in the config.
        target: the target.
        scale: how it is asked to be learned.
    """
    if scale == "log" and len(target.values) and target.values.min() < 0:
        low = np.flatnonzero(target.values.reshape(len(target.values), -1).min(axis=1) < 0)
        what = f"`{key}.scale` is log, but the numbers go down to {target.values.min():g}"
        where = f"first below 0 in row {int(low[0])}"
        raise UsageError(Problem(what, where, "numbers from 0", f"{key}.scale=standardise"))


def _contradiction(name: str, problem: str, found: str, other: str) -> UsageError:
    what = f"target {name} is declared {PROBLEMS[problem].title}, but {found}"
    key = f"targets.{name}.problem"
    return UsageError(Problem(what, key, hint=f"{key}={other}"))


def class_counts(values: Array, classes: tuple[str, ...], rows: Rows) -> dict[str, int]:
    """How many of some rows belong to each class (or bear each label)."""
    mine = values[rows]
    if mine.ndim == 2:
        counts = mine.sum(axis=0).astype(np.int64)
    else:
        counts = np.bincount(mine.astype(np.int64), minlength=len(classes))
    return {name: int(count) for name, count in zip(classes, counts, strict=True)}
