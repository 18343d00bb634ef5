"""Columns of categories side by side: which value of its column each cell is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from ...errors import Problem, UsageError
from ..profile import Profile, of_texts
from ..unlike import Unlike
from .base import Array, Column, Input, Rows, Shown

MOST = 10_000
"""Values of a column that are remembered, at most."""
TOLD = 30
"""Characters of a value that a message has room for."""
SEPARATOR = "\x1f"  # of units, as ASCII has it


@dataclass(frozen=True, eq=False)
class Categories(Column):
    """Columns of names, as a table has them.

    Attributes:
        codes: places in `values`, int32 of shape (rows, columns).
        names: of the columns.
        values: of each column the texts that it has, in the order of their codes; "" stands for a
            missing one.
    """

    kind: ClassVar[str] = "categories"
    held: ClassVar[str] = ""  # no device holds names

    codes: npt.NDArray[np.int32]
    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]

    @classmethod
    def of_texts(cls, columns: Mapping[str, list[str]]) -> Self:
        """Columns of texts by name; the values of each are sorted."""
        values = tuple(tuple(sorted(set(cells))) for cells in columns.values())
        codes = np.empty((len(next(iter(columns.values()), [])), len(columns)), np.int32)
        for place, (known, cells) in enumerate(zip(values, columns.values(), strict=True)):
            codes_of = {value: code for code, value in enumerate(known)}
            codes[:, place] = [codes_of[cell] for cell in cells]
        return cls(codes, tuple(columns), values)

    @property
    def holds(self) -> str:
        """What it holds, in words."""
        return f"categories: {', '.join(self.names)}"

    def __len__(self) -> int:
        return len(self.codes)

    def respell(self, known: Mapping[str, Collection[str]], decimal: str = ".") -> Self:
        """The same names as others have written them, where they are numbers, or true or false.

        A program writes the `True` of a file as `true`, and the `3` of one with holes as `3.0`.

        Args:
            known: of some columns the values as they are known; what is among them stays.
            decimal: what stands before the decimals of numbers.
        """
        values = []
        for name, own in zip(self.names, self.values, strict=True):
            there = known.get(name, ())
            strange = {v: _meaning(v, decimal) for v in own if v not in there} if there else {}
            meant = _spellings(there, decimal) if any(strange.values()) else {}
            values.append(tuple(meant.get(strange.get(v, ""), v) for v in own))
        return type(self)(self.codes, self.names, tuple(values))

    def texts(self, name: str) -> list[str]:
        """The cells of one column as texts."""
        place = self.names.index(name)
        known = self.values[place]
        return [known[code] for code in self.codes[:, place].tolist()]

    def take(self, rows: Rows) -> Self:
        """These rows, in this order."""
        return type(self)(self.codes[rows], self.names, self.values)

    def hashes(self, rows: Rows) -> list[bytes]:
        """The texts of each of these rows, whatever their codes are."""
        return [
            SEPARATOR.join(self._row(row)).encode(errors="surrogatepass") for row in rows.tolist()
        ]

    def _row(self, row: int) -> list[str]:
        codes = self.codes[row].tolist()
        return [known[code] for known, code in zip(self.values, codes, strict=True)]

    @classmethod
    def restore(cls, arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> Self:
        """The column whose arrays and meta these were."""
        values = tuple(tuple(known) for known in meta["values"])
        return cls(arrays["codes"], tuple(meta["names"]), values)

    def describe(self) -> Input:
        """Refuses them: a model takes numbers."""
        hint = "add {name: categories} to prepare.steps"
        what = "still contains categories after preparation"
        raise UsageError(Problem(what, "", "numbers", hint))

    def show(self, row: int) -> Shown:
        """Each column's name and value."""
        pairs = zip(self.names, self._row(row), strict=True)
        return Shown("text", " ".join(f"{name}={value or '-'}" for name, value in pairs))

    def remember(self, rows: Rows) -> dict[str, Array]:
        """Hashes of the values that these rows have, column by column end to end, and how many.

        -1 stands for a column that hardly repeats a value, or has very many: nothing is kept of it.
        """
        kept: list[Array] = []
        sizes = []
        for place, known in enumerate(self.values):
            seen = np.unique(self.codes[rows, place]).tolist()
            open_ = 2 * len(seen) > len(rows) or len(seen) > MOST
            sizes.append(-1 if open_ else len(seen))
            kept.append(_hash([] if open_ else [known[code] for code in seen]))
        return {"hashes": np.concatenate(kept), "sizes": np.array(sizes, np.int64)}

    def compare(self, known: Mapping[str, Array]) -> Unlike | None:
        """Which cells have a value that no such row had."""
        ends = np.cumsum(np.maximum(known["sizes"], 0))
        amounts = np.zeros(self.codes.shape, np.float32)
        for place, values in enumerate(self.values):
            size = int(known["sizes"][place])
            if size >= 0:
                seen = known["hashes"][ends[place] - size : ends[place]]
                new = np.append(~np.isin(_hash(values), seen), False)
                amounts[new[self.codes[:, place]], place] = np.inf

        def tell(row: int, place: int) -> str:
            value = self.values[place][self.codes[row, place]]
            told = value if len(value) <= TOLD else f"{value[: TOLD - 1]}\N{HORIZONTAL ELLIPSIS}"
            return f"{self.names[place]} {told} unseen" if told else f"{self.names[place]} missing"

        return Unlike(amounts, tell)

    def missing(self) -> int:
        """How many cells are missing."""
        found = 0
        for place, known in enumerate(self.values):
            if "" in known:
                found += int((self.codes[:, place] == known.index("")).sum())
        return found

    def profile(self, name: str) -> Iterator[Profile]:
        """Each column, as texts."""
        for feature in self.names:
            told = of_texts(name, self.texts(feature))
            kind = told.type.replace("texts", "categories")
            yield Profile(**{**told.plain(), "feature": feature, "type": kind})


def _spellings(values: Collection[str], decimal: str) -> dict[str, str]:
    """How what a value means is written, where a single one means it."""
    meanings = {value: _meaning(value, decimal) for value in values}
    many = Counter(meanings.values())
    return {one: value for value, one in meanings.items() if one and many[one] == 1}


def _meaning(value: str, decimal: str) -> str:
    """The number or the truth that a text stands for, in one way of writing; "" of any other."""
    if (word := value.lower()) in ("true", "false"):
        return word
    try:
        number = float(value.replace(decimal, "."))
    except ValueError:
        return ""
    return str(number) if isfinite(number) else ""


def _hash(values: Sequence[str]) -> npt.NDArray[np.uint64]:
    """A number for each text, so that nobody reads it off a file."""
    cells = (value.encode(errors="surrogatepass") for value in values)
    whole = b"".join(blake2b(cell, digest_size=8).digest() for cell in cells)
    return np.frombuffer(whole, "<u8").astype(np.uint64)
