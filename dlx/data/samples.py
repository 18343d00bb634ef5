"""Samples: named columns of equal length, as a reader hands them over. NumPy only, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .columns import Column, Rows, Sequence, as_column
from .profile import Profile

Note = tuple[str, int]
"""What a reader mended: a sentence, and how many rows it concerns."""
Ragged = Sequence
"""Lists of ids, by the name that readers know."""


@dataclass(frozen=True)
class Frame:
    """Named columns of equal length; targets may be missing.

    Attributes:
        columns: name -> column. Arrays of shape (rows, ...) and lists of texts may be given.
        features: input -> names of its features, where it has any.
        words: input of word ids -> the word of each id, for showing rows.
    """

    columns: Mapping[str, Column]
    features: dict[str, tuple[str, ...]] = field(default_factory=dict, kw_only=True)
    words: dict[str, tuple[str, ...]] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        columns = {
            name: as_column(given).name_features(
                self.features.get(name, ()), self.words.get(name, ())
            )
            for name, given in self.columns.items()
        }
        object.__setattr__(self, "columns", columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


@dataclass(frozen=True)
class Samples(Frame):
    """What a dataset holds: a frame, and what its columns are for.

    Attributes:
        inputs: names of the columns a model may see; of the others some have roles below.
        targets: names of the columns it is to predict: int64 class ids (rows,), float32 numbers
            (rows,) or (rows, k), or 0/1 labels (rows, k).
        test: rows of the official test part, in order; None where there is none.
        validation: rows of the official validation part, in order; None where there is none.
        classes: target -> names of its classes, in the order of their ids.
        source: where the data come from, for `data.json`: files and their hashes, terms.
        digest: SHA-256 over what was read, by which runs tell whether they had the same data.
        former_digest: what earlier versions had in its place, where that is another one; else "".
        key: SHA-256 over all that the contents depend on, the reader's code included, for cache
            keys; "" where that cannot be known, so that nothing may be kept.
        time: the column whose values order the rows in time; "" where there is none.
        clock: NumPy's code of the unit in which `time` counts since the beginning of 1970, as in h;
            "" where that is not known.
        ahead: how many rows later a row's target is known.
        horizons: of a target that holds a number for each of several horizons, these, in steps.
        behind: how many rows back in time a row's inputs reach, as windows over a series do.
        groups: columns by which rows may be kept together, as in patient.
        naive: target -> name of a naive forecast -> the column that holds it.
        seasons: target -> name of a forecast -> the column of whole numbers that says which
            training rows it is the mean of, as those of the same hour.
        identity: the column with a hash of each row, (rows, 16) bytes, made before any option
            changed what was read, so that no option makes old test rows new; "" where none does.
        names: the column of texts that name the rows, as the path of a picture; "" where none does.
        looks: the column of perceptual hashes (`likeness`) of a picture of each row; "" for none.
        sample: whether these are made-up sample data.
        notes: what was mended in reading.
        unsteady: why the same seed may give other samples, so that no run can promise the same
            bits; "" where it cannot.
    """

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    test: Rows | None = None
    source: dict[str, Any] = field(default_factory=dict)
    digest: str = ""
    former_digest: str = ""
    key: str = ""
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    time: str = ""
    ahead: int = 0
    behind: int = 0
    groups: tuple[str, ...] = ()
    naive: dict[str, dict[str, str]] = field(default_factory=dict)
    seasons: dict[str, dict[str, str]] = field(default_factory=dict)
    identity: str = ""
    sample: bool = False
    notes: tuple[Note, ...] = ()
    clock: str = ""
    horizons: tuple[int, ...] = ()
    validation: Rows | None = None
    names: str = ""
    looks: str = ""
    unsteady: str = ""

    @property
    def span(self) -> int:
        """How many rows lie between the first that a row's inputs hold and its target's."""
        return self.behind + self.ahead

    def tell_span(self) -> str:
        """How far a row reaches, in words."""
        target = f"a target is known {self.ahead:,} rows later"
        if not self.behind:
            return target
        return f"the inputs of a row reach {self.behind:,} rows back, and {target}"

    def tell_row(self, row: int) -> str:
        """A row by its number, and its name where it has one."""
        name = self.columns[self.names].show(row).content if self.names else ""
        return f"row {row} ({name})" if name else f"row {row}"

    def is_known_as(self, digest: Any) -> bool:
        """Whether a run that recorded this digest had the same data."""
        return digest == self.digest or bool(digest and digest == self.former_digest)

    def profile(self, rows: Rows) -> list[Profile]:
        """Looks at the inputs, and at targets that are numbers, over some rows.

        Args:
            rows: those to look at; no test row should be among them.
        """
        names = [*self.inputs, *(n for n in self.targets if n not in self.classes)]
        return [
            one
            for name in dict.fromkeys(names)
            for one in self.columns[name].take(rows).profile(name)
        ]
