"""What a reader of new rows gives: frames in bounded memory, and where each row stands."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...config.names import join_names
from ...config.schema import Config
from ...data.columns import Rows as Places
from ...data.samples import Frame
from ...errors import Problem, UsageError
from ..outputs import Columns, Values
from ..predicting import Wanted

if TYPE_CHECKING:
    from ..predictor import Predictions  # imports torch

READERS = (
    "dlx.use.rows.pictures:PictureReader",
    "dlx.use.rows.series:SeriesReader",
    "dlx.use.rows.texts:TextReader",
    "dlx.use.rows.tables:TableReader",
)
"""Readers as "module:attribute"; the first that takes what a run wants is taken."""
STANDARD_INPUT = "standard input"
"""What it is called in place of its file's name."""
SHOWN = 3
"""Broken rows that are named."""


@dataclass(frozen=True)
class Broken:
    """A row that cannot be predicted.

    Attributes:
        where: it stands, as in "new.csv, line 7".
        what: is wrong with it.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, eq=False)
class Rows:
    """Some new rows.

    Attributes:
        frame: the columns that the run's preparation reads; rows that are broken are left out.
        ids: what each row of the frame is known by.
        kept: columns of the input that are handed through.
        where: where a row of the frame stands, by its place.
        broken: the rows that are left out.
    """

    frame: Frame
    ids: Values
    kept: Columns
    where: Callable[[int], str]
    broken: Sequence[Broken] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, places: Places, broken: Sequence[Broken] = ()) -> Rows:
        """Some of them, in this order; those that are broken are told by the caller."""
        frame = Frame({name: one.take(places) for name, one in self.frame.columns.items()})
        listed: list[int] = places.tolist()
        kept: Columns = {n: [one[at] for at in listed] for n, one in self.kept.items()}
        ids = [self.ids[at] for at in listed]
        return Rows(frame, ids, kept, lambda place: self.where(listed[place]), broken)


@dataclass(frozen=True)
class Asked:
    """What new rows are read from, and for which run.

    Attributes:
        config: of the run.
        wanted: what its preparation reads.
        paths: the files or folders.
        keep: names of columns to hand through.
        named: what each path is called, where that is not its own name, as "standard input".
    """

    config: Config
    wanted: tuple[Wanted, ...]
    paths: tuple[Path, ...]
    keep: tuple[str, ...] = ()
    named: dict[Path, str] = field(default_factory=dict)

    def name(self, path: Path) -> str:
        """What a path is called in messages."""
        return self.named.get(path, path.name)


class Reader(ABC):
    """Reads new rows of one kind. Made once for all files; what does not fit is told at once.

    Args:
        asked: what to read.

    Attributes:
        called: the name of the column of what rows are known by.
        notes: what is worth a word, a sentence each.

    Raises:
        UsageError: the files are no such rows, or lack columns.
    """

    called: str = "row"

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.notes: list[str] = []

    @classmethod
    @abstractmethod
    def takes(cls, asked: Asked) -> bool:
        """Whether it can read such rows."""

    def arrange(self, rows: Rows, found: Predictions) -> tuple[Rows, Predictions]:
        """Rows and predictions as they are written; here as they are."""
        return rows, found

    @abstractmethod
    def blocks(self) -> Iterator[Rows]:
        """The rows, block after block.

        Raises:
            UsageError: a file breaks off, or is no such file after all.
        """


def choose_reader(asked: Asked) -> Reader:
    """The reader of some new rows.

    Raises:
        UsageError: none takes what the run wants, or as of the reader.
    """
    for code in READERS:
        module, _, attribute = code.partition(":")
        kind: type[Reader] = getattr(importlib.import_module(module), attribute)
        if kind.takes(asked):
            return kind(asked)
    held = join_names(f"{one.name} ({one.kind})" for one in asked.wanted)
    what = f"dlx predict has no reader of new rows with the inputs {held}"
    accepted = "runs on tables, pictures, texts or windows"
    hint = "dlx.use.predictor.Predictor.predict(frame) takes them in Python"
    raise UsageError(Problem(what, "FILE", accepted, hint))
