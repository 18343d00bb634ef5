"""Augmentations by name: what is done to pictures of the training set, anew in every epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ...errors import Problem
from ..fields import Component, Table, option
from ..shapes import Sizes


@dataclass(frozen=True, kw_only=True)
class Flip:
    """Mirrors a picture, or leaves it as it is, each half of the time."""

    axis: Literal["horizontal", "vertical", "both"] = option(
        "horizontal",
        "horizontal: left and right change places; vertical: top and bottom; both: each of the two "
        "half of the time",
    )


@dataclass(frozen=True, kw_only=True)
class Rotate:
    """Rotates a picture about its middle; what comes in at the corners repeats the edge."""

    degrees: float = option(
        help="largest angle, to either side", unit="degrees", gt=0, le=180, example="40"
    )


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Shifts a picture; what comes in repeats the edge."""

    share: float = option(
        help="largest shift, to either side, as a share of the width and of the height, each of "
        "which is drawn by itself",
        gt=0,
        le=1,
        example="0.2",
    )
    axis: Literal["horizontal", "vertical", "both"] = option(
        "both", "horizontal: by a share of the width; vertical: of the height; both: of each"
    )


@dataclass(frozen=True, kw_only=True)
class Shear:
    """Slants a picture: its columns slide along each other; what comes in repeats the edge."""

    degrees: float = option(
        help="largest angle, to either side, as shear_range has it in Keras since 2.1 (in the "
        "book's Keras 2.0 that was in radians: its 0.2 is 11.5 degrees)",
        unit="degrees",
        gt=0,
        lt=90,
        example="11.5",
    )


@dataclass(frozen=True, kw_only=True)
class Zoom:
    """Enlarges a picture or makes it smaller, about its middle; what comes in repeats the edge."""

    share: float = option(
        help="0.2: width and height are divided by numbers from 0.8 to 1.2, each drawn by itself",
        gt=0,
        lt=1,
        example="0.2",
    )
    keep_ratio: bool = option(False, "divides width and height by the same number")


_CODE = "dlx.sources.geometry"
AUGMENTATIONS = Table(
    "augmentation",
    {
        "flip": Component(Flip, f"{_CODE}:Flip"),
        "rotate": Component(Rotate, f"{_CODE}:Rotate"),
        "shift": Component(Shift, f"{_CODE}:Shift"),
        "shear": Component(Shear, f"{_CODE}:Shear"),
        "zoom": Component(Zoom, f"{_CODE}:Zoom"),
    },
    short_forms="flip, {rotate: 40} or {name: rotate, degrees: 40}",
)


def refuse_no_pictures(name: str, sizes: Sizes, where: str) -> Iterator[Problem]:
    """What is wrong with an input that is to be augmented.

    Args:
        name: of the input.
        sizes: the shape of a row, as prepared.
        where: the augmentation was written.
    """
    key = f"prepare.augment.{name}"
    if len(sizes) not in (2, 3):
        what = f"`{key}`: input {name} holds no pictures after preparation"
        accepted = "rows of shape (height, width) or (channels, height, width)"
        yield Problem(what, where, accepted, f"{key}=[], or a preparation without flatten")
    elif min(sizes[-2:]) < 2:
        what = f"`{key}`: pictures of {sizes[-2]} x {sizes[-1]} pixels cannot be moved"
        yield Problem(what, where, "at least 2 x 2 pixels", f"{key}=[]")
