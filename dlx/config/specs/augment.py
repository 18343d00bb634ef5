"""Augmentations by name: what is done to rows of the training set, anew in every epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from ...errors import Problem
from ..fields import Chosen, Component, Table, option
from ..shapes import Sizes

STAGES = ("geometry", "colour", "erase", "numbers", "mix")
"""In the order in which they act."""

Axis = Literal["horizontal", "vertical", "both"]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Base of all options.

    Attributes:
        stage: what it is done with: geometry is joined into one resampling, colour into one
            change of the pixels.
    """

    stage: ClassVar[str] = "geometry"

    def refuse(self, sizes: Sizes) -> str:  # noqa: ARG002 - one interface for all
        """Why pictures of such a shape cannot be given it; "" where they can."""
        return ""


@dataclass(frozen=True, kw_only=True)
class Flip(Augmentation):
    """Mirrors a picture, or leaves it as it is, each half of the time."""

    axis: Axis = option(
        "horizontal",
        "horizontal: left and right change places; vertical: top and bottom; both: each of the two "
        "half of the time",
    )


@dataclass(frozen=True, kw_only=True)
class Rotate(Augmentation):
    """Rotates a picture about its middle."""

    degrees: float = option(
        help="largest angle, to either side", unit="degrees", gt=0, le=180, example="40"
    )


@dataclass(frozen=True, kw_only=True)
class Shift(Augmentation):
    """Shifts a picture."""

    share: float = option(
        help="largest shift, to either side, as a share of the width and of the height, each of "
        "which is drawn by itself",
        gt=0,
        le=1,
        example="0.2",
    )
    axis: Axis = option(
        "both", "horizontal: by a share of the width; vertical: of the height; both: of each"
    )


@dataclass(frozen=True, kw_only=True)
class Shear(Augmentation):
    """Slants a picture: its columns slide along each other."""

    degrees: float = option(
        help="largest angle, to either side, as shear_range has it in Keras since 2.1 (in the "
        "book's Keras 2.0 that was in radians: its 0.2 is 11.5 degrees)",
        unit="degrees",
        gt=0,
        lt=90,
        example="11.5",
    )


@dataclass(frozen=True, kw_only=True)
class Zoom(Augmentation):
    """Enlarges a picture or makes it smaller, about its middle."""

    share: float = option(
        help="0.2: width and height are divided by numbers from 0.8 to 1.2, each drawn by itself",
        gt=0,
        lt=1,
        example="0.2",
    )
    keep_ratio: bool = option(False, "divides width and height by the same number")


@dataclass(frozen=True, kw_only=True)
class Crop(Augmentation):
    """Cuts a window out of a picture at a random place, and enlarges it to the picture's size."""

    padding: int = option(
        0, "pixels added on each side before, of which `fill` says what they are", ge=0, example="4"
    )
    size: int | None = option(
        None, "height and width of the window; null: those of the picture", unit="pixels", ge=1
    )

    def refuse(self, sizes: Sizes) -> str:
        """A window that does not fit, or can lie at one place only."""
        side = min(sizes[-2:]) + 2 * self.padding
        if self.size is not None and self.size > side:
            return f"a window of {self.size} pixels is larger than the {side} that there are"
        return "" if self.padding or self.size else "without padding and size it changes nothing"


@dataclass(frozen=True, kw_only=True)
class Fill(Augmentation):
    """Says what lies beyond the edge of a picture, where its geometry shows that."""

    beyond: Literal["edge", "reflect", "black"] = option(
        "edge",
        "edge: the pixels of the edge go on (Keras's nearest); reflect: the picture mirrored, its "
        "edge twice (Keras's reflect); black: 0 as a byte, else the least number in training rows",
        example="reflect",
    )


_FACTOR = "0.2: a factor from 0.8 to 1.2 is drawn, beyond 1 from 0 on"


@dataclass(frozen=True, kw_only=True)
class Colour(Augmentation):
    """Base of what changes each pixel by itself."""

    stage: ClassVar[str] = "colour"


@dataclass(frozen=True, kw_only=True)
class Brightness(Colour):
    """Makes a picture darker or brighter: multiplies its distance from black."""

    share: float = option(help=_FACTOR, gt=0, example="0.2")


@dataclass(frozen=True, kw_only=True)
class Contrast(Colour):
    """Makes a picture flatter or harder: multiplies its distance from its mean grey."""

    share: float = option(help=_FACTOR, gt=0, example="0.2")


@dataclass(frozen=True, kw_only=True)
class Saturation(Colour):
    """Makes the colours of a picture paler or stronger: multiplies their distance from grey."""

    share: float = option(help=_FACTOR, gt=0, example="0.2")

    def refuse(self, sizes: Sizes) -> str:
        """Pictures without colours."""
        return "" if len(sizes) == 3 and sizes[0] == 3 else "it needs pictures of three colours"


