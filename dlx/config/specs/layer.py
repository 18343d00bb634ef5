"""What the options of any layer may be made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..shapes import Place, Shape


@runtime_checkable
class Shaped(Protocol):
    """Options of whatever tells its shape before torch is imported."""

    def after(self, shape: Shape, place: Place) -> Shape:
        """The shape that it makes of the one that reaches it; sizes may be 0: not known.

        Raises:
            UsageError: it cannot take that shape.
        """


@dataclass(frozen=True, kw_only=True)
class Layer:
    """What a layer's options may be made from, so that its shape is known before torch is."""

    def after(self, shape: Shape, place: Place) -> Shape:
        """The shape that the layer makes of the one that reaches it; sizes may be 0: not known.

        Raises:
            UsageError: it cannot take that shape, as `Place.take` refuses it.
        """
        return place.take_numbers(shape)
