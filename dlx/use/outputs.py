"""What is written of predictions: the columns of a row, in order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..data.targets import Answers, TargetCodec
from ..errors import Problem, UsageError

if TYPE_CHECKING:
    from .predictor import Predictions  # imports torch

Values = Sequence[Any] | npt.NDArray[Any]
Columns = dict[str, Values]
"""A value a row by the name of the column: numbers, texts, None, and lists of them."""


@dataclass(frozen=True)
class Shape:
    """What of the predictions is asked for.

    Attributes:
        top: how many classes, the most probable first; 0: only the answer.
        probabilities: whether the probability of every class.
        nested: whether a value may be a list or a mapping, as in JSON.
    """

    top: int = 0
    probabilities: bool = False
    nested: bool = False


def check_shape(shape: Shape, codecs: Mapping[str, TargetCodec]) -> None:
    """Refuses what no target has.

    Raises:
        UsageError: it asks for classes, and all targets are numbers.
    """
    if any(codec.classes for codec in codecs.values()):
        return
    for flag, asked in (("--top-k", shape.top), ("--probabilities", shape.probabilities)):
        if asked:
            what = f"{flag} is of classes, and the run predicts numbers: {', '.join(codecs)}"
            raise UsageError(Problem(what, flag, "a run that predicts classes", f"omit {flag}"))


def columns_of(found: Predictions, codecs: Mapping[str, TargetCodec], shape: Shape) -> Columns:
    """The columns of some rows: those of each target, then what concerns the whole row.

    An answer is called as its target; whatever else would have that name gets another, see `free`.

    Args:
        found: the predictions.
        codecs: what the values of each target stand for.
        shape: what is asked for.
    """
    columns: Columns = {}
    beside = dict(found.beside)
    for name, answers in found.answers.items():
        more = _of_target(name, answers, codecs[name], shape)
        more |= {one: beside.pop(one) for one in [*beside] if one.startswith(f"{name}_")}
        for one, values in more.items():
            columns[one if one == name else free(one, {*found.answers, *columns})] = values
    for one, values in beside.items():
        columns[free(one, {*found.answers, *columns})] = values
    return columns


def free(name: str, taken: Collection[str]) -> str:
    """A name of a column that no other has: itself, or with as many _ behind it as that takes."""
    while name in taken:
        name += "_"
    return name


def _of_target(name: str, answers: Answers, codec: TargetCodec, shape: Shape) -> Columns:
    if not codec.classes:
        found = dict(_numbers(name, answers.values, shape))
        if answers.quantiles is not None:
            pairs = zip(codec.quantiles, answers.quantiles.T, strict=True)
            found |= {f"{name}_q{one:g}": values for one, values in pairs}
        return found
    chances = answers.probabilities
    assert chances is not None, "classes have probabilities"
    columns: Columns = {name: answers.names}
    if codec.problem == "multilabel":
        each = chances
    elif chances.ndim == 1:
        each = np.stack([1 - chances, chances], axis=1)
    else:
        each = chances
    if codec.problem != "multilabel":
        chosen = np.asarray(answers.values).astype(np.int64)
        columns[f"{name}_probability"] = np.take_along_axis(each, chosen[:, None], 1)[:, 0]
    if shape.top:
        columns |= dict(_top(name, each, codec.classes, shape))
    if shape.probabilities:
        columns |= dict(_every(name, each, codec.classes, shape))
    return columns


def _numbers(name: str, values: npt.NDArray[Any], shape: Shape) -> Iterator[tuple[str, Values]]:
    """A number a row, or several: numbered from 1, where they cannot be a list."""
    if values.ndim == 1:
        yield name, values
    elif shape.nested:
        yield name, values.tolist()
    else:
        for place in range(values.shape[1]):
            yield f"{name}_{place + 1}", values[:, place]


def _top(
    name: str, each: npt.NDArray[Any], classes: Sequence[str], shape: Shape
) -> Iterator[tuple[str, Values]]:
    """The most probable classes; of equal ones the first."""
    order = np.argsort(-each, axis=1, kind="stable")[:, : shape.top]
    shares = np.take_along_axis(each, order, axis=1)
    named = np.asarray(classes, dtype=object)[order]
    if shape.nested:
        yield (
            f"{name}_top",
            [
                [{"class": c, "probability": p} for c, p in zip(*row, strict=True)]
                for row in zip(named.tolist(), _plain(shares), strict=True)
            ],
        )
        return
    for place in range(order.shape[1]):
        yield f"{name}_{place + 1}", named[:, place].tolist()
        yield f"{name}_{place + 1}_probability", shares[:, place]


def _every(
    name: str, each: npt.NDArray[Any], classes: Sequence[str], shape: Shape
) -> Iterator[tuple[str, Values]]:
    """The probability of every class or label."""
    if shape.nested:
        rows = _plain(each)
        yield f"{name}_probabilities", [dict(zip(classes, row, strict=True)) for row in rows]
        return
    for place, one in enumerate(classes):
        yield f"{name}_probability_{one}", each[:, place]


def _plain(values: npt.NDArray[Any]) -> list[list[float]]:
    return [[shorten(one) for one in row] for row in values]


def shorten(value: Any) -> float:
    """A number as one of Python's that is the same in its own precision, with few digits."""
    return float(f"{value:.9g}") if isinstance(value, np.float32) else float(value)
