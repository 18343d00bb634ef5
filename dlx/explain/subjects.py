"""What is looked at: rows of the dataset, and files that are prepared as the run's rows were."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from ..data.columns import Array, Rows
from .drawing import Pixels, as_pixels
from .opened import Opened, Subject

MOST = 6
"""Rows that are looked at where none is named."""
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


def subjects_of_rows(opened: Opened, rows: Sequence[int]) -> tuple[Subject, ...]:
    """Rows of the dataset, by their numbers; looks at test rows are counted.

    Raises:
        UsageError: there is no such row.
    """
    part = opened.take(np.array(rows, dtype=np.int64))
    targets = opened.fold.targets
    return tuple(
        Subject(
            f"row {row} ({opened.set_of(row) or 'in no set'})",
            f"row-{row}",
            part.batch(place, place + 1).inputs,
            {n: one.codec.texts(one.values[[row]])[0] for n, one in targets.items()},
            row,
        )
        for place, row in enumerate(rows)
    )


def usual_rows(opened: Opened) -> list[int]:
    """A few validation rows, of each class in turn; training rows where none validate."""
    _, part = opened.looking()
    rows = part.numbers.cpu().numpy()
    rows = rows[rows < len(opened.fold.data.samples)]  # copies of rows have numbers of their own
    for codec, values in ((t.codec, t.values) for t in opened.fold.targets.values()):
        if codec.classes and values.ndim == 1:
            return _take_turns(rows, values[rows])[:MOST]
    return [int(row) for row in rows[:MOST]]


def _take_turns(rows: Rows, classes: Array) -> list[int]:
    """Rows of each class in turn, those of a class in their order."""
    turn = np.zeros(len(rows), np.int64)
    for one in np.unique(classes):
        turn[classes == one] = np.arange((classes == one).sum())
    return [int(row) for row in rows[np.lexsort((classes, turn))]]


def picture_of(opened: Opened, subject: Subject, name: str) -> Pixels:
    """An input of a subject as people see it.

    Args:
        opened: the run.
        subject: a row, or a file.
        name: of an input that is a picture.
    """
    if subject.row is not None:
        shown = opened.fold.data.samples.columns[name].show(subject.row)
        return as_pixels(np.asarray(shown.content))
    if name in subject.pictures:
        return as_pixels(subject.pictures[name])
    given = subject.inputs[name]
    assert isinstance(given, Tensor), "a picture is numbers"
    return as_pixels(given[0].cpu().numpy())


def slug_of(file: Path) -> str:
    """A file's name in the names of others."""
    return _UNSAFE.sub("-", file.stem).strip("-")[:40] or "file"
