"""What an explanation is made of: pictures, tables and cards, each naming what it is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

_STRONGEST = 8
"""Words of each side that are told in a line."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One part of an explanation.

    Attributes:
        ending: of its file's name.
        method: the name in `METHODS` of what made it.
        name: of its file, without method and ending: small letters, digits, `-` and `_`.
        title: what it shows, in a line.
        subject: the row or the file that it is of; "" of the network itself, or of many rows.
        layer: the layer that it is of; "" of none.
        label: the class, label or target whose score it is about; "" of none.
        score: of that: a probability, or a number.
        baseline: what a row is compared with; "" where it is with nothing.
        text: what to know when looking at it.
    """

    ending: ClassVar[str] = "csv"

    method: str
    name: str
    title: str
    subject: str = ""
    layer: str = ""
    label: str = ""
    score: float | None = None
    baseline: str = ""
    text: str = ""

    def facts(self) -> dict[str, Any]:
        """What it is of, by name; what does not apply is left out."""
        told = {"of": self.subject, "layer": self.layer, "class": self.label, "score": self.score}
        told |= {"baseline": self.baseline}
        return {name: value for name, value in told.items() if value not in ("", None)}

    def strongest(self) -> Mapping[str, Sequence[tuple[str, float]]]:
        """Of words with weights the strongest, by the side that they are on; else nothing."""
        return {}


@dataclass(frozen=True, kw_only=True)
class Drawn(Piece):
    """A picture.

    Attributes:
        pixels: uint8 of shape (height, width, 3).
    """

    ending = "png"

    pixels: npt.NDArray[np.uint8]


class Plotted(Drawn):
    """A picture that is a chart, with letters in it."""


@dataclass(frozen=True, kw_only=True)
class Listed(Piece):
    """A table.

    Attributes:
        columns: cells by column, all of one length.
    """

    columns: Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Sample:
    """A row as people see it.

    Attributes:
        title: which row.
        facts: names and values.
        pixels: uint8 (height, width, 3); None where it is no picture.
        text: of a text, its beginning.
        features: of a table's row, by name.
    """

    title: str
    facts: Mapping[str, Any]
    pixels: npt.NDArray[np.uint8] | None = None
    text: str = ""
    features: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Samples(Piece):
    """Rows beside each other; the file has their facts."""

    samples: Sequence[Sample]


@dataclass(frozen=True, kw_only=True)
class Marked(Piece):
    """A text whose words have weights, drawn in colour.

    Attributes:
        words: each with its weight; above zero it speaks for the class, below against it.
    """

    words: Sequence[tuple[str, float]]

    def strongest(self) -> Mapping[str, Sequence[tuple[str, float]]]:
        """The strongest words for the class, and those against it."""
        order = sorted(self.words, key=lambda one: one[1])
        sides = {"for": [one for one in reversed(order) if one[1] > 0][:_STRONGEST]}
        sides |= {"against": [one for one in order if one[1] < 0][:_STRONGEST]}
        return {side: words for side, words in sides.items() if words}


@dataclass(frozen=True)
class Explanation:
    """All that was explained of a run.

    Attributes:
        run: its name, `<task>/<folder>`.
        weights: which of its weights, and their epoch, in words.
        pieces: in order.
        skipped: methods that do not fit the run, with the reason.
        sample: whether the data are made up.
        looks: how often test rows that were named have been evaluated; 0 where none was.
        looks_rows: how many of them there are, and how many were seen before.
        warnings: what to know.
    """

    run: str
    weights: str
    pieces: tuple[Piece, ...]
    skipped: Mapping[str, str]
    sample: bool = False
    looks: int = 0
    looks_rows: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
