"""Options of attention, of Transformers, and of what tells them where a step stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..fields import option
from ..shapes import Place, Shape
from .layer import Layer

PLACES = 512
"""Learned places where rows differ in length and nothing is said."""
LENGTH_OF_ROWS = f"the length of the rows, {PLACES} where they differ"


@dataclass(frozen=True, kw_only=True)
class OnSteps(Layer):
    """Of a layer that gives a sequence of the same shape."""

    def after(self, shape: Shape, place: Place) -> Shape:
        """The same sequence."""
        return place.take(shape, "sequence")


@dataclass(frozen=True, kw_only=True)
class Position(OnSteps):
    """Adds to each step what tells its place in the row."""

    kind: Literal["sinusoidal", "learned"] = option(
        "sinusoidal", "sines and cosines (Vaswani and others, 2017), or a learned vector a place"
    )
    length: int | None = option(
        None, f"places that have a learned vector; null: {LENGTH_OF_ROWS}", ge=1
    )

    def after(self, shape: Shape, place: Place) -> Shape:
        """The same sequence, if it is no longer than there are vectors."""
        (steps,) = super().after(shape, place).places
        if self.kind == "learned" and self.length is not None and steps > self.length:
            raise place.refusal(
                f"has {self.length} vectors, but rows have {steps} steps",
                f"length: {steps} or more, or null",
                "omit length",
            )
        return shape


@dataclass(frozen=True, kw_only=True)
class Attention(OnSteps):
    """Multi-head self-attention (Vaswani and others, 2017), within the length of each row."""

    heads: int = option(2, "how many look at the row, each in its own way", ge=1)
    key: int | None = option(
        None, "length of each head's queries, keys and values; null: features / heads", ge=1
    )

    def after(self, shape: Shape, place: Place) -> Shape:
        """The same sequence, whose features the heads can share."""
        features = super().after(shape, place).channels
        if self.key is None and features % self.heads:
            even = max(n for n in range(1, self.heads) if not features % n)
            raise place.refusal(
                f"cannot share {features} features between {self.heads} heads",
                f"heads that divide {features}, or a length of their keys",
                f"heads: {even}, or key: {-(-features // self.heads)}",
            )
        return shape


@dataclass(frozen=True, kw_only=True)
class Transformer(Attention):
    """Transformer encoder block: self-attention, then two dense layers at each step, both added."""

    dense: int = option(32, "units of the first dense layer; the second has the features'", ge=1)
    norm: Literal["post", "pre"] = option(
        "post", "layer normalisation after each sum (2017), or before each part, as in newer ones"
    )
    dropout: float = option(0.0, "share of each part's output set to zero", ge=0, lt=1)


@dataclass(frozen=True, kw_only=True)
class AttentionPool(Layer):
    """Mean of the steps, weighted by a learned score of each (Yang and others, 2016)."""

    def after(self, shape: Shape, place: Place) -> Shape:
        """A vector of the features."""
        return Shape("vector", (place.take(shape, "sequence").channels,))
