"""Windows over a series: rows that are stretches of the same table, which is held once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from ...config.names import plural
from ...errors import Problem, UsageError
from ..profile import Profile
from ..unlike import Unlike
from .base import Array, Column, Input, Rows, Shown
from .dense import Dense

_PRIME = 2**127 - 1
_BASE = int.from_bytes(blake2b(b"windows of a series", digest_size=15).digest())


@dataclass(frozen=True, eq=False)
class Window(Column):
    """Rows that each hold the last steps of a series up to one of them.

    Attributes:
        series: shape (steps, features), in the order of time.
        ends: the step that each row ends with, which it holds, (rows,), int64.
        lookback: steps of the series that a row spans, its last one among them.
        step: every so many of these are held, counted back from the last.
        names: of the features, where they have any.
    """

    kind: ClassVar[str] = "window"
    held: ClassVar[str] = "dlx.sources.windows:HeldWindows"
    instead: ClassVar[str] = "leave it out: layers take windows as sequences, mlp flattens them"

    series: Array
    ends: Rows
    lookback: int
    step: int = 1
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        first, last = self.behind, len(self.series) - 1
        if len(self.ends) and (self.ends.min() < first or self.ends.max() > last):
            what = f"windows over {self.lookback:,} steps lie partly outside their series"
            raise UsageError(Problem(what, accepted=f"ends from {first:,} to {last:,}"))

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def length(self) -> int:
        """How many steps a row holds."""
        return -(-self.lookback // self.step)

    @property
    def behind(self) -> int:
        """How many steps before its last one a row's first lies."""
        return (self.length - 1) * self.step

    @property
    def offsets(self) -> Rows:
        """How far before its last one each step of a row lies, the earliest first."""
        return np.arange(self.length, dtype=np.int64)[::-1] * self.step

    @property
    def holds(self) -> str:
        """What it holds, in words."""
        apart = f", {self.step} apart" if self.step > 1 else ""
        return f"windows of {self.length} steps{apart}, with {self.series.shape[1]} features"

    def take(self, rows: Rows) -> Self:
        """These rows, in this order, of the same series."""
        return replace(self, ends=self.ends[rows])

    def hashes(self, rows: Rows) -> list[bytes]:
        """A number modulo 2^127 - 1 for the contents of each of these rows.

        It is the polynomial of the digests of a row's steps, as the difference of those of all
        steps up to its last one and up to its first (Karp and Rabin, "Efficient randomized
        pattern-matching algorithms", 1987): one pass over the series, however long the rows are.
        """
        sums = self._prefix_sums()
        shift, span = pow(_BASE, self.length, _PRIME), self.length * self.step
        found = []
        for end in self.ends[rows].tolist():
            before = sums[end - span] * shift if end >= span else 0
            found.append(((sums[end] - before) % _PRIME).to_bytes(16, "big"))
        return found

    def _prefix_sums(self) -> list[int]:
        """The polynomial of each step and of those that lie a multiple of `step` before it."""
        whole, steps = np.ascontiguousarray(self.series).tobytes(), len(self.series)
        size = len(whole) // steps if steps else 0
        sums: list[int] = []
        for at in range(steps):
            cell = blake2b(whole[at * size : (at + 1) * size], digest_size=15).digest()
            before = sums[at - self.step] if at >= self.step else 0
            sums.append((before * _BASE + int.from_bytes(cell)) % _PRIME)
        return sums

    def describe(self) -> Input:
        """A sequence of steps, each with its features."""
        return Input("steps", (self.length, self.series.shape[1]))

    def show(self, row: int) -> Shown:
        """The features of its last step."""
        return self.take(np.array([row])).last().show(0)

    def lines(self, row: int) -> list[str]:
        """Its first and its last steps, each with how far it lies before the end."""
        steps = Dense(self.series[self.ends[row] - self.offsets], self.names)
        each = enumerate(self.offsets.tolist())
        told = [f"-{offset}: {' '.join(steps.lines(at))}" for at, offset in each]
        return told if len(told) <= 5 else [*told[:2], "...", *told[-2:]]

    def name_features(self, names: tuple[str, ...], words: tuple[str, ...]) -> Self:  # noqa: ARG002
        """The column with these names, where it has none of its own."""
        return self if self.names else replace(self, names=names)

    def reached(self) -> npt.NDArray[np.bool_]:
        """Which steps of the series some row holds, (steps,)."""
        found = np.zeros(len(self.series), dtype=np.bool_)
        for offset in self.offsets.tolist():
            found[self.ends - offset] = True
        return found

    def table(self) -> Dense:
        """The steps that some row holds, each once."""
        return Dense(self.series[self.reached()], self.names)

    def with_table(self, table: Column) -> Column:
        """The same windows over other values; steps that no row holds become zeros."""
        assert isinstance(table, Dense)
        series = np.zeros((len(self.series), table.values.shape[1]), table.values.dtype)
        series[self.reached()] = table.values
        return replace(self, series=series, names=table.names)

    def last(self) -> Dense:
        """The last step of each row."""
        return Dense(self.series[self.ends], self.names)

    def remember(self, rows: Rows) -> dict[str, Array]:
        """The range of each feature in the last steps of these rows."""
        return Dense(self.series[self.ends[rows]], self.names).remember(np.arange(len(rows)))

    def compare(self, known: Mapping[str, Array]) -> Unlike | None:
        """How far out of these ranges the last step of each row lies."""
        return self.last().compare(known)

    def profile(self, name: str) -> Iterator[Profile]:
        """Each feature, over the steps that some row holds."""
        return self.table().profile(name)

    def missing(self) -> int:
        """How many numbers are missing (NaN) of the steps that some row holds."""
        return self.table().missing()

    def check(self, when: str = "", missing_allowed: bool = False) -> None:
        """Refuses steps with numbers that are missing (NaN) or infinite, where a row holds them."""
        table = self.table()
        wrong = table.unusable(missing_allowed)
        if len(wrong):
            first = np.flatnonzero(self.reached())[wrong[0]]
            many = plural(len(wrong), "step")
            raise table.refusal(when, many, f"first in step {first} of the series")

    def ready(self) -> Self:
        """The numbers as float32, all of them finite."""
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
            found = replace(self, series=np.asarray(self.series, dtype=np.float32))
        found.check(" after preparation")
        return found
