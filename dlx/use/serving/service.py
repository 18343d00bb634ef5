"""Answers of a finished run to the rows of requests."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from ...config.schema import Config
from ...config.specs.pictures import FORMATS, Decoding
from ...data.columns import Column, Image, Window
from ...data.samples import Frame
from ...data.tables import Block
from ...errors import Problem, UsageError
from ..outputs import Shape, check_shape, columns_of
from ..predicting import Wanted
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

    Attributes:
        predictor: as given.
        fields: what a row has.

    Raises:
        UsageError: the run has an input that no request can hold.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        held = {n: raw.holds for n, raw in predictor.members[0].pipeline.raw.items()}
        cells, rest = _part(predictor.inputs)
        self._framing = framing_of(predictor.config, cells) if cells else None
        pictures: dict[str, Decoding] = {}
        self._windows: dict[str, tuple[int, int, int]] = {}
        for one in rest:
            told = held.get(one.name, "")
            if one.kind == "image" and (found := _PICTURE.fullmatch(told)):
                sizes = tuple(map(int, found.groups()))
                pictures[one.name] = _decoding(predictor.config, (sizes[0], sizes[1], sizes[2]))
            elif one.kind == "window" and (found := _WINDOW.fullmatch(told)):
                self._windows[one.name] = int(found[1]), int(found[2] or 1), int(found[3])
            else:
                what = f"dlx serve cannot take the input {one.name}, which holds {told or one.kind}"
                raise UsageError(Problem(what, "", "tables, pictures, texts or windows"))
        windows = {name: (steps, many) for name, (steps, _, many) in self._windows.items()}
        names = self._framing.needed if self._framing else ()
        texts = frozenset(one.name for one in cells if one.kind == "text")
        self.fields = Fields(names, pictures, windows, texts)

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
        for name in self.fields.pictures:
            columns[name] = Image(np.stack([row[name] for row in rows]))
        for name, (steps, step, _) in self._windows.items():
            columns[name] = _window([row[name] for row in rows], steps, step)
        return Frame(columns)


def jobs_rows(jobs: Sequence[Asked]) -> Sequence[Sequence[Row]]:
    """The rows of each."""
    return [job.rows for job in jobs]


def _part(wanted: Sequence[Wanted]) -> tuple[list[Wanted], list[Wanted]]:
    """Inputs that cells of a table make, and the others."""
    cells = [one for one in wanted if one.kind in KINDS]
    return cells, [one for one in wanted if one.kind not in KINDS]


def _decoding(config: Config, sizes: tuple[int, int, int]) -> Decoding:
    """How the run's pictures were made of files; of other datasets, their size and colours."""
    options = config.dataset.options
    if isinstance(options, Decoding):
        return replace(Decoding.of(options), formats=FORMATS)
    channels, height, width = sizes
    return Decoding(size=(height, width), colour="grey" if channels == 1 else "rgb")


def _window(rows: Sequence[np.typing.NDArray[np.float64]], steps: int, step: int) -> Window:
    """Rows end to end as a series, with as much between the steps as in training."""
    span = steps * step
    series = np.zeros((len(rows) * span, rows[0].shape[1]))
    series[step - 1 :: step] = np.concatenate(rows)
    ends = np.arange(1, len(rows) + 1, dtype=np.int64) * span - 1
    return Window(series, ends, (steps - 1) * step + 1, step)


def _refusal(error: Exception) -> RefusedError:
    if isinstance(error, RefusedError):
        return error
    assert isinstance(error, UsageError)
    (first, *_) = error.problems
    return RefusedError(422, first.what, first.accepted)
