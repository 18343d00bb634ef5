"""Shapes as they pass through layers, refusals of those that a layer cannot take. No torch.

A size of 0 is not known before the data are read. Where not even the kind is known, there are
several shapes that may be, and what none of them allows is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from ..errors import Problem, UsageError

Kind = Literal["vector", "sequence", "image", "block", "ids", "columns"]
Sizes = tuple[int, ...]
T = TypeVar("T")

_WANTED: dict[Kind, str] = {
    "vector": "a vector",
    "sequence": "a sequence (time, features)",
    "image": "an image (channels, height, width)",
    "block": "an array",
    "ids": "rows of ids",
    "columns": "ids of category columns",
}
PAD = "{name: pad, length: 500} to prepare.steps"
_EMBED = "insert {embedding: 32} before it"
_EMBED_COLUMNS = "insert embed_columns before it"
_CATEGORIES = "remove it, or add {name: categories, columns: [...]} to prepare.steps"
_STEPS = "place it before flatten or pooling, or give the recurrent layer sequence: true"
_FLATTEN = "insert flatten before it"

_HINTS: dict[tuple[Kind, Kind], str] = {
    ("sequence", "vector"): _FLATTEN,
    ("image", "vector"): "insert flatten or global_avg_pool before it",
    ("block", "vector"): _FLATTEN,
    ("vector", "sequence"): _STEPS,
    ("image", "sequence"): "use a 2d layer, or global_avg_pool and dense layers",
    ("vector", "image"): "place it before flatten or pooling, and do not flatten images in prepare",
    ("sequence", "image"): "use a 1d layer",
    ("vector", "ids"): "remove the embedding, or prepare ids with pad",
    ("sequence", "ids"): "keep a single embedding, as the first layer",
    ("image", "ids"): "remove the embedding",
    ("block", "ids"): "remove the embedding",
    ("columns", "ids"): "use embed_columns in its place",
    ("ids", "columns"): "use {embedding: 32} in its place",
    ("vector", "columns"): _CATEGORIES,
    ("sequence", "columns"): _CATEGORIES,
    ("image", "columns"): _CATEGORIES,
    ("block", "columns"): _CATEGORIES,
    ("columns", "vector"): _EMBED_COLUMNS,
    ("columns", "sequence"): _EMBED_COLUMNS,
    ("columns", "image"): _EMBED_COLUMNS,
}


@dataclass(frozen=True)
class Shape:
    """What one sample looks like between two layers.

    Attributes:
        kind: how its axes are to be read.
        sizes: of the axes: (values,), (time, features), (channels, height, width), or any; 0 where
            one is not known.
        ids: number of distinct ids, for kinds ids and columns; 0 where it is not known.
        ragged: whether samples differ in their number of ids or steps, which then is 0.
        lengths: where these numbers come from: the input, then each window that made them less.
        words: the word of each id, where the data have them.
    """

    kind: Kind
    sizes: Sizes
    ids: int = 0
    ragged: bool = False
    lengths: tuple[object, ...] = ()
    words: tuple[str, ...] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        if self.ragged and self.kind == "ids":
            return "rows of ids of different length"
        sizes = " x ".join(str(size) if size else "?" for size in self.sizes)
        told = f" of {sizes}" if any(self.sizes) else ""
        if self.kind in ("ids", "columns"):
            names = _WANTED[self.kind].removeprefix("rows of ")
            return f"a row{told} {names}" if told else _WANTED[self.kind]
        return f"{_WANTED[self.kind]}{told}{', of different lengths' if self.ragged else ''}"

    @property
    def channels(self) -> int:
        """Length of the axis that is no place: features, or channels of an image."""
        return self.sizes[0] if self.kind == "image" else self.sizes[-1]

    @property
    def places(self) -> Sizes:
        """Lengths of the axes that a window moves along: time, or height and width."""
        return self.sizes[1:] if self.kind == "image" else self.sizes[:-1]

    def resize(self, channels: int, places: Sizes) -> Shape:
        """The same kind with other channels and places."""
        sizes = (channels, *places) if self.kind == "image" else (*places, channels)
        return replace(self, sizes=sizes)

    def shorten(self, window: int, stride: int) -> Shape:
        """The same, once windows of so many steps have moved along samples of any length."""
        changed = self.ragged and (window, stride) != (1, 1)
        return replace(self, lengths=(*self.lengths, (window, stride))) if changed else self

    def flat(self) -> Shape:
        """All its numbers as one vector."""
        return Shape("vector", (math.prod(self.sizes),))

    def may_be(self, other: Shape) -> bool:
        """Whether both are the same as far as they are known."""
        pairs = [*zip(self.sizes, other.sizes, strict=False), (self.ids, other.ids)]
        same = (self.kind, self.ragged) == (other.kind, other.ragged)
        same = same and len(self.sizes) == len(other.sizes)
        alike = all(a == b or not (a and b) for a, b in pairs)
        return same and alike and not self.has_other_words(other)

    def has_other_words(self, other: Shape) -> bool:
        """Whether the ids of both stand for words that are known, and for different ones."""
        return bool(self.words and other.words) and self.words != other.words


ANY = (
    Shape("vector", (0,)),
    Shape("sequence", (0, 0)),
    Shape("image", (0, 0, 0)),
    Shape("ids", (0,)),
    Shape("block", (0,)),
    Shape("columns", (0,)),
)
"""Whatever an input may be before anything is known of it."""


def shape_of(sizes: Sizes, images: bool) -> Shape:
    """How numbers are read: two axes are an image of one channel, or a sequence."""
    if len(sizes) == 2 and images:
        return Shape("image", (1, *sizes))
    if len(sizes) > 3:
        return Shape("block", sizes)
    kinds: dict[int, Kind] = {0: "vector", 1: "vector", 2: "sequence", 3: "image"}
    return Shape(kinds[len(sizes)], sizes or (1,))


def keep_possible(rule: Callable[[T], Shape], given: Iterable[T]) -> list[Shape]:
    """What a rule makes of all that it can take, each shape once.

    Raises:
        UsageError: it can take none: as it refused the first.
    """
    found: dict[Shape, None] = {}
    refused: UsageError | None = None
    for one in given:
        try:
            found[rule(one)] = None
        except UsageError as error:
            refused = refused or error
    if refused and not found:
        raise refused
    return list(found)


@dataclass(frozen=True)
class Place:
    """Where a layer stands, for messages.

    Attributes:
        number: counted from 1.
        name: of the layer, as the config has it.
        key: of the config.
    """

    number: int
    name: str
    key: str = "model.layers"

    def take(self, shape: Shape, *kinds: Kind) -> Shape:
        """Hands the shape back if it is of one of these kinds.

        Raises:
            UsageError: it is of another kind.
        """
        if shape.kind in kinds:
            return shape
        usual = _EMBED if shape.kind == "ids" else _FLATTEN
        hint = _HINTS.get((shape.kind, kinds[0]), usual)
        raise self.refusal(f"cannot take {shape}", " or ".join(_WANTED[k] for k in kinds), hint)

    def take_numbers(self, shape: Shape) -> Shape:
        """Hands back any shape but ids, which are names.

        Raises:
            UsageError: it holds ids.
        """
        return self.take(shape, "vector", "sequence", "image", "block")

    def take_whole(self, shape: Shape) -> Shape:
        """Hands back a shape that is the same for all samples.

        Raises:
            UsageError: their lengths differ.
        """
        if shape.ragged:
            raise self.refuse_ragged(shape)
        return shape

    def refuse_ragged(self, shape: Shape) -> UsageError:
        """An error about a layer that needs samples of one length."""
        what, hint = f"cannot take {shape}", f"use global_max_pool in its place, or add {PAD}"
        return self.refusal(what, "samples of one length", hint)

    def count_windows(self, size: int, window: int, stride: int, dilation: int = 1) -> int:
        """How many windows fit on an axis; 0 where its size is not known.

        Raises:
            UsageError: not a single one.
        """
        reach = (window - 1) * dilation + 1
        if not size:
            return 0
        if reach > size:
            raise self.refusal(
                f"has a window of {reach}, but the axis that it moves along has {size}",
                f"a window of at most {size}",
                "use a smaller window, a longer input, or less pooling before it",
            )
        return (size - reach) // stride + 1

    def refusal(self, what: str, accepted: str, hint: str) -> UsageError:
        """An error about this layer."""
        layer = f"layer {self.number} ({self.name})"
        return UsageError(Problem(f"{layer} {what}", self.key, accepted, hint))
