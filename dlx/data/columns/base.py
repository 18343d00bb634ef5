"""What a column knows of itself: all that dlx asks of data, whatever their kind. No torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from ..profile import Profile
from ..unlike import Unlike

Rows = npt.NDArray[np.int64]
"""Numbers of rows, in some order."""
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Input:
    """One input of a model, as the prepared data have it.

    Attributes:
        kind: dense numbers, those of each of some steps in time, word ids in order, or which of
            `size` positions are set.
        shape: of one sample; (steps, features) for steps, (length,) for ids, (size,) for multi_hot.
            A length of 0 is another one in each row.
        ids: number of distinct ids, for kind ids.
        ragged: whether rows differ in length.
        longest: of rows that differ in length, that of the longest; for estimates of memory.
        words: the word of each id, where they are known; no part of what a run folder keeps.
        scaled: of pictures, whether their numbers are other than their bytes; likewise.
        columns: whether the ids are those of category columns, a place each; see `CategoryIds`.
    """

    kind: Literal["dense", "steps", "ids", "multi_hot"]
    shape: tuple[int, ...]
    ids: int = 0
    ragged: bool = False
    longest: int = 0
    words: tuple[str, ...] = field(default=(), compare=False, repr=False)
    scaled: bool = field(default=False, compare=False, repr=False)
    columns: bool = False

    @property
    def is_numbers(self) -> bool:
        """Whether a row is numbers written out."""
        return self.kind in ("dense", "steps")

    def plain(self) -> dict[str, Any]:
        """As `pipeline.json` holds it; what only rows of different length have is left out else."""
        told = {"kind": self.kind, "shape": self.shape, "ids": self.ids}
        told |= {"ragged": True, "longest": self.longest} if self.ragged else {}
        return told | ({"columns": True} if self.columns else {})


@dataclass(frozen=True)
class Shown:
    """A row as people see it.

    Attributes:
        kind: what it is.
        content: pixels (channels, height, width), a text, or features by name; "" stands for the
            column's own.
    """

    kind: Literal["image", "text", "row"]
    content: Any


KINDS: dict[str, type[Column]] = {}
"""Every kind of column whose class has been imported, by its name."""


class Column(ABC):
    """Rows of one kind. A new kind is a dataclass here, and a class in `dlx.sources.held`.

    Attributes:
        kind: its name, as the cache and a pipeline record it.
        held: "module:attribute" of the class that holds such rows on a device.
        instead: what to do where a preparation step cannot take it; "" where the step knows.
        fed_as: the kind that it is the same as to a pipeline; "" stands for its own.
    """

    kind: ClassVar[str]
    held: ClassVar[str]
    instead: ClassVar[str] = ""
    fed_as: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        if hasattr(cls, "kind"):  # not the abstract ones
            KINDS[cls.kind] = cls

    @property
    @abstractmethod
    def holds(self) -> str:
        """What it holds, in words."""

    @abstractmethod
    def __len__(self) -> int:
        """How many rows there are."""

    @abstractmethod
    def take(self, rows: Rows) -> Self:
        """These rows, in this order."""

    @abstractmethod
    def hashes(self, rows: Rows) -> list[bytes]:
        """What each of these rows is known by: its content, or a hash of that."""

    def arrays(self) -> dict[str, Array]:
        """Its contents, all of it; what is no part of them is in `meta`."""
        return {name: one for name, one in vars(self).items() if isinstance(one, np.ndarray)}

    def meta(self) -> dict[str, Any]:
        """What else `restore` needs, as JSON can hold it; lists may be tuples."""
        return {name: one for name, one in vars(self).items() if not isinstance(one, np.ndarray)}

    def contents(self) -> tuple[Mapping[str, Array], Mapping[str, Any]]:
        """What of arrays and meta tells one dataset from another."""
        return self.arrays(), self.meta()

    @classmethod
    def restore(cls, arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> Self:
        """The column whose arrays and meta these were."""
        known = {name: tuple(one) if isinstance(one, list) else one for name, one in meta.items()}
        return cls(**arrays, **known)

    @abstractmethod
    def describe(self) -> Input:
        """What a model is told of it.

        Raises:
            UsageError: no model can take it; as a predicate, as in "still contains texts".
        """

    @abstractmethod
    def show(self, row: int) -> Shown:
        """One row as people see it."""

    def lines(self, row: int) -> list[str]:
        """One row as text: what there is of it to read."""
        shown = self.show(row)
        if shown.kind == "text":
            return [shown.content]
        if shown.kind == "image":
            return [f"a picture of {' x '.join(map(str, shown.content.shape))}"]
        return [" ".join(f"{name}={value:.4g}" for name, value in shown.content.items())]

    def name_features(self, names: tuple[str, ...], words: tuple[str, ...]) -> Self:  # noqa: ARG002
        """The column with names of its features, or the word of each id, where it has such."""
        return self

    def table(self) -> Column:
        """What a preparation step on features works on: of windows, their steps, each once."""
        return self

    def with_table(self, table: Column) -> Column:
        """The column that this one becomes as its `table` becomes another."""
        return table

    def last(self) -> Column:
        """What each row ends with: of a window, its last step."""
        return self

    def profile(self, name: str) -> Iterator[Profile]:
        """What it holds, feature by feature, under the column's name."""
        yield Profile(name, "", self.holds)

    def remember(self, rows: Rows) -> dict[str, Array]:  # noqa: ARG002 - one interface for all
        """What of some rows others can be compared with; {}: nothing."""
        return {}

    def compare(self, known: Mapping[str, Array]) -> Unlike | None:  # noqa: ARG002
        """How far its rows lie beyond what `remember` told of others; None where nothing tells."""
        return None

    def missing(self) -> int:
        """How many values are missing (NaN)."""
        return 0

    def check(self, when: str = "", missing_allowed: bool = False) -> None:  # noqa: B027
        """Refuses values that nothing can be computed with.

        Args:
            when: put into the message.
            missing_allowed: whether missing values (NaN) are let pass.

        Raises:
            UsageError: there are such, as a predicate.
        """

    def ready(self) -> Self:
        """The column as a device holds it, checked.

        Raises:
            UsageError: no model can take it, as a predicate.
        """
        self.describe()
        return self


class Numeric(Column):
    """A column whose rows are numbers in the end, however they are kept: they can be scaled.

    A feature is what is scaled alike: a number of a row, or a channel of pictures.
    """

    @abstractmethod
    def moments(self) -> tuple[Array, Array]:
        """Mean and standard deviation of each feature, in double precision."""

    @abstractmethod
    def limits(self) -> tuple[Array, Array]:
        """The smallest and the largest value of each feature, in double precision."""

    def shades(self, rows: Rows) -> tuple[Array, Array]:
        """What black and white are, of each channel or of all: here the ends of some rows."""
        low, high = self.take(rows).limits()
        return np.atleast_1d(low.min()), np.atleast_1d(high.max())

    @abstractmethod
    def divide(self, by: float) -> Self:
        """Every value divided by one number."""

    @abstractmethod
    def rescale(self, offset: Array, width: Array) -> Self:
        """(value - offset) / width, feature by feature."""
