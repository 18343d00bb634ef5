"""Options of recurrent layers, and of reading backwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..fields import option
from ..shapes import Place, Shape
from .layer import Layer

Ways = Literal["none", "concat", "sum"]
Activation = Literal["tanh", "relu"]
_ACTIVATION = "of the state's candidates; relu takes a loop over time"


@dataclass(frozen=True, kw_only=True)
class Recurrent(Layer):
    """Recurrent layer over time; gives its last output unless `sequence` is set."""

    units: int = option(help="length of the state", ge=1, example="32")
    sequence: bool = option(False, "give the output of every time step")
    bidirectional: bool | Ways = option(
        False, "read both ways, the outputs side by side (concat or true) or added (sum)"
    )
    dropout: float = option(
        0.0,
        "share of the inputs set to zero in training, the same at all steps of a row",
        ge=0,
        lt=1,
        newer=True,
    )
    recurrent_dropout: float = option(
        0.0,
        "share of the state set to zero in training, the same at all steps of a row",
        ge=0,
        lt=1,
        newer=True,
    )

    @property
    def ways(self) -> Ways:
        """How it reads both ways, if it does."""
        if isinstance(self.bidirectional, bool):
            return "concat" if self.bidirectional else "none"
        return self.bidirectional

    def after(self, shape: Shape, place: Place) -> Shape:
        """The last output of each direction, or with `sequence` those of every step."""
        place.take(shape, "sequence")
        width = self.units * (2 if self.ways == "concat" else 1)
        return shape.resize(width, shape.places) if self.sequence else Shape("vector", (width,))


@dataclass(frozen=True, kw_only=True)
class Rnn(Recurrent):
    """Simple recurrent layer; gives its last output unless `sequence` is set."""

    activation: Activation = option("tanh", _ACTIVATION, newer=True)


class Lstm(Recurrent):
    """Long short-term memory; gives its last output unless `sequence` is set."""


@dataclass(frozen=True, kw_only=True)
class Gru(Recurrent):
    """Gated recurrent unit; gives its last output unless `sequence` is set."""

    activation: Activation = option("tanh", _ACTIVATION, newer=True)


@dataclass(frozen=True, kw_only=True)
class Reverse(Layer):
    """Turns each row round, from its last step to its first."""

    def after(self, shape: Shape, place: Place) -> Shape:
        """The same, of anything that has steps."""
        return place.take(shape, "sequence", "ids")