@dataclass(frozen=True, kw_only=True)
class Erase(Augmentation):
    """Puts a rectangle of one shade or of noise at a random place (random erasing, Zhong 2017)."""

    stage: ClassVar[str] = "erase"

    chance: float = option(0.5, "share of the pictures that get one", gt=0, le=1)
    smallest: float = option(0.02, "smallest area, as a share of the picture's", gt=0, le=1)
    largest: float = option(0.33, "largest area, likewise", gt=0, le=1)
    ratio: float = option(
        0.3, "least ratio of height and width, and of width and height", gt=0, le=1
    )
    fill: Literal["grey", "black", "noise"] = option(
        "grey", "grey: between black and white; noise: anything between, pixel by pixel"
    )

    def refuse(self, sizes: Sizes) -> str:  # noqa: ARG002 - one interface for all
        """Areas the wrong way round."""
        wrong = self.smallest > self.largest
        return f"smallest={self.smallest:g} is above largest={self.largest:g}" if wrong else ""


@dataclass(frozen=True, kw_only=True)
class Numbers(Augmentation):
    """Base of what changes each number of a row by itself, be it of a picture or not."""

    stage: ClassVar[str] = "numbers"


@dataclass(frozen=True, kw_only=True)
class Jitter(Numbers):
    """Adds normal noise to each number of a row."""

    std: float = option(
        0.1,
        "standard deviation of the noise, in units of the prepared numbers: after standardise, as "
        "a share of their own",
        gt=0,
    )


@dataclass(frozen=True, kw_only=True)
class Drop(Numbers):
    """Sets numbers of a row to 0, which is their mean after standardise."""

    share: float = option(0.2, "how many of the numbers, each by itself", gt=0, lt=1)


@dataclass(frozen=True, kw_only=True)
class Mix(Augmentation):
    """Base of what mixes two pictures."""

    stage: ClassVar[str] = "mix"


@dataclass(frozen=True, kw_only=True)
class Mixup(Mix):
    """Adds another training row's picture, and its target to the loss likewise (Zhang 2018)."""

    alpha: float = option(0.2, "shares are drawn from Beta(alpha, alpha)", gt=0, le=100)
    chance: float = option(1.0, "share of the pictures that are mixed", gt=0, le=1)


@dataclass(frozen=True, kw_only=True)
class Cutmix(Mix):
    """Pastes a rectangle of another row's picture, and weighs its target by its area (Yun 2019)."""

    alpha: float = option(1.0, "areas are drawn from Beta(alpha, alpha)", gt=0, le=100)
    chance: float = option(1.0, "share of the pictures that are mixed", gt=0, le=1)


_CODE = {
    "geometry": (Flip, Rotate, Shift, Shear, Zoom, Crop, Fill),
    "colour": (Brightness, Contrast, Saturation),
    "erasing": (Erase,),
    "numbers": (Jitter, Drop),
    "mixing": (Mixup, Cutmix),
}
AUGMENTATIONS = Table(
    "augmentation",
    {
        one.__name__.lower(): Component(one, f"dlx.sources.{module}:{one.__name__}")
        for module, every in _CODE.items()
        for one in every
    },
    short_forms="flip, {rotate: 40} or {name: rotate, degrees: 40}",
)


_KIND = {"augment": "augmentation", "views": "view"}


def refuse_pictures(
    section: str, name: str, every: Sequence[Chosen], sizes: Sizes, where: str
) -> Iterator[Problem]:
    """What is wrong with an input that is to be augmented, or seen in several ways.

    Args:
        section: "augment" or "views".
        name: of the input.
        every: what is to be done to it.
        sizes: the shape of a row, as prepared.
        where: the augmentation was written.
    """
    key = f"prepare.{section}.{name}"
    if len(sizes) == 1 and all(one.options.stage == "numbers" for one in every):
        return
    if len(sizes) not in (2, 3):
        what = f"`{key}`: input {name} holds no pictures after preparation"
        accepted = "rows of shape (height, width) or (channels, height, width)"
        yield Problem(what, where, accepted, f"{key}=[], or a preparation that keeps pictures")
        return
    shape = " x ".join(map(str, sizes))
    if min(sizes[-2:]) < 2:
        what = f"`{key}`: pictures of {sizes[-2]} x {sizes[-1]} pixels cannot be moved"
        yield Problem(what, where, "at least 2 x 2 pixels", f"{key}=[]")
    for one in every:
        if why := one.options.refuse(sizes):
            what = f"`{key}`: {one.name} on pictures of shape {shape}: {why}"
            yield Problem(what, where, hint=f"dlx help {_KIND[section]}.{one.name}")
