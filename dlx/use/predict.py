"""Files of new rows in, a file of predictions out, block after block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ..config.names import plural
from ..data.columns import Dense
from ..errors import Problem, UsageError
from ..interrupts import check
from ..progress import tell
from .outputs import Columns, Shape, columns_of, free
from .predictor import Predictions, Predictor
from .rows import Broken, Reader, Rows
from .rows.base import SHOWN
from .written import Writer

TOLD = "rows predicted"
GIVEN = "given_"
"""Stands before the name of a column that is handed through, where an answer has it too."""


@dataclass
class Done:
    """What has been predicted.

    Attributes:
        rows: how many.
        left_out: how many were broken.
        broken: the first of them.
    """

    rows: int = 0
    left_out: int = 0
    broken: list[Broken] = field(default_factory=list)

    def leave_out(self, broken: list[Broken]) -> None:
        """Counts rows that are left out."""
        self.left_out += len(broken)
        self.broken += broken[: SHOWN - len(self.broken)]


def predict_rows(
    predictor: Predictor, reader: Reader, writer: Writer, shape: Shape, skip_broken: bool
) -> Done:
    """Predicts all rows of a reader.

    Args:
        predictor: the run.
        reader: of the rows.
        writer: takes the predictions.
        shape: what of them is written.
        skip_broken: whether rows that cannot be predicted are left out; else they are refused.

    Raises:
        UsageError: a row cannot be predicted, or a file cannot be read.
    """
    done = Done()
    for rows in reader.blocks():
        check()
        for some, found in _answer(predictor, rows, done, skip_broken):
            writer.write(_columns(reader.called, *reader.arrange(some, found), predictor, shape))
            done.rows += len(some)
        tell(TOLD, done.rows, 0)
    tell(TOLD, done.rows, max(1, done.rows))
    if not done.rows:
        raise UsageError(_nothing(reader, done))
    return done


def _answer(
    predictor: Predictor, rows: Rows, done: Done, skip: bool
) -> Iterator[tuple[Rows, Predictions]]:
    """The predictions of a block; where a row is to blame, of the rows beside it."""
    if rows.broken:
        _leave_out(list(rows.broken), done, skip)
    if not len(rows):
        return
    try:
        yield rows, predictor.answers(rows.frame)
        return
    except UsageError as error:
        if len(rows) == 1:
            _leave_out([Broken(rows.where(0), _explain(rows, error))], done, skip)
            return
    half = len(rows) // 2
    for places in (np.arange(half), np.arange(half, len(rows))):
        yield from _answer(predictor, rows.take(places), done, skip)


def _explain(rows: Rows, error: UsageError) -> str:
    """Why a row cannot be predicted: which of its cells are empty, where it is that."""
    empty: list[str] = []
    for column in rows.frame.columns.values():
        if isinstance(column, Dense) and column.names and column.missing():
            holes = np.flatnonzero(np.isnan(column.values[0])).tolist()
            empty += [column.names[place] for place in holes]
    if empty:
        many = "columns" if empty[1:] else "column"
        return f"{many} {', '.join(empty)} empty, which the run's preparation fills with nothing"
    return "; ".join(one.what for one in error.problems)


def _leave_out(broken: list[Broken], done: Done, skip: bool) -> None:
    """Counts rows that are broken, or refuses them.

    Raises:
        UsageError: they are not to be left out.
    """
    if skip:
        done.leave_out(broken)
        return
    first, *more = broken
    also = f" (and {plural(len(more), 'row')} more nearby)" if more else ""
    accepted = "rows as those of the training data"
    hint = "mend the file, or --skip-broken leaves such rows out"
    raise UsageError(Problem(f"{first.what}{also}", first.where, accepted, hint))


def _nothing(reader: Reader, done: Done) -> Problem:
    where = ", ".join(reader.asked.name(path) for path in reader.asked.paths)
    if not done.left_out:
        return Problem("there is no row to predict", where, "a row or more below the header")
    first = done.broken[0]
    return Problem(f"all {done.left_out:,} rows are broken: {first.what}", first.where)


def _columns(
    called: str, rows: Rows, found: Predictions, predictor: Predictor, shape: Shape
) -> Columns:
    """All columns of some rows, in order."""
    told = columns_of(found, predictor.codecs, shape)
    kept = {GIVEN + n if n in told or n == called else n: one for n, one in rows.kept.items()}
    return {free(called, {*kept, *told}): rows.ids, **kept, **told}
