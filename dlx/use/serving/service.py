"""Answers of a finished run to the rows of requests."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from ...config.schema import Config
from ...config.specs.pictures import FORMATS, Decoding
from ...data.columns import Array, Column, Dense, Image, Window
from ...data.samples import Frame
from ...data.tables import Block
from ...errors import Problem, UsageError
from ..outputs import Shape, check_shape, columns_of
from ..predicting import Wanted, features_in, profile_of
from ..predictor import Predictor
from ..rows.framing import KINDS, framing_of
from ..written import JsonWriter
from .asked import Asked, Fields, Row
from .limits import RefusedError

_WINDOW = re.compile(r"windows of (\d+) steps(?:, (\d+) apart)?, with (\d+) features")
_PICTURE = re.compile(r"pictures of (\d+) x (\d+) x (\d+) bytes")


class Service:
    """A run that answers rows.

    Args:
        predictor: the run.
        recorded: what its `data.json` says of the training data.

    Attributes:
        predictor: as given.
        fields: what a row has.

    Raises:
        UsageError: the run has an input that no request can hold.
    """

    def __init__(self, predictor: Predictor, recorded: Mapping[str, Any]) -> None:
        self.predictor = predictor
        raw = predictor.members[0].pipeline.raw.items()
        held = {one.of or name: one.holds for name, one in raw}
        cells = [one for one in predictor.inputs if _is_cells(one)]
        self._framing = framing_of(predictor.config, cells) if cells else None
        self._others = [
            _other(one, held.get(one.name, ""), recorded, predictor.config)
            for one in predictor.inputs
            if not _is_cells(one)
        ]
        self.fields = Fields(
            self._framing.needed if self._framing else (),
            {one.name: one.decoding for one in self._others if one.decoding},
            {one.name: one.shape for one in self._others if not one.decoding},
            frozenset(one.name for one in cells if one.kind == "text"),
            self._framing.decimal if self._framing else ".",
        )

    def check(self, shape: Shape) -> None:
        """Refuses to tell what no target has.

        Raises:
            RefusedError: it is asked for.
        """
        try:
            check_shape(shape, self.predictor.codecs)
        except UsageError:
            what = "top_k and probabilities are of classes, and the run predicts numbers"
            raise RefusedError(422, what) from None

    def answer(self, jobs: Sequence[Asked]) -> list[bytes | Exception]:
        """The answers to some requests as JSON, or why there is none; one spoils no other's."""
        try:
            return list(self._answer(jobs))
        except (RefusedError, UsageError) as error:
            if len(jobs) == 1:
                return [_refusal(error)]
            half = len(jobs) // 2
            return [*self.answer(jobs[:half]), *self.answer(jobs[half:])]

    def _answer(self, jobs: Sequence[Asked]) -> list[bytes]:
        """All at once.

        Raises:
            RefusedError: a cell is no such value.
            UsageError: the rows cannot be prepared.
        """
        found = self.predictor.answers(self._frame([*chain.from_iterable(jobs_rows(jobs))]))
        lines: dict[Shape, list[bytes]] = {}
        answers, start = [], 0
        for job in jobs:
            if job.shape not in lines:
                stream = io.BytesIO()
                JsonWriter(stream).write(columns_of(found, self.predictor.codecs, job.shape))
                lines[job.shape] = stream.getvalue().splitlines()
            mine = lines[job.shape][start : start + len(job)]
            answers.append(b'{"predictions": [' + b", ".join(mine) + b"]}\n")
            start += len(job)
        return answers

    def _frame(self, rows: Sequence[Row]) -> Frame:
        columns: dict[str, Column] = {}
        if self._framing is not None:
            names = self._framing.needed
            cells = tuple([row[name] for row in rows] for name in names)
            block = Block(Path("request"), names, cells, 0, range(len(rows)), "row")
            wrong: dict[int, str] = {}
            columns |= self._framing.columns(block, wrong)
            if wrong:
                first = min(wrong)
                raise RefusedError(422, f"row {first}: {wrong[first]}")
        for one in self._others:
            columns[one.name] = one.column(np.stack([row[one.name] for row in rows]))
        return Frame(columns)


