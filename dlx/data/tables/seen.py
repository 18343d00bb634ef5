"""What a column's cells are, over all rows: their texts, how often, and where first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from .block import Block, Cells
from .cells import Writing, read_numbers

MOST = 100_000
"""Different texts of a column that are kept."""
ALL = 4_000_000
"""Of all columns together, at most."""


@dataclass
class Seen:
    """The cells of one column.

    Attributes:
        name: of the column.
        most: different texts that are kept.
        texts: each different cell, without blanks around it: how often it was seen.
        first: where it stands for the first time, as in "line 7".
        whole: whether these are all of them.
        plain: whether every cell is a plain number or missing, as no number with a comma is.
        counting: whether every cell is one more than the one before.
        rows: how many cells there are.
        missing: how many of them stand for a missing value.
    """

    name: str
    most: int
    texts: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    whole: bool = True
    plain: bool = True
    counting: bool = True
    rows: int = 0
    missing: int = 0
    _last: float | None = None

    def add(self, block: Block, how: Writing) -> None:
        """Looks at the cells of one block."""
        given = block.column(self.name)
        self.rows += len(given)
        if self.plain and self._add_numbers(given, how) and not self.whole:
            return  # numbers, of which there are too many different ones to be kept
        cells = [cell.strip() for cell in given]
        counts = Counter(cells)
        if not self.plain:
            self.missing += sum(counts[marker] for marker in how.missing)
        fresh = [text for text in counts if text not in self.texts]
        if len(self.texts) + len(fresh) > self.most:
            self.whole = False
            fresh = fresh[: self.most - len(self.texts)]
        if fresh:
            firsts = dict(zip(reversed(cells), range(len(cells) - 1, -1, -1), strict=True))
            self.first.update((text, block.where(firsts[text])) for text in fresh)
        if not self.whole:
            new = {*fresh}
            counts = Counter({t: n for t, n in counts.items() if t in self.texts or t in new})
        self.texts.update(counts)

    def _add_numbers(self, cells: Cells, how: Writing) -> bool:
        """Whether all cells are plain numbers or missing; counts the latter, where they are."""
        found = read_numbers(cells, how)
        self.plain = not found.wrong
        self.counting = self.counting and self.plain
        if not self.plain:
            return False
        values = found.values
        self.missing += int(np.isnan(values).sum())
        if self.counting:
            before = values[0] - 1 if self._last is None else self._last
            self.counting = bool((np.diff(values, prepend=before) == 1).all())
            self._last = float(values[-1])
        return True

    def known(self, missing: Iterable[str]) -> list[str]:
        """The different texts that stand for a value."""
        lacking = {*missing}
        return [text for text in self.texts if text not in lacking]

    def count(self, texts: Iterable[str]) -> int:
        """How many cells have one of these texts."""
        return sum(self.texts[text] for text in texts)

    def show(self, texts: Iterable[str], most: int = 3) -> str:
        """Some of these texts, each with its first place."""
        every = [*texts]
        told = [
            f"{shorten(text)} in {self.first.get(text, 'a later row')}" for text in every[:most]
        ]
        more = f" and {len(every) - most:,} more" if len(every) > most else ""
        return ", ".join(told) + more


LONGEST = 40
"""Characters of a cell that a message shows."""


def shorten(cell: str) -> str:
    """A cell as a message shows it."""
    return repr(cell if len(cell) <= LONGEST else f"{cell[: LONGEST - 1]}…")
