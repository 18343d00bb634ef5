"""What is looked at: rows of the dataset, and files that are prepared as the run's rows were."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..data.draw import take_turns
from .drawing import Pixels, as_pixels
from .opened import Opened, Subject, spread

MOST = 6
"""Rows that are looked at where none is named."""
CANDIDATES = 2000
"""Texts among which those are chosen, at most."""
_BATCH = 64
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
    if "text" in opened.kinds.values() and (surest := _surest(opened)):
        return surest
    rows = part.numbers.cpu().numpy()
    rows = rows[rows < len(opened.fold.data.samples)]  # copies of rows have numbers of their own
    for codec, values in ((t.codec, t.values) for t in opened.fold.targets.values()):
        if codec.classes and values.ndim == 1:
            return [int(row) for row in take_turns(rows, values[rows])[:MOST]]
    return [int(row) for row in rows[spread(len(rows), MOST).numpy()]]


def _surest(opened: Opened) -> list[int]:
    """Of texts those that the network is surest of, as many right ones as wrong ones.

    Of `CANDIDATES` rows, evenly spaced; none where the first target is no class.
    """
    name, codec = next(iter(opened.codecs.items()), ("", None))
    if codec is None or codec.problem not in ("binary", "multiclass"):
        return []
    _, part = opened.rows_looked_at(CANDIDATES)
    found = [opened.scores(batch.inputs)[name] for batch in part.in_order(_BATCH)]
    shares, truth = torch.cat(found).cpu(), part.targets[name].cpu()
    said = torch.from_numpy(codec.choose(shares.numpy())).long()
    sure = shares.amax(1) if shares.ndim > 1 else torch.maximum(shares, 1 - shares)
    own = part.numbers.cpu() < len(opened.fold.data.samples)  # no copies
    order = sure.argsort(descending=True, stable=True)
    chosen = [
        [at for at in order.tolist() if own[at] and bool(said[at] == truth[at].long()) is right]
        for right in (True, False)
    ]
    half = MOST // 2
    return [int(part.numbers[at]) for places in chosen for at in places[:half]]


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