def jobs_rows(jobs: Sequence[Asked]) -> Sequence[Sequence[Row]]:
    """The rows of each."""
    return [job.rows for job in jobs]


@dataclass(frozen=True)
class _Other:
    """An input that no cells make.

    Attributes:
        name: of it.
        shape: of a row.
        column: makes it of rows.
        decoding: how it is made of a picture; None of numbers.
    """

    name: str
    shape: tuple[int, ...]
    column: Callable[[Array], Column]
    decoding: Decoding | None = None


def _is_cells(one: Wanted) -> bool:
    """Whether cells of a table make it."""
    return one.kind in KINDS and len(one.shape) < 2


def _other(one: Wanted, holds: str, recorded: Mapping[str, Any], config: Config) -> _Other:
    """How an input that no cells make is made.

    Raises:
        UsageError: nothing here makes it.
    """
    if found := _PICTURE.fullmatch(holds):
        channels, height, width = map(int, found.groups())
        how = _decoding(config, (channels, height, width))
        return _Other(one.name, (channels, height, width), Image, how)
    if found := _WINDOW.fullmatch(holds):
        steps, step, many = int(found[1]), int(found[2] or 1), int(found[3])
        names = tuple(features_in(recorded, one.name))
        names = names if len(names) == many and all(names) else ()
        return _Other(one.name, (steps, many), partial(_window, step, names))
    if one.kind == "dense" and one.shape:
        of_bytes = _bytes(one.shape) if _has_bytes(recorded, one.name) else None
        return _Other(one.name, one.shape, _picture if of_bytes else Dense, of_bytes)
    what = f"dlx serve cannot take the input {one.name}, which holds {holds or one.kind}"
    raise UsageError(Problem(what, "", "tables, pictures, texts or windows"))


def _has_bytes(recorded: Mapping[str, Any], name: str) -> bool:
    """Whether numbers of the training rows were those of pictures, as far as they tell."""
    ends = [(one.get("low"), one.get("high")) for one in profile_of(recorded, name)]
    return ends == [(0.0, 255.0)]


def _bytes(shape: tuple[int, ...]) -> Decoding | None:
    """How a picture becomes numbers of a shape: (height, width), or with colours at last."""
    if len(shape) == 2:
        return Decoding(size=shape, colour="grey")
    return Decoding(size=shape[:2], colour="rgb") if shape[2:] == (3,) else None


def _picture(pixels: Array) -> Dense:
    """Pictures as numbers; those of a single channel have no axis for it."""
    return Dense(pixels[:, 0] if pixels.shape[1] == 1 else np.moveaxis(pixels, 1, -1))


def _decoding(config: Config, sizes: tuple[int, int, int]) -> Decoding:
    """How the run's pictures were made of files; of other datasets, their size and colours."""
    options = config.dataset.options
    if isinstance(options, Decoding):
        return replace(Decoding.of(options), formats=FORMATS)
    channels, height, width = sizes
    return Decoding(size=(height, width), colour="grey" if channels == 1 else "rgb")


def _window(step: int, names: tuple[str, ...], rows: Array) -> Window:
    """Rows end to end as a series, with as much between the steps as in training."""
    many, steps, features = rows.shape
    series = np.zeros((many * steps * step, features))
    series[step - 1 :: step] = rows.reshape(-1, features)
    ends = np.arange(1, many + 1, dtype=np.int64) * steps * step - 1
    return Window(series, ends, (steps - 1) * step + 1, step, names)


def _refusal(error: Exception) -> RefusedError:
    if isinstance(error, RefusedError):
        return error
    assert isinstance(error, UsageError)
    (first, *_) = error.problems
    return RefusedError(422, first.what, first.accepted)
