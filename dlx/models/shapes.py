"""Shapes as they pass through a list of layers, and refusals of those that a layer cannot take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import Problem, UsageError

Kind = Literal["vector", "sequence", "image", "block", "ids"]

_WANTED: dict[Kind, str] = {
    "vector": "a vector",
    "sequence": "a sequence (time, features)",
    "image": "an image (channels, height, width)",
    "block": "an array",
    "ids": "rows of ids",
}
_EMBED = "insert {embedding: 32} before it"
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
}


@dataclass(frozen=True)
class Shape:
    """What one sample looks like between two layers.

    Attributes:
        kind: how its axes are to be read.
        sizes: of the axes: (values,), (time, features), (channels, height, width), or any.
        ids: number of distinct ids, for kind ids.
    """

    kind: Kind
    sizes: tuple[int, ...]
    ids: int = 0

    def __str__(self) -> str:
        sizes = " x ".join(map(str, self.sizes))
        return f"a row of {sizes} ids" if self.kind == "ids" else f"{_WANTED[self.kind]} of {sizes}"

    @property
    def channels(self) -> int:
        """Length of the axis that is no place: features, or channels of an image."""
        return self.sizes[0] if self.kind == "image" else self.sizes[-1]

    @property
    def places(self) -> tuple[int, ...]:
        """Lengths of the axes that a window moves along: time, or height and width."""
        return self.sizes[1:] if self.kind == "image" else self.sizes[:-1]

    def resize(self, channels: int, places: tuple[int, ...]) -> Shape:
        """The same kind with other channels and places."""
        sizes = (channels, *places) if self.kind == "image" else (*places, channels)
        return Shape(self.kind, sizes)


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
        hint = _EMBED if shape.kind == "ids" else _HINTS.get((shape.kind, kinds[0]), _FLATTEN)
        raise self.refusal(f"cannot take {shape}", " or ".join(_WANTED[k] for k in kinds), hint)

    def refusal(self, what: str, accepted: str, hint: str) -> UsageError:
        """An error about this layer."""
        layer = f"layer {self.number} ({self.name})"
        return UsageError(Problem(f"{layer} {what}", self.key, accepted, hint))
