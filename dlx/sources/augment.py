"""Pictures of the training set, moved anew in every epoch, on the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from torch import Tensor

from ..config.fields import Chosen
from ..config.schema import Config
from ..config.specs.augment import refuse_no_pictures
from ..data.columns import Input
from ..errors import UsageError
from ..seeds import derive
from .batches import Part
from .draws import draw_uniform
from .geometry import Geometry, compose, move
from .held import HeldDense


class Augmenter:
    """Moves the pictures of training rows, as a function of seed, fold, epoch and row.

    Args:
        chosen: the augmentations of each input, in order.
        inputs: what is known of all inputs.
        seed: what the draws derive from.
        fold: number of the fold, likewise.

    Raises:
        UsageError: an input holds no pictures, or too small ones.
    """

    def __init__(
        self,
        chosen: Mapping[str, Sequence[Chosen]],
        inputs: Mapping[str, Input],
        seed: int,
        fold: int = 0,
    ) -> None:
        self._seed, self._fold = seed, fold
        self._moves: dict[str, list[tuple[str, Geometry]]] = {}
        for name, every in chosen.items():
            one = inputs[name]
            sizes = one.shape if one.kind == "dense" else ()
            if wrong := list(refuse_no_pictures(name, sizes, "prepare.augment")):
                raise UsageError(*wrong)
            names = [one.name for one in every]
            kinds = [f"{one}{names[:at].count(one) or ''}" for at, one in enumerate(names)]
            made = [one.load()(one.options) for one in every]
            self._moves[name] = list(zip(kinds, made, strict=True))

    @classmethod
    def of(cls, config: Config, inputs: Mapping[str, Input], fold: int) -> Self | None:
        """That of a config; None where there is nothing to do."""
        chosen = {name: every for name, every in config.prepare.augment.items() if every}
        return cls(chosen, inputs, config.seed, fold) if chosen else None

    def __call__(self, part: Part, epoch: int) -> Part:
        """Some training rows as an epoch sees them."""
        moved = {
            name: HeldDense(self._move(name, held.batch(0, len(part)), part.numbers, epoch))
            for name, held in part.held.items()
            if name in self._moves
        }
        return Part({**part.held, **moved}, part.targets, part.numbers)

    def _move(self, name: str, pictures: Any, rows: Tensor, epoch: int) -> Tensor:
        matrix: Tensor | None = None
        for kind, geometry in self._moves[name]:

            def draw(what: str, kind: str = kind) -> Tensor:
                key = derive(self._seed, "augment", self._fold, epoch, name, kind, what)
                return draw_uniform(rows, key)

            found = geometry.matrices(draw, tuple(pictures.shape[-2:]))
            matrix = found if matrix is None else compose(matrix, found)
        assert matrix is not None
        return move(pictures, matrix)
