"""Pictures seen in several ways, the same for every row: answers to them are averaged."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Self

import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from ..config.fields import Chosen
from ..config.schema import Config
from ..config.specs import views as specs
from .batches import Inputs

See = Callable[[Tensor], Tensor]


class View(ABC):
    """Ways to see a picture, `options.count` of them.

    Args:
        options: of its component.
    """

    def __init__(self, options: Any) -> None:
        self.options = options

    @abstractmethod
    def ways(self) -> Sequence[See]:
        """What makes of pictures, (rows, channels, height, width), others of the same shape."""


class Flip(View):
    """As it is, and mirrored."""

    def ways(self) -> Sequence[See]:
        """Two."""
        return (lambda pictures: pictures, lambda pictures: pictures.flip(-1))


class Crops(View):
    """The middle and four corners."""

    def ways(self) -> Sequence[See]:
        """Five."""
        return tuple(self._crop(down, across) for down, across in _PLACES)

    def _crop(self, down: float, across: float) -> See:
        options: specs.Crops = self.options

        def see(pictures: Tensor) -> Tensor:
            size = pictures.shape[-2:]
            tall, wide = (math.ceil(options.share * side) for side in size)
            top, left = round(down * (size[0] - tall)), round(across * (size[1] - wide))
            window = pictures[..., top : top + tall, left : left + wide]
            return F.interpolate(window, size, mode="bilinear", align_corners=False)

        return see


_PLACES = ((0.5, 0.5), (0, 0), (0, 1), (1, 0), (1, 1))


class Views:
    """All views of the inputs of a batch: every way of one with every way of the others.

    Args:
        chosen: the views of each input of pictures, one after the other.
    """

    def __init__(self, chosen: Mapping[str, Sequence[Chosen]]) -> None:
        self._ways = [
            (name, one.load()(one.options).ways())
            for name, every in chosen.items()
            for one in every
        ]

    @classmethod
    def of(cls, config: Config) -> Self | None:
        """Those of a config; None where pictures are seen as they are."""
        found = cls(config.prepare.views)
        return found if found._ways else None

    def __call__(self, inputs: Inputs) -> Iterator[Inputs]:
        """The inputs, seen in each way in turn."""
        names = [name for name, _ in self._ways]
        for ways in product(*(ways for _, ways in self._ways)):
            seen = dict(inputs)
            for name, way in zip(names, ways, strict=True):
                seen[name] = _see(seen[name], way)
            yield seen


def _see(pictures: Any, way: See) -> Tensor:
    coloured = pictures if pictures.ndim == 4 else pictures.unsqueeze(1)
    return way(coloured).reshape(pictures.shape)
