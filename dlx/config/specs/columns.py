"""The layer for category columns. No torch."""

from __future__ import annotations

from dataclasses import dataclass

from ..fields import option
from ..shapes import Place, Shape
from .layer import Layer

_LEAST, _MOST = 2, 50


@dataclass(frozen=True, kw_only=True)
class EmbedColumns(Layer):
    """A vector for each value of each category column, side by side; one table for all columns.

    The id of rare and unseen values is trained even where no training row has it: in training a
    share of the ids is hidden, and becomes that id.
    """

    dim: int | None = option(
        None,
        "length of the vectors; null: 1.6 n^0.56 with n the values of a column on average, from "
        f"{_LEAST} to {_MOST} (the rule of fastai)",
        ge=1,
    )
    mask: float = option(
        0.05, "share of the ids that become the rare value's in training", ge=0, lt=1
    )

    def length(self, shape: Shape) -> int:
        """Of a vector; 0 where it is not known."""
        columns = shape.sizes[0]
        if self.dim is not None or not (columns and shape.ids):
            return self.dim or 0
        found: float = 1.6 * (shape.ids / columns) ** 0.56
        return min(_MOST, max(_LEAST, round(found)))

    def after(self, shape: Shape, place: Place) -> Shape:
        """The vectors of a row, end to end."""
        place.take(shape, "columns")
        return Shape("vector", (shape.sizes[0] * self.length(shape),))
