"""Passages: rows that are stretches of one text, which is held once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from ...errors import Problem, UsageError
from ..profile import Profile
from .base import Array, Column, Input, Rows, Shown


@dataclass(frozen=True, eq=False)
class Passages(Column):
    """Rows that each hold some tokens of a text, and the one that follows them.

    Attributes:
        series: the number of each token of the text, (tokens,).
        starts: the token that each row begins with, (rows,), int64.
        length: tokens of a row but the last, which is told from them.
        words: the token of each number.
        widths: how many characters each token of the text has, (tokens,); none before the numbers
            are those of a vocabulary of training rows, in which 0 is what is unknown.
    """

    kind: ClassVar[str] = "passages"
    held: ClassVar[str] = "dlx.sources.passages:HeldPassages"
    instead: ClassVar[str] = "leave it out: the step vocabulary is all that a text needs"

    series: Array
    starts: Rows
    length: int
    words: tuple[str, ...] = ()
    widths: Array = field(default_factory=lambda: np.zeros(0, np.uint16))

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def holds(self) -> str:
        """What it holds, in words."""
        return f"stretches of {self.length + 1} tokens of a text"

    @property
    def numbered(self) -> bool:
        """Whether the numbers are those of a vocabulary."""
        return len(self.widths) == len(self.series)

    def take(self, rows: Rows) -> Self:
        """These rows, in this order, of the same text."""
        return replace(self, starts=self.starts[rows])

    def places(self) -> Rows:
        """Where in the text each token of each row stands, (rows, length + 1)."""
        found: Rows = self.starts[:, None] + np.arange(self.length + 1)
        return found

    def hashes(self, rows: Rows) -> list[bytes]:
        """A hash of the numbers in each of these rows."""
        whole, size = np.ascontiguousarray(self.series).tobytes(), self.series.itemsize
        span = (self.length + 1) * size
        begins = (self.starts[rows] * size).tolist()
        return [blake2b(whole[at : at + span], digest_size=16).digest() for at in begins]

    def describe(self) -> Input:
        """Ids in order.

        Raises:
            UsageError: they have no numbers of a vocabulary, as a predicate.
        """
        if not self.numbered:
            what = "still holds the text's own tokens after preparation"
            hint = "'prepare.steps=[{name: vocabulary}]'"
            raise UsageError(Problem(what, "", "numbers that the training rows give", hint))
        return Input("ids", (self.length + 1,), len(self.words), words=self.words)

    def text(self, row: int) -> str:
        """The text of a row."""
        start = self.starts[row]
        ids = self.series[start : start + self.length + 1].tolist()
        return "".join(self.words[at] for at in ids)

    def show(self, row: int) -> Shown:
        """The text of a row."""
        return Shown("text", self.text(row))

    def reached(self) -> npt.NDArray[np.bool_]:
        """Which tokens of the text some row holds, (tokens,)."""
        steps = np.zeros(len(self.series) + 1, np.int64)
        np.add.at(steps, self.starts, 1)
        np.add.at(steps, self.starts + self.length + 1, -1)
        found: npt.NDArray[np.bool_] = steps.cumsum()[:-1] > 0
        return found

    def counts(self) -> Rows:
        """How often each number stands in the tokens that some row holds."""
        return np.bincount(self.series[self.reached()], minlength=len(self.words))

    def profile(self, name: str) -> Iterator[Profile]:
        """How many tokens there are, and which is the most frequent."""
        counts = self.counts()
        total, top = int(counts.sum()), int(counts.argmax()) if len(counts) else 0
        told = f"{total:,} tokens, {int((counts > 0).sum()):,} different"
        share = float(counts[top]) / total if total else 0.0
        yield Profile(name, "", told, top=repr(self.words[top]) if total else "", share=share)
