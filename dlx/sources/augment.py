"""Rows of the training set, changed anew in every epoch, on the device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from itertools import groupby
from typing import Any, Self

from torch import Tensor

from ..config.fields import Chosen
from ..config.schema import Config
from ..config.specs.augment import refuse_pictures
from ..data.columns import Input
from ..errors import UsageError
from ..seeds import derive
from .batches import Mixed, Part
from .colour import Recolouring
from .draws import Draw, Draws, draw_uniform
from .erasing import Erasing
from .fold import FoldData
from .geometry import Resampling
from .held import HeldDense
from .mixing import Mix
from .numbers import Scattering
from .shades import Shade, Shades

Stage = Callable[[Tensor, Draws], Tensor]
_STAGES: dict[str, Callable[[Any, Shades], Stage]] = {
    "geometry": Resampling,
    "colour": Recolouring,
    "erase": Erasing,
    "numbers": Scattering,
}


class Augmenter:
    """Changes the pictures of training rows, as a function of seed, fold, epoch and row.

    Args:
        chosen: the augmentations of each input, in order.
        inputs: what is known of all inputs.
        seed: what the draws derive from.
        fold: number of the fold, likewise.
        train: all training rows, of which partners are drawn where pictures are mixed.
        shades: black and white of inputs; of what is not named 0 and 1.
        view: tells several views of a row apart, which draw by themselves; "": there is one.

    Raises:
        UsageError: an input holds no pictures, or such as an augmentation cannot change.
    """

    def __init__(
        self,
        chosen: Mapping[str, Sequence[Chosen]],
        inputs: Mapping[str, Input],
        seed: int,
        fold: int = 0,
        train: Part | None = None,
        shades: Mapping[str, Shades] | None = None,
        view: str = "",
    ) -> None:
        self._seed, self._fold, self._train = seed, fold, train
        self._among = (view,) if view else ()
        self._stages: dict[str, list[Stage]] = {}
        self._mix: dict[str, tuple[str, Mix]] = {}
        for name, every in chosen.items():
            one = inputs[name]
            sizes = one.shape if one.kind == "dense" else ()
            if wrong := list(refuse_pictures("augment", name, every, sizes, "prepare.augment")):
                raise UsageError(*wrong)
            self._stages[name] = []
            for stage, found in groupby(_name(every), lambda pair: pair[1].options.stage):
                members = [(kind, one.load()(one.options)) for kind, one in found]
                if stage == "mix":
                    (self._mix[name],) = members
                else:
                    asked = (shades or {}).get(name, Shade)
                    self._stages[name].append(_STAGES[stage](members, asked))

    @classmethod
    def of(cls, config: Config, fold: FoldData, number: int, view: str = "") -> Self | None:
        """That of a config; None where there is nothing to do.

        Args:
            config: the config.
            fold: whose training rows are changed.
            number: of the fold.
            view: which of several views of a row.
        """
        chosen = {name: every for name, every in config.prepare.augment.items() if every}
        if not chosen:
            return None
        shades = {n: cache(partial(Shade.of, fold.columns[n], fold.rows.train)) for n in chosen}
        return cls(chosen, fold.inputs, config.seed, number, fold.train, shades, view)

    def __call__(self, part: Part, epoch: int) -> Part:
        """Some training rows as an epoch sees them."""
        pictures = self._change(part, epoch)
        mixed = self._mix_in(pictures, part.numbers, epoch) if self._mix else None
        held = {name: HeldDense(values) for name, values in pictures.items()}
        return Part({**part.held, **held}, part.targets, part.numbers, mixed)

    def _change(self, part: Part, epoch: int) -> dict[str, Tensor]:
        """The pictures of each input, not mixed yet."""
        found = {}
        for name, stages in self._stages.items():
            pictures: Any = part.held[name].batch(0, len(part))
            for stage in stages:
                pictures = stage(pictures, partial(self._draw, part.numbers, epoch, name))
            found[name] = pictures
        return found

    def _mix_in(self, pictures: dict[str, Tensor], rows: Tensor, epoch: int) -> Mixed:
        """Mixes pictures, in place, with those of training rows that each draws as its partner."""
        assert self._train is not None
        ((name, (kind, mix)),) = self._mix.items()
        draw, numbers = self._draw(rows, epoch, name, kind), self._train.numbers
        places = (draw("partner") * len(numbers)).long()  # in the order of the dataset's rows
        partner = self._train.take(numbers.argsort(stable=True)[places])
        others = self._change(partner, epoch)[name]
        pictures[name], shares = mix.mix(pictures[name], others, mix.shares(draw), draw)
        return Mixed(partner.targets, shares)

    def _draw(self, rows: Tensor, epoch: int, name: str, kind: str) -> Draw:
        def draw(what: str) -> Tensor:
            key = derive(self._seed, "augment", self._fold, epoch, name, kind, what, *self._among)
            return draw_uniform(rows, key)

        return draw


def _name(every: Sequence[Chosen]) -> list[tuple[str, Chosen]]:
    """Each with a name to draw by: rotate, and a second one rotate1."""
    names = [one.name for one in every]
    return [(f"{one.name}{names[:at].count(one.name) or ''}", one) for at, one in enumerate(every)]
