"""Learners whose only weights are the pixels of a picture; a network that stays looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ..fields import option
from .learner import Learner
from .networks import Name
from .pretrained import Base


@dataclass(frozen=True, kw_only=True)
class Looks(Base, Learner):
    """Options of learners of a picture: the network that looks at it, whose weights never move."""

    upto: ClassVar[str] = ""  # type: ignore[misc]  # the last of the layers that are named

    network: Name | None = option(  # type: ignore[assignment]
        None,
        "network of torchvision that looks at the picture; null: that of the run in `from_run`",
        example="squeezenet1_1",
    )


def counted(layers: dict[str, float]) -> dict[str, float]:
    """Those that count something: a task's layer is left out by 0."""
    return {name: weight for name, weight in layers.items() if weight}


@dataclass(frozen=True, kw_only=True)
class Dream(Looks):
    """DeepDream: changes a picture until layers of a network answer to it more (Mordvintsev, 2015).

    An epoch is an octave, of `trainer.steps_per_epoch` steps at most.
    """

    spec = "dlx.config.dreams:DreamSpec"

    layers: dict[str, float] = option(
        dict,
        "layers whose mean squared answers are to grow, and how much each counts; none: the last "
        "convolution of the run in `from_run`; 0 leaves one out",
        example="{features.7: 1, features.10: 2}",
    )
    octaves: int = option(3, "sizes of the picture, from small to its own, one an epoch", ge=1)
    octave_scale: float = option(1.4, "each size by the one before", gt=1)
    border: int = option(
        2, "places at the edges of a layer's answer that do not count, where it has others", ge=0
    )
    stop_above: float | None = option(
        None, "objective above which an octave ends, and its last step is taken back; null: none"
    )
    normalise: bool = option(
        True, "divide the gradient by its mean absolute value (at least 1e-7), as the book does"
    )
    clip: bool = option(True, "cut off after each step what is beyond black or white")
    start: Literal["picture", "noise"] = option("picture", "what it starts from")


@dataclass(frozen=True, kw_only=True)
class Style(Looks):
    """Style transfer: the contents of one picture in the style of another (Gatys, 2015).

    An epoch is a round, of `trainer.steps_per_epoch` steps.
    """

    spec = "dlx.config.dreams:StyleSpec"

    content: dict[str, float] = option(
        dict,
        "layers whose answers are to be those to the content, and how much each counts",
        example="{features.9: 1}",
    )
    style: dict[str, float] = option(
        dict,
        "layers whose correlations of channels are to be those of the style, and how much each "
        "counts",
        example="{features.1: 0.5, features.4: 0.5}",
    )
    variation: float = option(
        0.0, "weight of the total variation, which is small where neighbours are alike", ge=0
    )
    power: float = option(1.25, "to which each place's squared differences are raised there", gt=0)
    units: Literal["relative", "book"] = option(
        "relative",
        "relative: each part as a share of what the targets have, so that weights fit any network. "
        "book: sums as in Chollet's 8.3, in bytes, which depend on the network and the size",
    )
    clip: bool = option(True, "look at the picture with what is beyond black or white cut off")
    start: Literal["content", "noise"] = option("content", "what it starts from")
