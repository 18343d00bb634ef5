"""Texts, a row each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np

from ...errors import Problem, UsageError
from ..profile import Profile, of_texts
from .base import Array, Column, Input, Rows, Shown


def _encode(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


@dataclass(frozen=True, eq=False)
class Text(Column):
    """Texts, or names of categories.

    Attributes:
        values: a text a row.
    """

    kind: ClassVar[str] = "text"
    held: ClassVar[str] = ""  # no device holds texts
    holds = "texts"

    values: list[str]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.values, dtype=dtype)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Rows) -> Self:
        """These rows, in this order."""
        return type(self)([self.values[row] for row in rows.tolist()])

    def hashes(self, rows: Rows) -> list[bytes]:
        """Each of these texts as UTF-8."""
        return [_encode(self.values[row]) for row in rows.tolist()]

    def arrays(self) -> dict[str, Array]:
        """How many bytes each text has, and all of them end to end."""
        cells = list(map(_encode, self.values))
        lengths = np.fromiter(map(len, cells), dtype=np.int64, count=len(cells))
        return {"lengths": lengths, "bytes": np.frombuffer(b"".join(cells), np.uint8)}

    def meta(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    @classmethod
    def restore(cls, arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> Self:  # noqa: ARG003
        """The column whose arrays these were."""
        whole = arrays["bytes"].tobytes()
        ends = [0, *np.cumsum(arrays["lengths"]).tolist()]
        return cls([whole[a:b].decode(errors="surrogatepass") for a, b in pairwise(ends)])

    def describe(self) -> Input:
        """Refuses them: a model takes numbers."""
        hint = "add {name: tokenize} to prepare.steps; for model=mlp {name: multi_hot} after it"
        raise UsageError(Problem("still contains texts after preparation", "", "numbers", hint))

    def show(self, row: int) -> Shown:
        """The text."""
        return Shown("text", self.values[row])

    def profile(self, name: str) -> Iterator[Profile]:
        """How long texts are, and which is the most frequent."""
        yield of_texts(name, self.values)
